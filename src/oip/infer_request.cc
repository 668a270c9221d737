#include "oip/infer_request.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "oip/json_data.h"
#include "oip/json_reader.h"

namespace headrace::oip {
namespace {

constexpr std::size_t kKeptBytes = 1 << 20;  // a parser that grew larger is not kept

// One input as the request words it, before the model is asked.
struct RawInput {
  std::string name;
  std::string datatype;
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<std::uint64_t> binary_bytes;
  std::optional<std::size_t> data_bytes;  // the length of its JSON data, brackets included
};

struct RawOutput {
  std::string name;
  std::optional<bool> binary{};
  std::uint32_t classes = 0;
};

// What is said of a file's answer.
Signature file_signature() {
  return {.inputs = {}, .outputs = {{std::string(kFileOutput), Datatype::bytes, engine::Shape{}}}};
}

bool carried_by_json(Datatype type) {
  return type != Datatype::fp16 && type != Datatype::bf16;
}

class RequestReader : private JsonReader {
 public:
  RequestReader(simdjson::ondemand::parser& parser, const Signature& signature, bool takes_files)
      : JsonReader("the request"),
        parser_(parser),
        signature_(signature),
        takes_files_(takes_files) {}

  Answer<InferRequest> read(std::string json, std::size_t tail_bytes) {
    request_.json_bytes = json.size();
    request_.json = std::move(json);
    // Zeros: the reader would go on over a bracket that happens to follow.
    static_assert(kJsonMargin >= simdjson::SIMDJSON_PADDING);
    request_.json.resize(request_.json_bytes + kJsonMargin, '\0');
    const bool good =
        top() && (brings_file() ? match_file(tail_bytes) && match_outputs(file_signature())
                                : match_inputs(tail_bytes) && match_outputs(signature_));
    if (!good || problem()) return problem().value_or(Refusal{});
    return std::move(request_);
  }

 private:
  bool top() {
    return document(parser_, padded(request_), [&](std::string_view key, Value value) {
      if (key == "inputs") return once(0, key) && inputs(value);
      if (key == "outputs") return once(1, key) && (is_null(value) || outputs(value));
      if (key == "id") return once(2, key) && (is_null(value) || id(value));
      if (key == "parameters")
        return once(3, key) &&
               parameters(value, [&](std::string_view name, Value v) { return own(name, v); });
      return pass_over(value, 2);
    });
  }

  bool once(unsigned which, std::string_view key) {
    if ((seen_ >> which & 1U) != 0) return refuse("the request gives " + in_quotes(key) + " twice");
    seen_ |= 1U << which;
    return true;
  }

  bool id(Value value) { return text(value, "'id'", kMostIdBytes, request_.id); }

  // Parameters: of the request, of an input, of an output. `each` takes those that it knows and
  // passes over the rest, which must still be a string, a number or a boolean.
  template <class Each>
  bool parameters(Value value, Each each) {
    if (is_null(value)) return true;
    return fields(value, "'parameters'", each);
  }

  bool custom(std::string_view name, Value value) {
    Type type{};
    if (const auto error = value.type().get(type)) return broken(error);
    if (type == Type::object || type == Type::array)
      return refuse("parameter " + in_quotes(name) + " must be a string, a number or a boolean");
    return pass_over(value, 3);
  }

  bool own(std::string_view name, Value value) {
    if (name == "priority") return whole(name, value, request_.priority);
    if (name == "timeout") return timeout(name, value);
    if (name == "binary_data_output") return flag(name, value, binary_data_output_);
    if (name == "sequence_id" || name == "sequence_start" || name == "sequence_end")
      return no_sequence(name, value);
    return custom(name, value);
  }

