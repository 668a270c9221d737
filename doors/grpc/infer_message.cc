#include "infer_message.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "oip/classification.h"

namespace headrace::grpc_door {
namespace {

using inference::InferParameter;
using inference::InferTensorContents;
using inference::ModelInferRequest;
using oip::Answer;
using oip::Datatype;
using oip::in_quotes;
using oip::Refusal;
using Parameters = google::protobuf::Map<std::string, InferParameter>;

Refusal wrong(std::string message) {
  return {Refusal::Kind::invalid, std::move(message)};
}

Refusal unsupported(std::string message) {
  return {Refusal::Kind::unsupported, std::move(message)};
}

// Clients send whole numbers in either of two forms.
Answer<std::uint64_t> whole(std::string_view name, const InferParameter& value) {
  using Choice = InferParameter::ParameterChoiceCase;
  if (value.parameter_choice_case() == Choice::kUint64Param) return value.uint64_param();
  if (value.parameter_choice_case() == Choice::kInt64Param && value.int64_param() >= 0)
    return static_cast<std::uint64_t>(value.int64_param());
  return wrong("parameter " + in_quotes(name) + " must be a whole number, 0 or more");
}

// Whether it is the value that stands for "none", which clients send with every request.
bool is_none(const InferParameter& value) {
  return value.int64_param() == 0 && value.uint64_param() == 0 && value.string_param().empty() &&
         !value.bool_param();
}

std::optional<Refusal> no_shared_memory(const Parameters& parameters) {
  for (const char* name :
       {"shared_memory_region", "shared_memory_byte_size", "shared_memory_offset"}) {
    if (parameters.contains(name)) return unsupported("client shared memory is not supported");
  }
  return std::nullopt;
}

std::optional<Refusal> read_own(const Parameters& parameters, oip::InferRequest& request) {
  for (const char* name : {"sequence_id", "sequence_start", "sequence_end"}) {
    const auto found = parameters.find(name);
    if (found != parameters.end() && !is_none(found->second))
      return unsupported("parameter " + in_quotes(name) + ": sequences are not supported");
  }
  if (const auto found = parameters.find("priority"); found != parameters.end()) {
    const Answer<std::uint64_t> priority = whole("priority", found->second);
    if (!priority) return priority.error();
    request.priority = *priority;
  }
  if (const auto found = parameters.find("timeout"); found != parameters.end()) {
    const Answer<std::uint64_t> timeout = whole("timeout", found->second);
    if (!timeout) return timeout.error();
    constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max() * 1'000'000ULL;
    request.timeout = std::chrono::microseconds(std::min(*timeout, kMost));
  }
  return std::nullopt;
}

std::optional<Refusal> check_sizes(const ModelInferRequest& message) {
  const std::size_t most = oip::kMostTensors;
  if (static_cast<std::size_t>(message.inputs_size()) > most)
    return wrong("the request has more than " + std::to_string(most) + " inputs");
  if (static_cast<std::size_t>(message.outputs_size()) > most)
    return wrong("the request has more than " + std::to_string(most) + " outputs");
  if (message.id().size() > oip::kMostIdBytes)
    return wrong("'id' is longer than " + std::to_string(oip::kMostIdBytes) + " bytes");
  const int raw = message.raw_input_contents_size();
  if (raw > 0 && raw != message.inputs_size())
    return wrong("the request has " + std::to_string(raw) + " raw_input_contents for " +
                 std::to_string(message.inputs_size()) + " inputs; there must be one for each");
  return std::nullopt;
}

// How many values there are of the kind that the type is sent as; nothing for a type that must be raw.
std::optional<int> count_of(const InferTensorContents& contents, Datatype type) {
  switch (type) {
    case Datatype::boolean:
      return contents.bool_contents_size();
    case Datatype::uint8:
    case Datatype::uint16:
    case Datatype::uint32:
      return contents.uint_contents_size();
    case Datatype::int8:
    case Datatype::int16:
    case Datatype::int32:
      return contents.int_contents_size();
    case Datatype::uint64:
      return contents.uint64_contents_size();
    case Datatype::int64:
      return contents.int64_contents_size();
    case Datatype::fp32:
      return contents.fp32_contents_size();
    case Datatype::fp64:
      return contents.fp64_contents_size();
    case Datatype::fp16:
    case Datatype::bf16:
    case Datatype::bytes:
      break;
  }
  return std::nullopt;
}

std::optional<Refusal> settle_contents(const ModelInferRequest::InferInputTensor& given,
                                       const oip::InferInput& input) {
  const std::string who = "input " + in_quotes(given.name());
  const std::string type(oip::name_of(input.datatype));
  if (!given.has_contents())
    return wrong(who + " has neither contents nor an entry in raw_input_contents");
  const std::optional<int> count = count_of(given.contents(), input.datatype);
  if (!count) return wrong(who + " is " + type + ", which must be sent in raw_input_contents");
  if (static_cast<std::size_t>(*count) == input.elements) return std::nullopt;
  return wrong(who + " has " + std::to_string(*count) + " values of " + type +
               " in its contents, but its shape " + input.shape.to_string() + " has " +
               std::to_string(input.elements));
}

std::optional<Refusal> settle_raw(const ModelInferRequest::InferInputTensor& given,
                                  const std::string& raw, const oip::InferInput& input) {
  const std::string who = "input " + in_quotes(given.name());
  if (given.has_contents())
    return wrong(who + " has contents, which must not be where there are raw_input_contents");
  if (raw.size() == input.bytes) return std::nullopt;
  return wrong(who + " has " + std::to_string(raw.size()) +
               " bytes in raw_input_contents, but its shape " + input.shape.to_string() + " of " +
               std::string(oip::name_of(input.datatype)) + " has " + std::to_string(input.bytes));
}

std::optional<Refusal> match_inputs(const ModelInferRequest& message,
                                    const oip::Signature& signature, oip::InferRequest& request) {
  const bool raw = message.raw_input_contents_size() > 0;
  oip::InputCheck check(signature);
  request.inputs.resize(signature.inputs.size());
  for (int place = 0; place < message.inputs_size(); ++place) {
    const ModelInferRequest::InferInputTensor& given = message.inputs(place);
    if (auto refused = no_shared_memory(given.parameters())) return refused;
    const std::span<const std::int64_t> shape(given.shape().data(),
                                              static_cast<std::size_t>(given.shape_size()));
    const Answer<oip::InputCheck::Input> taken = check.take(given.name(), given.datatype(), shape);
    if (!taken) return taken.error();
    const Datatype type = signature.inputs[taken->index].datatype;
    if (oip::engine_type(type) == HR_DTYPE_NONE)
      return unsupported("inputs of type " + std::string(oip::name_of(type)) +
                         " are not supported");
    oip::InferInput& input = request.inputs[taken->index];
    input = {.shape = taken->shape,
             .datatype = type,
             .elements = taken->elements,
             .bytes = taken->elements * oip::size_of(type),
             .source = raw ? oip::InferInput::Source::tail : oip::InferInput::Source::json,
             .place = static_cast<std::size_t>(place)};
    auto refused = raw ? settle_raw(given, message.raw_input_contents(place), input)
                       : settle_contents(given, input);
    if (refused) return refused;
  }
  const Answer<Ok> complete = check.finish();
  return complete ? std::nullopt : std::optional<Refusal>(complete.error());
}

std::optional<Refusal> match_outputs(const ModelInferRequest& message,
                                     const oip::Signature& signature, oip::InferRequest& request) {
  if (message.outputs_size() == 0) {
    for (std::size_t i = 0; i < signature.outputs.size(); ++i)
      request.outputs.push_back({.index = i, .binary = true});
    return std::nullopt;
  }
  std::vector<bool> given(signature.outputs.size());
  for (const auto& asked : message.outputs()) {
    if (auto refused = no_shared_memory(asked.parameters())) return refused;
    const Answer<std::size_t> index = oip::find_output(signature, asked.name());
    if (!index) return index.error();
    if (given[*index]) return wrong("output " + in_quotes(asked.name()) + " is asked for twice");
    given[*index] = true;
    oip::WantedOutput wanted{.index = *index, .binary = true};
    if (const auto found = asked.parameters().find("classification");
        found != asked.parameters().end()) {
      const Answer<std::uint64_t> classes = whole("classification", found->second);
      if (!classes) return classes.error();
      if (*classes > oip::kMostClasses)
        return wrong("parameter 'classification' is more than " +
                     std::to_string(oip::kMostClasses));
      wanted.classes = static_cast<std::uint32_t>(*classes);
    }
    request.outputs.push_back(wanted);
  }
  return std::nullopt;
}

// Values as the message has them into those of the tensor, which may be narrower.
template <class To, class Values>
Answer<Ok> copy_values(std::string_view name, Datatype type, const Values& values,
                       std::span<std::byte> out) {
  using From = typename Values::value_type;
  if constexpr (std::is_same_v<To, From>) {
    std::memcpy(out.data(), values.data(), out.size());
  } else {
    for (const From value : values) {
      if (!std::in_range<To>(value))
        return wrong("input " + in_quotes(name) + " holds " + std::to_string(value) +
                     ", which is no " + std::string(oip::name_of(type)));
      const To narrow = static_cast<To>(value);
      std::memcpy(out.data(), &narrow, sizeof narrow);
      out = out.subspan(sizeof narrow);
    }
  }
  return Ok{};
}

Answer<Ok> copy_contents(std::string_view name, Datatype type, const InferTensorContents& contents,
                         std::span<std::byte> out) {
  static_assert(sizeof(bool) == 1, "a BOOL is one byte, 0 or 1");
  switch (type) {
    case Datatype::boolean:
      return copy_values<bool>(name, type, contents.bool_contents(), out);
    case Datatype::uint8:
      return copy_values<std::uint8_t>(name, type, contents.uint_contents(), out);
    case Datatype::uint16:
      return copy_values<std::uint16_t>(name, type, contents.uint_contents(), out);
    case Datatype::uint32:
      return copy_values<std::uint32_t>(name, type, contents.uint_contents(), out);
    case Datatype::uint64:
      return copy_values<std::uint64_t>(name, type, contents.uint64_contents(), out);
    case Datatype::int8:
      return copy_values<std::int8_t>(name, type, contents.int_contents(), out);
    case Datatype::int16:
      return copy_values<std::int16_t>(name, type, contents.int_contents(), out);
    case Datatype::int32:
      return copy_values<std::int32_t>(name, type, contents.int_contents(), out);
    case Datatype::int64:
      return copy_values<std::int64_t>(name, type, contents.int64_contents(), out);
    case Datatype::fp32:
      return copy_values<float>(name, type, contents.fp32_contents(), out);
    case Datatype::fp64:
      return copy_values<double>(name, type, contents.fp64_contents(), out);
    case Datatype::fp16:
    case Datatype::bf16:
    case Datatype::bytes:
      break;
  }
  return wrong("input " + in_quotes(name) + " must be sent in raw_input_contents");
}

std::string element_of(std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::string element(sizeof size, '\0');
  std::memcpy(element.data(), &size, sizeof size);
  return element.append(bytes);
}

void append(std::string_view name, Datatype type, std::span<const std::int64_t> shape,
            std::string bytes, inference::ModelInferResponse& response) {
  inference::ModelInferResponse::InferOutputTensor& output = *response.add_outputs();
  output.set_name(std::string(name));
  output.set_datatype(std::string(oip::name_of(type)));
  output.mutable_shape()->Add(shape.begin(), shape.end());
  response.add_raw_output_contents(std::move(bytes));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Answer<oip::InferRequest> read_request(const ModelInferRequest& message,
                                       const oip::Signature& signature) {
  oip::InferRequest request;
  request.id = message.id();
  if (auto refused = check_sizes(message)) return *std::move(refused);
  if (auto refused = read_own(message.parameters(), request)) return *std::move(refused);
  if (auto refused = match_inputs(message, signature, request)) return *std::move(refused);
  if (auto refused = match_outputs(message, signature, request)) return *std::move(refused);
  return request;
}

Answer<Laid> lay_out(const oip::InferRequest& request) {
  const Refusal too_large = wrong("the sizes of the inputs are too large");
  Laid laid;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const oip::InferInput& input = request.inputs[i];
    const auto tensor = shm::served_tensor(
        static_cast<std::uint32_t>(oip::engine_type(input.datatype)), input.shape.dims());
    if (!tensor) return too_large;
    laid.parts.push_back({.input = static_cast<std::uint32_t>(i), .unused = 0, .tensor = *tensor});
  }
  const std::optional<std::size_t> bytes = shm::lay_out(laid.parts);
  if (!bytes) return too_large;
  laid.bytes = *bytes;
  return laid;
}

Answer<Ok> fill(const ModelInferRequest& message, const oip::InferRequest& request,
                std::size_t input, const oip::Signature& signature, std::span<std::byte> out) {
  const oip::InferInput& wanted = request.inputs.at(input);
  const int place = static_cast<int>(wanted.place);
  const std::string& name = signature.inputs.at(input).name;
  if (wanted.source == oip::InferInput::Source::json)
    return copy_contents(name, wanted.datatype, message.inputs(place).contents(), out);
  std::memcpy(out.data(), message.raw_input_contents(place).data(), out.size());
  return oip::check_tail(name, wanted, out);
}

std::optional<Answer<std::string_view>> read_picture(const ModelInferRequest& message) {
  if (message.inputs_size() != 1) return std::nullopt;
  const ModelInferRequest::InferInputTensor& input = message.inputs(0);
  if (oip::datatype_from(input.datatype()) != Datatype::bytes) return std::nullopt;
  if (!std::ranges::all_of(input.shape(), [](std::int64_t dim) { return dim == 1; }))
    return wrong("a request of BYTES brings one picture: its shape is [1]");
  for (const auto& output : message.outputs()) {
    if (output.name() != oip::kFileOutput)
      return wrong("a picture is answered with the one output " + in_quotes(oip::kFileOutput));
  }
  if (message.raw_input_contents_size() == 0) {
    if (input.contents().bytes_contents_size() != 1 || input.contents().bytes_contents(0).empty())
      return wrong("the input of BYTES must have one element, a picture, in its contents");
    return std::string_view(input.contents().bytes_contents(0));
  }
  const std::string_view raw = message.raw_input_contents(0);
  std::uint32_t size = 0;
  if (raw.size() > sizeof size) std::memcpy(&size, raw.data(), sizeof size);
  if (message.raw_input_contents_size() > 1 || size == 0 || raw.size() - sizeof size != size)
    return wrong("the input of BYTES must be one picture: 4 bytes with its length, then it");
  return raw.substr(sizeof size);
}

Status write_outputs(std::span<const oip::OutputTensor> outputs,
                     inference::ModelInferResponse& response) {
  for (const oip::OutputTensor& output : outputs) {
    if (output.classes == 0) {
      append(output.name, output.datatype, output.shape.dims(), text_of(output.bytes), response);
      continue;
    }
    const Result<oip::Classification> best =
        oip::classify(output.datatype, output.shape, output.bytes, output.classes, output.labels);
    if (!best) return Error{"output " + in_quotes(output.name) + ": " + best.error().message};
    append(output.name, Datatype::bytes, best->shape.dims(), text_of(best->strings), response);
  }
  return Ok{};
}

void write_json(std::string_view json, inference::ModelInferResponse& response) {
  constexpr std::array<std::int64_t, 1> kOne = {1};
  append(oip::kFileOutput, Datatype::bytes, kOne, element_of(json), response);
}

}  // namespace headrace::grpc_door
