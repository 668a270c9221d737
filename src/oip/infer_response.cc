#include "oip/infer_response.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "oip/classification.h"
#include "oip/refusal.h"

namespace headrace::oip {
namespace {

std::string_view characters(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Numbers into a string, through a buffer, so that the string grows seldom.
class NumberWriter {
 public:
  explicit NumberWriter(std::string& out) : out_(out) {}
  NumberWriter(const NumberWriter&) = delete;
  NumberWriter& operator=(const NumberWriter&) = delete;
  ~NumberWriter() { flush(); }

  template <class T>
  void add(T value) {
    if (used_ + kMostChars > buffer_.size()) flush();
    if (!first_) buffer_[used_++] = ',';
    first_ = false;
    if constexpr (std::is_same_v<T, bool>) {
      word(value ? "true" : "false");
    } else if constexpr (std::is_floating_point_v<T>) {
      if (std::isfinite(value)) return number(value);
      word("null");
    } else {
      number(value);
    }
  }

 private:
  static constexpr std::size_t kMostChars = 32;  // "-2.2250738585072014e-308" and a comma are 25

  template <class T>
  void number(T value) {
    char* const end = std::to_chars(&buffer_[used_], buffer_.data() + buffer_.size(), value).ptr;
    used_ = static_cast<std::size_t>(end - buffer_.data());
  }
  void word(std::string_view text) {
    text.copy(&buffer_[used_], text.size());
    used_ += text.size();
  }
  void flush() {
    out_.append(buffer_.data(), used_);
    used_ = 0;
  }

  std::string& out_;
  std::array<char, 4096> buffer_;
  std::size_t used_ = 0;
  bool first_ = true;
};

template <class T>
void append_numbers(std::string& out, std::span<const std::byte> bytes) {
  NumberWriter numbers(out);
  using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
  for (; bytes.size() >= sizeof(Stored); bytes = bytes.subspan(sizeof(Stored))) {
    Stored value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    if constexpr (std::is_same_v<T, bool>) {
      numbers.add(value != 0);
    } else {
      numbers.add(value);
    }
  }
}

// Framed right, as was checked before.
void append_strings(std::string& out, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof size);
    if (out.back() != '[') out += ',';
    append_json_string(out, characters(bytes.subspan(sizeof size, size)));
    bytes = bytes.subspan(sizeof size + size);
  }
}

bool append_values(std::string& out, Datatype type, std::span<const std::byte> bytes) {
  switch (type) {
    case Datatype::boolean:
      append_numbers<bool>(out, bytes);
      return true;
    case Datatype::uint8:
      append_numbers<std::uint8_t>(out, bytes);
      return true;
    case Datatype::uint16:
      append_numbers<std::uint16_t>(out, bytes);
      return true;
    case Datatype::uint32:
      append_numbers<std::uint32_t>(out, bytes);
      return true;
    case Datatype::uint64:
      append_numbers<std::uint64_t>(out, bytes);
      return true;
    case Datatype::int8:
      append_numbers<std::int8_t>(out, bytes);
      return true;
    case Datatype::int16:
      append_numbers<std::int16_t>(out, bytes);
      return true;
    case Datatype::int32:
      append_numbers<std::int32_t>(out, bytes);
      return true;
    case Datatype::int64:
      append_numbers<std::int64_t>(out, bytes);
      return true;
    case Datatype::fp32:
      append_numbers<float>(out, bytes);
      return true;
    case Datatype::fp64:
      append_numbers<double>(out, bytes);
      return true;
    case Datatype::bytes:
      append_strings(out, bytes);
      return true;
    case Datatype::fp16:
    case Datatype::bf16:
      break;
  }
  return false;
}

std::optional<Error> check(const OutputTensor& output) {
  const std::string who = "the model's output " + in_quotes(output.name);
  const std::string of_shape =
      output.shape.to_string() + " of " + std::string(name_of(output.datatype));
  const std::optional<std::size_t> elements = output.shape.elements();
  if (!elements) return Error{who + " has the impossible shape " + of_shape};
  if (output.datatype == Datatype::bytes) {
    if (count_elements(output.bytes) == elements) return std::nullopt;
    return Error{who + " does not hold the strings of its shape " + of_shape};
  }
  if (bytes_of(output.datatype, output.shape) == output.bytes.size()) return std::nullopt;
  return Error{who + " has " + std::to_string(output.bytes.size()) +
               " bytes, which is not what its shape " + of_shape + " needs"};
}

class ResponseWriter {
 public:
  void head(const ResponseHead& head) {
    json() += R"({"model_name":)";
    append_json_string(json(), head.model);
    if (!head.version.empty()) {
      json() += R"(,"model_version":)";
      append_json_string(json(), head.version);
    }
    if (!head.id.empty()) {
      json() += R"(,"id":)";
      append_json_string(json(), head.id);
    }
    json() += R"(,"outputs":[)";
  }

  std::optional<Error> output(const OutputTensor& output) {
    if (std::optional<Error> wrong = check(output)) return wrong;
    if (output.classes == 0) return write(output);
    Result<Classification> best =
        classify(output.datatype, output.shape, output.bytes, output.classes, output.labels);
    if (!best) return Error{"output " + in_quotes(output.name) + ": " + best.error().message};
    OutputTensor classes{.name = output.name,
                         .datatype = Datatype::bytes,
                         .shape = best->shape,
                         .bytes = {},
                         .binary = output.binary};
    // Moving a vector of vectors leaves their bytes where they are.
    response_.made.push_back(std::move(best->strings));
    classes.bytes = response_.made.back();
    return write(classes);
  }

  InferResponse finish() {
    json() += "]}";
    return std::move(response_);
  }

 private:
  std::string& json() { return response_.json; }

  std::optional<Error> write(const OutputTensor& output) {
    if (json().back() != '[') json() += ',';
    json() += R"({"name":)";
    append_json_string(json(), output.name);
    json() += R"(,"datatype":")";
    json() += name_of(output.datatype);
    json() += R"(","shape":[)";
    append_dims(output.shape);
    if (output.binary) {
      json() += R"(],"parameters":{"binary_data_size":)";
      json() += std::to_string(output.bytes.size());
      json() += "}}";
      response_.binary = true;
      response_.tail_bytes += output.bytes.size();
      response_.tail.push_back(output.bytes);
      return std::nullopt;
    }
    json() += R"(],"data":[)";
    if (!append_values(json(), output.datatype, output.bytes))
      return Error{"output " + in_quotes(output.name) + " is " +
                   std::string(name_of(output.datatype)) +
                   ", which JSON cannot carry: ask for it with parameter 'binary_data' true"};
    json() += "]}";
    return std::nullopt;
  }

  void append_dims(const engine::Shape& shape) {
    NumberWriter numbers(json());
    for (const std::int64_t dim : shape.dims()) numbers.add(dim);
  }

  InferResponse response_;
};

}  // namespace

Result<InferResponse> write_infer_response(const ResponseHead& head,
                                           std::span<const OutputTensor> outputs) {
  ResponseWriter writer;
  writer.head(head);
  for (const OutputTensor& output : outputs) {
    if (std::optional<Error> wrong = writer.output(output)) return *std::move(wrong);
  }
  return writer.finish();
}

}  // namespace headrace::oip
