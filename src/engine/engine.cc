#include "engine/engine.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "sys/plugin_library.h"

namespace headrace::engine {
namespace {

constexpr std::string_view kPrefix = "headrace_engine_";
constexpr std::string_view kSuffix = ".so";
constexpr std::size_t kErrorSize = 2048;
// More inputs or outputs than any model has: a plug-in that claims more is broken.
constexpr std::uint32_t kMaxTensors = 1024;

// Names become part of a path, so they are held to one folder and one spelling.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::optional<std::string> name_of_file(const std::string& file) {
  if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix)) return std::nullopt;
  if (file.size() <= kPrefix.size() + kSuffix.size()) return std::nullopt;
  std::string name = file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size());
  return is_name(name) ? std::optional(std::move(name)) : std::nullopt;
}

std::string joined(const auto& parts, auto&& text) {
  std::string all;
  for (const auto& part : parts) all += (all.empty() ? "" : ", ") + std::string(text(part));
  return all.empty() ? "none" : all;
}

Error no_such_engine(std::string_view name, Folders folders) {
  const auto same = [](const std::string& s) { return s; };
  return {"there is no engine \"" + std::string(name) + "\": installed are " +
          joined(available(folders), same) + " (looked in " +
          joined(folders, [](const std::filesystem::path& p) { return p.string(); }) + ")"};
}

// Room for an engine's sentence. Whatever the plug-in wrote, it is cut, terminated and put on one
// line here.
struct ErrorText {
  std::array<char, kErrorSize> buffer;

  ErrorText() { buffer.front() = '\0'; }

  std::string text() {
    buffer.back() = '\0';
    std::string sentence;
    for (const char* c = buffer.data(); *c != '\0'; ++c) {
      const bool blank = static_cast<unsigned char>(*c) <= 0x20 || *c == 0x7f;
      if (!blank) {
        sentence += *c;
      } else if (!sentence.empty() && sentence.back() != ' ') {
        sentence += ' ';
      }
    }
    if (sentence.ends_with(' ')) sentence.pop_back();
    return sentence.empty() ? "it gave no reason" : sentence;
  }
};

bool whole(const hr_engine& table) {
  return table.name && table.version && table.open && table.close && table.input_count &&
         table.output_count && table.input_info && table.output_info && table.infer;
}

std::string bounded(const char* text, std::size_t limit) {
  return text == nullptr ? std::string() : std::string(text, ::strnlen(text, limit));
}

// A number that a plug-in wrote: checked before it becomes an enumerator.
std::optional<DType> known_type(std::int32_t number) {
  if (number <= 0 || number > HR_F64) return std::nullopt;
  return static_cast<DType>(number);
}

std::optional<TensorInfo> parse(const hr_tensor_info& info) {
  const std::optional<DType> type = known_type(info.dtype);
  if (!type || info.rank > HR_MAX_RANK) return std::nullopt;
  const std::optional<Shape> shape = Shape::of({info.dims, info.rank});
  if (!shape) return std::nullopt;
  return TensorInfo{bounded(info.name, HR_NAME_SIZE), *type, *shape};
}

hr_tensor raw(const TensorInfo& info) {
  hr_tensor tensor{};
  std::copy_n(info.name.begin(), std::min<std::size_t>(info.name.size(), HR_NAME_SIZE - 1),
              tensor.info.name);
  tensor.info.dtype = info.type;
  return tensor;
}

void set_shape(hr_tensor_info& info, const Shape& shape) {
  info.rank = static_cast<std::uint32_t>(shape.rank());
  std::ranges::copy(shape.dims(), info.dims);
}

}  // namespace

std::vector<std::string> available(Folders folders) {
  std::set<std::string> names;
  for (const std::filesystem::path& folder : folders) {
    std::error_code none;
    for (std::filesystem::directory_iterator it(folder, none), end; !none && it != end;
         it.increment(none)) {
      if (const auto name = name_of_file(it->path().filename().string())) names.insert(*name);
    }
  }
  return {names.begin(), names.end()};
}

