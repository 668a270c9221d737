// An infer request over gRPC, from anybody: bytes, the message they make, and the tensors that go to
// shared memory.
//
// Hostile here: shapes whose sizes overflow, contents of another type or number than the shape says,
// both forms at once. What is laid out must be as large as what is then written, and read by a worker
// as it was meant.
#include <algorithm>
#include <vector>

#include "base/fuzz.h"
#include "infer_message.h"
#include "oip/fuzz_models.h"

namespace headrace::grpc_door {
namespace {

using fuzz::must;

// Much more than an input of some kilobytes can fill.
constexpr std::size_t kMostMemory = std::size_t{1} << 20;

void check_filled(const inference::ModelInferRequest& message, const oip::InferRequest& request,
                  const oip::Signature& model, const Laid& laid) {
  constexpr std::byte kMark{0xA5};
  std::vector<std::byte> memory(laid.bytes, kMark);
  shm::write_tensors(memory, laid.parts);
  for (std::size_t i = 0; i < laid.parts.size(); ++i) {
    const shm::ServedTensor& tensor = laid.parts[i].tensor;
    const auto done = fill(message, request, i, model, shm::payload(std::span(memory), tensor));
    if (!done) return must(!done.error().message.empty(), "a refusal has a sentence");
    const std::size_t next =
        i + 1 < laid.parts.size() ? laid.parts[i + 1].tensor.offset : memory.size();
    const std::size_t end = tensor.offset + tensor.bytes;
    must(std::ranges::all_of(std::span(memory).subspan(end, next - end),
                             [](std::byte b) { return b == kMark; }),
         "nothing is written behind a tensor");
  }
  const auto input = shm::read_served_input(memory);
  must(input && input->parts.size() == laid.parts.size(), "a worker can read it");
}

void try_with(const oip::Signature& model, const inference::ModelInferRequest& message) {
  const auto request = read_request(message, model);
  if (!request) return must(!request.error().message.empty(), "a refusal has a sentence");
  must(request->inputs.size() == model.inputs.size(), "there is every input");
  must(!request->outputs.empty(), "something is wanted");
  for (const oip::WantedOutput& output : request->outputs)
    must(output.index < model.outputs.size(), "outputs are those of the model");
  const auto laid = lay_out(*request);
  if (!laid) return must(!laid.error().message.empty(), "a refusal has a sentence");
  must(laid->parts.size() == request->inputs.size(), "each input has its place");
  must(laid->bytes <= kMostMemory, "a message claims no more than it brings");
  check_filled(message, *request, model, *laid);
}

}  // namespace
}  // namespace headrace::grpc_door

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  inference::ModelInferRequest message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  if (const auto picture = grpc_door::read_picture(message); picture && *picture)
    fuzz::must(!(*picture)->empty() && (*picture)->size() <= size, "a picture is in the message");
  for (const oip::Signature& model : oip::fuzz_models()) grpc_door::try_with(model, message);
  const auto named = oip::model_as_named(fuzz::text_of(data, size), size % 3);
  if (named) grpc_door::try_with(*named, message);
  return 0;
}