  bool whole(std::string_view name, Value value, std::uint64_t& out) {
    return !value.get_uint64().get(out) ||
           refuse("parameter " + in_quotes(name) + " must be a whole number, 0 or more");
  }
  bool flag(std::string_view name, Value value, bool& out) {
    return !value.get_bool().get(out) ||
           refuse("parameter " + in_quotes(name) + " must be true or false");
  }
  bool timeout(std::string_view name, Value value) {
    std::uint64_t microseconds = 0;
    if (!whole(name, value, microseconds)) return false;
    constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max() * 1'000'000ULL;
    request_.timeout = std::chrono::microseconds(std::min(microseconds, kMost));
    return true;
  }
  // Clients send the values that stand for "no sequence" with every request.
  bool no_sequence(std::string_view name, Value value) {
    Type type{};
    if (const auto error = value.type().get(type)) return broken(error);
    std::uint64_t number = 1;
    std::string_view word = "?";
    bool set = true;
    if (type == Type::number && !value.get_uint64().get(number) && number == 0) return true;
    if (type == Type::string && !value.get_string().get(word) && word.empty()) return true;
    if (type == Type::boolean && !value.get_bool().get(set) && !set) return true;
    return refuse("parameter " + in_quotes(name) + ": sequences are not supported",
                  Refusal::Kind::unsupported);
  }

  static bool is_shared_memory(std::string_view name) {
    return name == "shared_memory_region" || name == "shared_memory_byte_size" ||
           name == "shared_memory_offset";
  }
  bool no_shared_memory() {
    return refuse("client shared memory is not supported", Refusal::Kind::unsupported);
  }

  bool inputs(Value value) {
    return elements(value, "'inputs'", [&](Value item) {
      if (inputs_.size() == kMostTensors)
        return refuse("the request has more than " + std::to_string(kMostTensors) + " inputs");
      return input(item, inputs_.emplace_back());
    });
  }

  bool input(Value value, RawInput& out) {
    unsigned seen = 0;
    const auto first = [&](unsigned which, std::string_view key) {
      if ((seen >> which & 1U) != 0) return refuse("an input gives " + in_quotes(key) + " twice");
      seen |= 1U << which;
      return true;
    };
    return fields(value, "an input", [&](std::string_view key, Value field) {
      if (key == "name")
        return first(0, key) && text(field, "the name of an input", kMostNameBytes, out.name);
      if (key == "datatype")
        return first(1, key) &&
               text(field, "the datatype of an input", kMostNameBytes, out.datatype);
      if (key == "shape") return first(2, key) && shape(field, out.shape.emplace());
      if (key == "data") return first(3, key) && (is_null(field) || data(field, out));
      if (key == "parameters")
        return first(4, key) && parameters(field, [&](std::string_view name, Value v) {
                 if (is_shared_memory(name)) return no_shared_memory();
                 if (name == "binary_data_size") return whole(name, v, out.binary_bytes.emplace());
                 return custom(name, v);
               });
      return pass_over(field, 4);
    });
  }

  bool shape(Value value, std::vector<std::int64_t>& dims) {
    return elements(value, "the shape of an input", [&](Value item) {
      if (dims.size() == HR_MAX_RANK)
        return refuse("the shape of an input has more than 8 dimensions");
      return !item.get_int64().get(dims.emplace_back()) ||
             refuse("the shape of an input must be whole numbers");
    });
  }

  // Only where it is; the numbers are looked at when there is memory for them.
  bool data(Value value, RawInput& out) {
    simdjson::ondemand::array array;
    std::string_view text;
    if (value.get_array().get(array)) return refuse("the data of an input must be an array");
    if (const auto error = array.raw_json().get(text)) return broken(error);
    out.data_bytes = text.size();
    return true;
  }

  bool outputs(Value value) {
    return elements(value, "'outputs'", [&](Value item) {
      if (outputs_.size() == kMostTensors)
        return refuse("the request has more than " + std::to_string(kMostTensors) + " outputs");
      return output(item, outputs_.emplace_back());
    });
  }

  bool output(Value value, RawOutput& out) {
    return fields(value, "an output", [&](std::string_view key, Value field) {
      if (key == "name") return text(field, "the name of an output", kMostNameBytes, out.name);
      if (key == "parameters")
        return parameters(field, [&](std::string_view name, Value v) {
          if (is_shared_memory(name)) return no_shared_memory();
          if (name == "binary_data") return flag(name, v, out.binary.emplace());
          if (name == "classification") return classification(name, v, out.classes);
          return custom(name, v);
        });
      return pass_over(field, 4);
    });
  }

