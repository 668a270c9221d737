#include "model/onnx_header.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "model/wire.h"
#include "model/wording.h"

namespace headrace::model {
namespace {

// Field numbers of onnx.proto, which never change once published.
namespace model_proto {
constexpr std::uint32_t graph = 7;
}
namespace graph_proto {
constexpr std::uint32_t initializer = 5, input = 11, output = 12, sparse_initializer = 15;
}
namespace tensor_proto {
constexpr std::uint32_t name = 8, external_data = 13;
}
namespace value_info {
constexpr std::uint32_t name = 1, type = 2;
}
namespace type_proto {
constexpr std::uint32_t tensor = 1, sequence = 4, map = 5, sparse_tensor = 8, optional = 9;
}

constexpr std::size_t kMostTensors = 100'000;
constexpr std::size_t kHighestRank = 64;

struct ElementType {
  std::string_view name;
  hr_dtype dtype;
};
// By the numbers of TensorProto.DataType.
constexpr std::array<ElementType, 17> kElements = {{{"undefined", HR_DTYPE_NONE},
                                                    {"f32", HR_F32},
                                                    {"u8", HR_U8},
                                                    {"i8", HR_I8},
                                                    {"u16", HR_U16},
                                                    {"i16", HR_I16},
                                                    {"i32", HR_I32},
                                                    {"i64", HR_I64},
                                                    {"string", HR_DTYPE_NONE},
                                                    {"bool", HR_BOOL},
                                                    {"f16", HR_F16},
                                                    {"f64", HR_F64},
                                                    {"u32", HR_U32},
                                                    {"u64", HR_U64},
                                                    {"complex64", HR_DTYPE_NONE},
                                                    {"complex128", HR_DTYPE_NONE},
                                                    {"bf16", HR_DTYPE_NONE}}};

class Reader {
 public:
  explicit Reader(WireSource& source) : source_(source) {}

  void model() {
    WireMessage message(source_);
    while (const auto field = message.next()) {
      if (!field->bytes(model_proto::graph)) continue;
      has_graph_ = true;
      graph(*field);
    }
    std::erase_if(found_.inputs,
                  [this](const Tensor& input) { return initializers_.contains(input.name); });
  }

  bool has_graph() const { return has_graph_; }
  Signature take() { return std::move(found_); }

 private:
  void graph(const WireField& in) {
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (field->bytes(graph_proto::initializer)) {
        initializer(*field);
      } else if (field->bytes(graph_proto::sparse_initializer)) {
        sparse_initializer(*field);
      } else if (field->bytes(graph_proto::input)) {
        tensor(*field, found_.inputs);
      } else if (field->bytes(graph_proto::output)) {
        tensor(*field, found_.outputs);
      }
    }
  }

  // Files before ONNX IR 4 list every initializer among the inputs as well: its name takes it out
  // again.
  void initializer(const WireField& in) {
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (field->bytes(tensor_proto::name)) {
        initializers_.insert(source_.text(field->begin, field->end));
      } else if (field->bytes(tensor_proto::external_data)) {
        external_data(*field);
      }
    }
  }

