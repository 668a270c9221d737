// A model file, ONNX or OpenVINO's XML by its first character, as the supervisor reads it.
//
// Hostile here: a file cut off or broken on its way, lengths of gigabytes in a file of ten bytes. What
// is read out of it must be bounded by the file, and settling it must end in a model or a reason.
#include <sstream>
#include <string>

#include "base/fuzz.h"
#include "model/onnx_header.h"
#include "model/openvino_ir.h"
#include "model/settle.h"

namespace headrace::model {
namespace {

using fuzz::must;

void check_sizes(const Signature& signature, std::size_t bytes) {
  for (const auto* tensors : {&signature.inputs, &signature.outputs}) {
    must(tensors->size() <= bytes, "each tensor takes a byte of the file");
    for (const Tensor& tensor : *tensors) {
      must(tensor.name.size() <= bytes, "names lie in the file");
      must(!tensor.dims || tensor.dims->size() <= bytes, "so do dimensions");
      must(!shown(tensor).empty(), "a tensor can be shown");
    }
  }
}

void run(std::string_view bytes) {
  std::istringstream in{std::string(bytes)};
  const auto found =
      bytes.starts_with('<') ? read_openvino_ir(in, "model.xml") : read_onnx(in, "model.onnx");
  if (!found) return must(!found.error().message.empty(), "a refusal has a sentence");
  check_sizes(*found, bytes.size());
  for (const InputKind kind : {InputKind::image, InputKind::bytes, InputKind::tensors}) {
    Model model;
    model.input.kind = kind;
    const Status settled = settle(model, Given("model"), &*found, Source::bare);
    if (!settled) must(!settled.error().message.empty(), "a refusal has a sentence");
  }
}

}  // namespace
}  // namespace headrace::model

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  headrace::model::run(headrace::fuzz::text_of(data, size));
  return 0;
}