  bool classification(std::string_view name, Value value, std::uint32_t& out) {
    std::uint64_t classes = 0;
    if (!whole(name, value, classes)) return false;
    if (classes > kMostClasses)
      return refuse("parameter 'classification' is more than " + std::to_string(kMostClasses));
    out = static_cast<std::uint32_t>(classes);
    return true;
  }

  bool brings_file() const {
    return takes_files_ && inputs_.size() == 1 &&
           datatype_from(inputs_.front().datatype) == Datatype::bytes;
  }

  bool match_file(std::size_t tail_bytes) {
    const RawInput& raw = inputs_.front();
    const std::string who = "input " + in_quotes(raw.name);
    const auto is_one = [](std::int64_t dim) { return dim == 1; };
    if (!raw.shape || !std::ranges::all_of(*raw.shape, is_one))
      return refuse("a request of BYTES brings one picture: its shape is [1]");
    if (!raw.binary_bytes || raw.data_bytes)
      return refuse(
          who +
          " is a picture, which JSON cannot carry: send it as binary data, with parameter "
          "'binary_data_size'");
    if (*raw.binary_bytes != tail_bytes)
      return refuse(
          who + " says binary_data_size " + std::to_string(*raw.binary_bytes) + ", but " +
          std::to_string(tail_bytes) +
          " bytes follow the JSON; does Inference-Header-Content-Length say where it ends?");
    if (tail_bytes <= sizeof(std::uint32_t)) return refuse(who + " is an empty picture");
    request_.file = true;
    request_.inputs.push_back({.shape = engine::Shape::of(*raw.shape).value_or(engine::Shape{}),
                               .datatype = Datatype::bytes,
                               .elements = 1,
                               .bytes = tail_bytes});
    return true;
  }

  bool match_inputs(std::size_t tail_bytes) {
    request_.inputs.resize(signature_.inputs.size());
    InputCheck check(signature_);
    std::size_t tail_used = 0;
    for (std::size_t place = 0; place < inputs_.size(); ++place) {
      const RawInput& raw = inputs_[place];
      if (!raw.shape) return refuse("input " + in_quotes(raw.name) + " has no shape");
      const Answer<InputCheck::Input> taken = check.take(raw.name, raw.datatype, *raw.shape);
      if (!taken) return refuse(taken.error().message, taken.error().kind);
      InferInput& input = request_.inputs[taken->index];
      input = {.shape = taken->shape,
               .datatype = signature_.inputs[taken->index].datatype,
               .elements = taken->elements,
               .tail_offset = tail_used,
               .place = place};
      if (raw.data_bytes.has_value() == raw.binary_bytes.has_value())
        return refuse("input " + in_quotes(raw.name) +
                      " must have exactly one of data and parameter 'binary_data_size'");
      if (!(raw.data_bytes ? settle_json(raw, input) : settle_binary(raw, input))) return false;
      if (raw.binary_bytes && __builtin_add_overflow(tail_used, input.bytes, &tail_used))
        return refuse("the sizes of the binary inputs are too large");
    }
    if (const Answer<Ok> complete = check.finish(); !complete)
      return refuse(complete.error().message, complete.error().kind);
    if (tail_used == tail_bytes) return true;
    return refuse("the binary inputs have " + std::to_string(tail_used) + " bytes, but " +
                  std::to_string(tail_bytes) +
                  " follow the JSON; does Inference-Header-Content-Length say where it ends?");
  }

  bool settle_binary(const RawInput& raw, InferInput& input) {
    input.source = InferInput::Source::tail;
    input.bytes = *raw.binary_bytes;
    const std::string who = "input " + in_quotes(raw.name);
    if (input.datatype == Datatype::bytes) {
      return input.bytes / sizeof(std::uint32_t) >= input.elements ||
             refuse(who + ": " + std::to_string(input.bytes) + " bytes cannot hold the " +
                    std::to_string(input.elements) + " elements of its shape");
    }
    const std::size_t right = input.elements * size_of(input.datatype);
    return input.bytes == right ||
           refuse(who + " says binary_data_size " + std::to_string(input.bytes) +
                  ", but its shape " + input.shape.to_string() + " of " +
                  std::string(name_of(input.datatype)) + " has " + std::to_string(right) +
                  " bytes");
  }

