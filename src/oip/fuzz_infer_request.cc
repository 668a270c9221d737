// An infer request from anybody. Whatever it is, reading it must not crash, nothing may be claimed
// that the body cannot hold, and converted data must stay in its memory.
//
// The first line of an input is the value of Inference-Header-Content-Length, "-" for none; the body
// follows.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/fuzz.h"
#include "oip/fuzz_models.h"
#include "oip/infer_request.h"
#include "oip/infer_response.h"

namespace headrace::oip {
namespace {

using fuzz::must;

void check_sizes(const InferRequest& request, std::size_t tail_bytes) {
  std::vector<const InferInput*> in_tail;
  for (const InferInput& input : request.inputs) {
    must(input.shape.elements() == input.elements, "the elements are those of the shape");
    if (input.datatype != Datatype::bytes)
      must(bytes_of(input.datatype, input.shape) == input.bytes,
           "the bytes are those of the shape");
    if (input.source == InferInput::Source::json) {
      must(input.bytes <= 8 * request.json_bytes, "no input is much larger than its text");
    } else if (input.source == InferInput::Source::tail) {
      in_tail.push_back(&input);
    }
  }
  std::ranges::sort(in_tail, {}, &InferInput::tail_offset);
  std::size_t end = 0;
  for (const InferInput* input : in_tail) {
    must(input->tail_offset == end, "one input lies behind the other in the tail");
    end += input->bytes;
  }
  if (!in_tail.empty()) must(end == tail_bytes, "the inputs are the whole tail");
}

void check_fill(InferReader& reader, const InferRequest& request, const Signature& model,
                std::size_t index) {
  constexpr std::size_t kMargin = 64;
  constexpr std::byte kMark{0xA5};
  const InferInput& input = request.inputs[index];
  std::vector<std::byte> memory(input.bytes + 2 * kMargin, kMark);
  const auto tensor = std::span(memory).subspan(kMargin, input.bytes);
  const Answer<Ok> done = reader.fill(request, index, model, tensor);
  const auto untouched = [](std::span<const std::byte> part) {
    return std::ranges::all_of(part, [](std::byte b) { return b == kMark; });
  };
  must(untouched(std::span(memory).first(kMargin)), "nothing is written in front");
  must(untouched(std::span(memory).last(kMargin)), "nothing is written behind");
  if (!done) return must(!done.error().message.empty(), "a refusal has a sentence");
  must(bool{check_tail("x", input, tensor)}, "converted data passes as binary data");

  const OutputTensor output{
      .name = "y", .datatype = input.datatype, .shape = input.shape, .bytes = tensor};
  const Result<InferResponse> response =
      write_infer_response({.model = "m", .id = request.id}, std::span(&output, 1));
  must(bool{response}, "what was read can be written");
  must(nlohmann::json::accept(response->json), "what is written is JSON");
}

void try_with(const Signature& model, std::string_view body, const BodyParts& parts) {
  static InferReader reader;
  const Answer<InferRequest> request =
      parts.raw
          ? read_raw(body.size(), model)
          : reader.read(std::string(body.substr(0, parts.json_bytes)), parts.tail_bytes, model);
  if (!request) return must(!request.error().message.empty(), "a refusal has a sentence");
  must(request->inputs.size() == model.inputs.size(), "there is every input");
  must(!request->outputs.empty(), "something is wanted");
  for (const WantedOutput& output : request->outputs)
    must(output.index < model.outputs.size(), "outputs are those of the model");
  check_sizes(*request, parts.tail_bytes);
  const std::string_view tail = body.substr(parts.raw ? 0 : parts.json_bytes);
  for (std::size_t i = 0; i < request->inputs.size(); ++i) {
    const InferInput& input = request->inputs[i];
    if (input.source == InferInput::Source::json) check_fill(reader, *request, model, i);
    if (input.source == InferInput::Source::tail)
      (void)check_tail("x", input,
                       std::as_bytes(std::span(tail)).subspan(input.tail_offset, input.bytes));
  }
}

// The same for a model that takes files.
void try_as_file(const Signature& model, std::string_view body, const BodyParts& parts) {
  if (parts.raw) return;
  const Answer<InferRequest> request = InferReader().read(
      std::string(body.substr(0, parts.json_bytes)), parts.tail_bytes, model, true);
  if (!request) return must(!request.error().message.empty(), "a refusal has a sentence");
  if (!request->file) return;
  must(request->inputs.size() == 1, "a file comes alone");
  must(request->inputs[0].bytes == parts.tail_bytes, "a file is the whole tail");
  must(parts.tail_bytes > sizeof(std::uint32_t), "a file has a length and a content");
  for (const WantedOutput& output : request->outputs)
    must(output.index == 0, "a file has one output");
}

}  // namespace
}  // namespace headrace::oip

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  std::string_view body = fuzz::text_of(data, size);
  const std::string_view line = fuzz::take_line(body);
  const auto header = line == "-" ? std::nullopt : std::optional(line);
  const auto parts = oip::divide_body(header, body.size(), 1 << 20);
  if (!parts) return 0;
  for (const oip::Signature& model : oip::fuzz_models()) oip::try_with(model, body, *parts);
  oip::try_as_file(oip::fuzz_models().front(), body, *parts);
  if (const auto model = oip::model_as_named(body, size % 3)) oip::try_with(*model, body, *parts);
  return 0;
}