std::optional<std::filesystem::path> find(std::string_view name, Folders folders) {
  if (!is_name(name)) return std::nullopt;
  for (const std::filesystem::path& folder : folders) {
    std::filesystem::path file =
        folder / (std::string(kPrefix) + std::string(name) + std::string(kSuffix));
    std::error_code none;
    if (std::filesystem::is_regular_file(file, none)) return file;
  }
  return std::nullopt;
}

std::span<const std::string_view> preference(const std::filesystem::path& model) {
  // The order for ONNX files is a measurement, not a taste: see docs/decisions.
  static constexpr std::array<std::string_view, 2> kOnnx = {"openvino", "onnxruntime"};
  static constexpr std::array<std::string_view, 1> kOpenVinoIr = {"openvino"};
  static constexpr std::array<std::string_view, 1> kFake = {"fake"};
  const std::filesystem::path extension = model.extension();
  if (extension == ".onnx") return kOnnx;
  if (extension == ".xml") return kOpenVinoIr;
  if (extension == ".fake") return kFake;
  return {};
}

std::optional<std::string> choose(const std::filesystem::path& model,
                                  std::span<const std::string> installed) {
  for (const std::string_view name : preference(model)) {
    if (std::ranges::find(installed, name) != installed.end()) return std::string(name);
  }
  return std::nullopt;
}

Plugin::Plugin(const hr_engine* table, std::string name)
    : table_(table), name_(std::move(name)), version_(bounded(table->version(), 64)) {}

Result<Plugin> Plugin::load(std::string_view name, Folders folders) {
  const auto file = find(name, folders);
  if (!file) return no_such_engine(name, folders);
  return load_file(name, *file);
}

Result<Plugin> Plugin::load_file(std::string_view name, const std::filesystem::path& file) {
  const std::string who = "engine " + std::string(name) + " (" + file.string() + ")";
  const auto library = sys::PluginLibrary::open(file);
  if (!library) return Error{who + " does not load: " + library.error().message};
  // POSIX promises that an address from the dynamic linker may be turned into a function pointer.
  const auto entry = reinterpret_cast<hr_engine_entry_fn>(library->symbol(HR_ENGINE_ENTRY_SYMBOL));
  if (entry == nullptr)
    return Error{who + " is no plug-in: it has no symbol " HR_ENGINE_ENTRY_SYMBOL};
  const hr_engine* table = entry(HR_ENGINE_ABI);
  if (table == nullptr || table->abi != HR_ENGINE_ABI) {
    return Error{who + " does not speak version " + std::to_string(HR_ENGINE_ABI) +
                 " of the engine interface: rebuild it with this Headrace"};
  }
  if (table->struct_size < sizeof(hr_engine) || !whole(*table)) {
    return Error{who + " is broken: its table of functions has gaps"};
  }
  if (bounded(table->name, 64) != name) {
    return Error{who + " calls itself \"" + bounded(table->name, 64) + "\": its file was renamed"};
  }
  return Plugin(table, std::string(name));
}

Result<Session> Plugin::open(const OpenOptions& options) const {
  if (options.streams < 1 || options.streams > options.threads) {
    return Error{"engine " + name_ + " cannot run " + std::to_string(options.streams) +
                 " streams with " + std::to_string(options.threads) +
                 " threads: a stream takes a thread at least"};
  }
  hr_open_options raw_options{};
  raw_options.struct_size = sizeof raw_options;
  raw_options.threads = options.threads;
  raw_options.streams = options.streams;
  raw_options.model_path = options.model.c_str();
  raw_options.precision = options.precision.c_str();
  if (options.input) {
    raw_options.input_rank = static_cast<std::uint32_t>(options.input->rank());
    std::ranges::copy(options.input->dims(), raw_options.input_dims);
  }
  ErrorText error;
  hr_session* handle = nullptr;
  if (table_->open(&raw_options, &handle, error.buffer.data(), error.buffer.size()) != 0 ||
      handle == nullptr) {
    return Error{"engine " + name_ + " cannot open " + options.model.string() + ": " +
                 error.text()};
  }
  Session session(table_, handle);
  if (const Status described = session.describe(options.streams); !described)
    return described.error();
  if (options.input && !session.inputs_.empty() && !session.inputs_[0].shape.fits(*options.input)) {
    return session.error("its input has shape " + session.inputs_[0].shape.to_string() + ", not " +
                         options.input->to_string());
  }
  return session;
}