  bool settle_json(const RawInput& raw, InferInput& input) {
    input.source = InferInput::Source::json;
    const std::string who = "input " + in_quotes(raw.name);
    if (!carried_by_json(input.datatype))
      return refuse(who + " is " + std::string(name_of(input.datatype)) +
                    ", which JSON cannot carry: send it as binary data");
    // The shortest values are digits, and empty strings, with commas between them.
    const std::size_t shortest = input.datatype == Datatype::bytes ? 3 : 2;
    if (input.elements > *raw.data_bytes / shortest)
      return refuse(who + ": its data is too short for the " + std::to_string(input.elements) +
                    " values of its shape " + input.shape.to_string());
    if (input.datatype != Datatype::bytes) {
      input.bytes = input.elements * size_of(input.datatype);
      return true;
    }
    const Answer<std::size_t> size = size_of_strings(parser_, padded(request_), raw.name, input);
    if (!size) return refuse(size.error().message, size.error().kind);
    input.bytes = *size;
    return true;
  }

  bool match_outputs(const Signature& signature) {
    if (outputs_.empty()) {
      for (const TensorSpec& output : signature.outputs) outputs_.push_back({.name = output.name});
    }
    std::vector<bool> given(signature.outputs.size());
    for (const RawOutput& raw : outputs_) {
      const Answer<std::size_t> index = find_output(signature, raw.name);
      if (!index) return refuse(index.error().message, index.error().kind);
      if (given[*index]) return refuse("output " + in_quotes(raw.name) + " is asked for twice");
      given[*index] = true;
      const WantedOutput wanted{.index = *index,
                                .binary = raw.binary.value_or(binary_data_output_),
                                .classes = raw.classes};
      if (!match_output(signature.outputs[*index], wanted)) return false;
      request_.outputs.push_back(wanted);
    }
    return true;
  }

  bool match_output(const TensorSpec& output, const WantedOutput& wanted) {
    const std::string who = "output " + in_quotes(output.name);
    if (wanted.classes > 0) {
      return output.datatype != Datatype::bytes ||
             refuse(who + " is BYTES: it cannot be had as a classification");
    }
    return wanted.binary || carried_by_json(output.datatype) ||
           refuse(who + " is " + std::string(name_of(output.datatype)) +
                  ", which JSON cannot carry: ask for it with parameter 'binary_data' true");
  }

  simdjson::ondemand::parser& parser_;
  const Signature& signature_;
  bool takes_files_;
  InferRequest request_;
  std::vector<RawInput> inputs_;
  std::vector<RawOutput> outputs_;
  bool binary_data_output_ = false;
  unsigned seen_ = 0;
};

}  // namespace

struct InferReader::Json {
  simdjson::ondemand::parser parser;

