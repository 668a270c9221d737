// An infer request from anybody. Whatever it is, reading it must not crash, nothing may be claimed
// that the body cannot hold, and converted data must stay in its memory.
//
// The first line of an input is the value of Inference-Header-Content-Length, "-" for none; the body
// follows.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "oip/infer_request.h"
#include "oip/infer_response.h"

namespace headrace::oip {
namespace {

void must(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "does not hold: " << what << '\n';
  std::abort();
}

const std::array<Signature, 4>& signatures() {
  static const std::array<Signature, 4> all = [] {
    const auto made = [](std::string_view inputs, std::string_view outputs) {
      return *read_signature(R"({"inputs":[)" + std::string(inputs) + R"(],"outputs":[)" +
                             std::string(outputs) + "]}");
    };
    return std::array<Signature, 4>{made(R"({"name":"x","datatype":"FP32","shape":[-1,3]})",
                                         R"({"name":"y","datatype":"FP32","shape":[-1]})"),
                                    made(R"({"name":"x","datatype":"BYTES","shape":[-1]})",
                                         R"({"name":"y","datatype":"BYTES","shape":[-1]})"),
                                    made(R"({"name":"a","datatype":"INT32","shape":[-1,16]},)"
                                         R"({"name":"b","datatype":"BOOL","shape":[-1]})",
                                         R"({"name":"y","datatype":"FP16","shape":[2,2]},)"
                                         R"({"name":"z","datatype":"INT64","shape":[-1]})"),
                                    made(R"({"name":"x","datatype":"UINT64","shape":[]},)"
                                         R"({"name":"w","datatype":"FP64","shape":[-1,-1,2]})",
                                         R"({"name":"y","datatype":"UINT8","shape":[1]})")};
  }();
  return all;
}

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

}  // namespace
}  // namespace headrace::oip

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::oip;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view body = input.substr(std::min(line + 1, input.size()));
  std::optional<std::string_view> header;
  if (input.substr(0, line) != "-") header = input.substr(0, line);
  const auto parts = divide_body(header, body.size(), 1 << 20);
  if (!parts) return 0;
  for (const Signature& model : signatures()) try_with(model, body, *parts);
  return 0;
}
