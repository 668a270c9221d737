// How the tensors that a model gives become the result of one item, as JSON.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "engine/tensor.h"
#include "model/model.h"
#include "worker/body.h"

namespace headrace::worker {

// As the Open Inference Protocol names it: "FP32".
std::string_view protocol_name(engine::DType type);

// Writes the result of the item in place `lane` of a batch of `batch`. `infos` name the model's outputs.
//   classification  {"label":"orange","score":0.98,"top":[{"class":950,"label":"orange","score":0.98},...]}
//   raw             {"outputs":[{"name":"y","datatype":"FP32","shape":[2],"data":[0.5,1]},...]}
// Fails the item when the tensors are not what the model's description promised, or the text does not fit.
void write_result(const model::Output& output, std::span<const engine::TensorInfo> infos,
                  std::span<const engine::Tensor> tensors, std::size_t lane, std::size_t batch,
                  Item& item);

}  // namespace headrace::worker