  // What one large request needed is not kept for all the small ones that follow.
  void shrink() {
    if (parser.capacity() > kKeptBytes) parser = simdjson::ondemand::parser();
  }
};

InferReader::InferReader() : json_(std::make_unique<Json>()) {}
InferReader::~InferReader() = default;
InferReader::InferReader(InferReader&&) noexcept = default;
InferReader& InferReader::operator=(InferReader&&) noexcept = default;

Answer<BodyParts> divide_body(std::optional<std::string_view> header, std::size_t body_bytes,
                              std::size_t most_json_bytes) {
  BodyParts parts{.json_bytes = body_bytes};
  if (header) {
    const char* end = header->data() + header->size();
    const auto [stop, error] = std::from_chars(header->data(), end, parts.json_bytes);
    if (error != std::errc() || stop != end || parts.json_bytes > body_bytes)
      return Refusal{.message =
                         "Inference-Header-Content-Length must be a number of bytes from 0 "
                         "to the length of the body, " +
                         std::to_string(body_bytes) + ", and is " + in_quotes(*header)};
    parts.raw = parts.json_bytes == 0;
  }
  if (body_bytes == 0) return Refusal{.message = "the request has no body"};
  if (parts.json_bytes > most_json_bytes)
    return Refusal{Refusal::Kind::too_large,
                   "the request has " + std::to_string(parts.json_bytes) +
                       " bytes of JSON, more than the " + std::to_string(most_json_bytes) +
                       " that this server takes: send its tensors as binary data"};
  parts.tail_bytes = body_bytes - parts.json_bytes;
  return parts;
}

Answer<InferRequest> InferReader::read(std::string json, std::size_t tail_bytes,
                                       const Signature& signature, bool takes_files) {
  Answer<InferRequest> request =
      RequestReader(json_->parser, signature, takes_files).read(std::move(json), tail_bytes);
  json_->shrink();
  return request;
}

Answer<Ok> InferReader::fill(const InferRequest& request, std::size_t input,
                             const Signature& signature, std::span<std::byte> out) {
  Answer<Ok> done = fill_from_json(json_->parser, padded(request), signature.inputs.at(input).name,
                                   request.inputs.at(input), out);
  json_->shrink();
  return done;
}

Answer<InferRequest> read_raw(std::size_t body_bytes, const Signature& signature) {
  if (signature.inputs.size() != 1)
    return Refusal{.message =
                       "the model has " + std::to_string(signature.inputs.size()) +
                       " inputs; only one that has a single input takes a body without JSON"};
  const TensorSpec& spec = signature.inputs.front();
  const bool strings = spec.datatype == Datatype::bytes;
  std::vector<std::int64_t> dims(spec.shape.dims().begin(), spec.shape.dims().end());
  std::size_t known = strings ? 1 : size_of(spec.datatype);
  for (const std::int64_t dim : dims) {
    if (dim >= 0 && __builtin_mul_overflow(known, static_cast<std::size_t>(dim), &known)) known = 0;
  }
  const auto open = std::ranges::count(dims, -1);
  const auto refused = [&](const std::string& why) {
    return Refusal{.message = "a body of " + std::to_string(body_bytes) + " bytes is no input " +
                              in_quotes(spec.name) + " of shape " + spec.shape.to_string() +
                              " and " + std::string(name_of(spec.datatype)) + ": " + why};
  };
  if (open > 1) return refused("more than one dimension is open, so JSON must say the shape");
  const std::size_t units = strings ? 1 : body_bytes;
  if (known == 0 || body_bytes == 0 || units % known != 0 || (open == 0 && units != known))
    return refused(strings ? "it is one element" : "the sizes do not agree");
  std::ranges::replace(dims, std::int64_t{-1}, static_cast<std::int64_t>(units / known));

  InferRequest request;
  InferInput& input = request.inputs.emplace_back();
  input.shape = engine::Shape::of(dims).value_or(engine::Shape{});
  input.datatype = spec.datatype;
  input.elements = input.shape.elements().value_or(0);
  input.bytes = strings ? body_bytes + sizeof(std::uint32_t) : body_bytes;
  input.source = strings ? InferInput::Source::tail_as_element : InferInput::Source::tail;
  if (strings && body_bytes > std::numeric_limits<std::uint32_t>::max())
    return refused("an element is shorter than 4 GiB");
  for (std::size_t i = 0; i < signature.outputs.size(); ++i)
    request.outputs.push_back({.index = i, .binary = true});
  return request;
}

Answer<Ok> check_tail(std::string_view name, const InferInput& input,
                      std::span<const std::byte> tensor) {
  const std::string who = "input " + in_quotes(name);
  if (input.datatype == Datatype::boolean &&
      std::ranges::any_of(tensor, [](std::byte b) { return b > std::byte{1}; }))
    return Refusal{.message = who + " is BOOL, but has a byte that is neither 0 nor 1"};
  if (input.datatype == Datatype::bytes) {
    const std::optional<std::size_t> count = count_elements(tensor);
    if (!count) return Refusal{.message = who + " is BYTES and ends in the middle of an element"};
    if (*count != input.elements)
      return Refusal{.message = who + " holds " + std::to_string(*count) +
                                " elements of BYTES, but its shape " + input.shape.to_string() +
                                " has " + std::to_string(input.elements)};
  }
  return Ok{};
}

}  // namespace headrace::oip