  void sparse_initializer(const WireField& in) {
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (field->bytes(1)) initializer(*field);  // its values, which carry the name
    }
  }

  // A pair of strings; the one whose key is "location" names the file that holds the weights.
  void external_data(const WireField& in) {
    std::string key, value;
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (field->bytes(1)) key = source_.text(field->begin, field->end);
      if (field->bytes(2)) value = source_.text(field->begin, field->end);
    }
    auto& files = found_.external_files;
    if (key != "location" || (!files.empty() && files.back() == value)) return;
    if (files.size() < 1000 && std::ranges::find(files, value) == files.end()) {
      files.push_back(std::move(value));
    }
  }

  void tensor(const WireField& in, std::vector<Tensor>& list) {
    if (list.size() >= kMostTensors) return source_.fail("it has too many inputs or outputs");
    Tensor& made = list.emplace_back();
    made.type = "untyped";
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (field->bytes(value_info::name)) made.name = source_.text(field->begin, field->end);
      if (field->bytes(value_info::type)) type(*field, made);
    }
  }

  void type(const WireField& in, Tensor& made) {
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (field->bytes(type_proto::tensor)) tensor_type(*field, made);
      if (field->bytes(type_proto::sequence)) made.type = "sequence";
      if (field->bytes(type_proto::map)) made.type = "map";
      if (field->bytes(type_proto::sparse_tensor)) made.type = "sparse tensor";
      if (field->bytes(type_proto::optional)) made.type = "optional";
    }
  }

  void tensor_type(const WireField& in, Tensor& made) {
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (field->varint(1)) {
        const bool known = field->value < kElements.size();
        made.dtype = known ? kElements[field->value].dtype : HR_DTYPE_NONE;
        made.type =
            known ? kElements[field->value].name : "element type " + std::to_string(field->value);
      } else if (field->bytes(2)) {
        shape(*field, made);
      }
    }
  }

  void shape(const WireField& in, Tensor& made) {
    made.dims.emplace();
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (!field->bytes(1)) continue;
      if (made.dims->size() >= kHighestRank)
        return source_.fail("a tensor has too many dimensions");
      made.dims->push_back(dimension(*field));
    }
  }

  std::int64_t dimension(const WireField& in) {
    std::int64_t value = -1;
    WireMessage message(source_, in);
    while (const auto field = message.next()) {
      if (field->varint(1))
        value = std::max<std::int64_t>(static_cast<std::int64_t>(field->value), -1);
      if (field->bytes(2)) value = -1;  // a symbol, such as "N"
    }
    return value;
  }

  WireSource& source_;
  Signature found_;
  std::set<std::string, std::less<>> initializers_;
  bool has_graph_ = false;
};

// What a file that is no ONNX most likely is, as the end of a sentence; empty if nothing is known.
std::string looks_like(WireSource& fresh) {
  std::string head;
  for (std::uint64_t i = 0; i < 256; ++i) {
    const auto next = fresh.byte(i);
    if (!next) break;
    head += static_cast<char>(*next);
  }
  if (head.starts_with("version https://git-lfs")) {
    return "it is a Git LFS pointer, not the model: fetch the real file with 'git lfs pull'";
  }
  if (head.starts_with("PK\x03\x04"))
    return "it is a zip archive (a PyTorch checkpoint?): export it to ONNX";
  if (head.starts_with("\x89HDF")) return "it is an HDF5 file (Keras?): export it to ONNX";
  if (head.starts_with("\x1f\x8b")) return "it is compressed with gzip: unpack it first";
  const bool text = std::ranges::all_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7F : byte == '\n' || byte == '\r' || byte == '\t';
  });
  return text ? "it is a text file" : "";
}

}  // namespace

Result<Signature> read_onnx(std::istream& in, std::string_view file) {
  const std::string name(file);
  WireSource source(in);
  if (source.problem().empty() && source.size() == 0) {
    return Error{name + " is empty (0 bytes): copy or export the model again"};
  }
  Reader reader(source);
  reader.model();
  Signature found = reader.take();
  if (source.problem().empty() && !found.outputs.empty()) return found;

  WireSource fresh(in);
  if (const std::string kind = looks_like(fresh); !kind.empty()) {
    return Error{name + " is no ONNX model: " + kind};
  }
  if (source.problem().empty()) {
    return Error{name +
                 (reader.has_graph() ? " is no usable ONNX model: its graph has no outputs"
                                     : " is no ONNX model: it holds no graph") +
                 "; export the model again"};
  }
  if (source.cut_short()) {
    return Error{name + " is cut short, or is no ONNX model: " + source.problem() +
                 "; copy or export the model again"};
  }
  return Error{name + " is broken, or is no ONNX model: " + source.problem() +
               "; copy or export the model again"};
}

}  // namespace headrace::model