Error Session::error(std::string_view message) const {
  return {"engine " + std::string(handle_.get_deleter().table->name) + ": " + std::string(message)};
}

Status Session::describe(std::uint32_t streams) {
  const hr_engine& table = *handle_.get_deleter().table;
  Stream stream;
  const auto read = [&](auto count_of, auto info_of, std::vector<TensorInfo>& infos,
                        std::vector<hr_tensor>& raws) {
    const std::uint32_t count = count_of(handle_.get());
    if (count > kMaxTensors) return false;
    for (std::uint32_t i = 0; i < count; ++i) {
      hr_tensor_info info{};
      if (info_of(handle_.get(), i, &info) != 0) return false;
      auto parsed = parse(info);
      if (!parsed) return false;
      raws.push_back(raw(*parsed));
      infos.push_back(*std::move(parsed));
    }
    return true;
  };
  if (!read(table.input_count, table.input_info, inputs_, stream.raw_inputs) ||
      !read(table.output_count, table.output_info, outputs_, stream.raw_outputs)) {
    return error("it describes the model's inputs and outputs wrongly");
  }
  stream.results.resize(outputs_.size());
  streams_.assign(streams, stream);
  return Ok{};
}

Status Session::check_input(std::size_t index, const Tensor& tensor) const {
  const TensorInfo& want = inputs_[index];
  if (tensor.type != want.type || !want.shape.fits(tensor.shape)) {
    return error("input \"" + want.name + "\" takes " + std::string(name_of(want.type)) +
                 want.shape.to_string() + ", not " + std::string(name_of(tensor.type)) +
                 tensor.shape.to_string());
  }
  if (bytes_of(tensor.type, tensor.shape) != tensor.data.size()) {
    return error("input \"" + want.name + "\" has " + std::to_string(tensor.data.size()) +
                 " bytes, which is not " + std::string(name_of(tensor.type)) +
                 tensor.shape.to_string());
  }
  return Ok{};
}

Status Session::take_output(Stream& stream, std::size_t index) const {
  const hr_tensor& got = stream.raw_outputs[index];
  const auto info = parse(got.info);
  const auto bytes = info ? bytes_of(info->type, info->shape) : std::nullopt;
  if (!bytes || *bytes != got.bytes || (got.data == nullptr && *bytes > 0)) {
    return error("it returned output \"" + outputs_[index].name +
                 "\" with a shape and size that do not agree");
  }
  stream.results[index] = {
      info->type, info->shape, {static_cast<const std::byte*>(got.data), got.bytes}};
  return Ok{};
}

Result<std::span<const Tensor>> Session::infer(std::span<const Tensor> inputs,
                                               std::uint32_t stream) {
  if (stream >= streams_.size()) {
    return error("it was opened with " + std::to_string(streams_.size()) +
                 " streams, so there is no stream " + std::to_string(stream));
  }
  Stream& own = streams_[stream];
  if (inputs.size() != inputs_.size()) {
    return error("the model takes " + std::to_string(inputs_.size()) + " inputs, not " +
                 std::to_string(inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (const Status fine = check_input(i, inputs[i]); !fine) return fine.error();
    set_shape(own.raw_inputs[i].info, inputs[i].shape);
    // The C interface has one tensor type for both directions; inputs are only read.
    own.raw_inputs[i].data = const_cast<std::byte*>(inputs[i].data.data());
    own.raw_inputs[i].bytes = inputs[i].data.size();
  }
  for (hr_tensor& output : own.raw_outputs)
    output = {};  // nothing of the last call may pass for a new result
  ErrorText message;
  if (handle_.get_deleter().table->infer(handle_.get(), stream, own.raw_inputs.data(),
                                         own.raw_outputs.data(), message.buffer.data(),
                                         message.buffer.size()) != 0) {
    return error(message.text());
  }
  for (std::size_t i = 0; i < own.results.size(); ++i) {
    if (const Status fine = take_output(own, i); !fine) return fine.error();
  }
  return std::span<const Tensor>(own.results);
}

}  // namespace headrace::engine
