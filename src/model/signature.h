// What a model file says about its inputs and outputs, read without an engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine_api.h"

namespace headrace::model {

struct Tensor {
  std::string name;
  hr_dtype dtype = HR_DTYPE_NONE;  // NONE: nothing that an engine hands over, see `type`
  std::string type;                // as it is shown: "f32", "string", "sequence"
  std::optional<std::vector<std::int64_t>> dims;  // -1: not fixed; nothing: the rank itself is open

  bool ranked(std::size_t rank) const { return dims && dims->size() == rank; }
};

struct Signature {
  std::vector<Tensor> inputs;  // without initializers
  std::vector<Tensor> outputs;
  std::vector<std::string>
      external_files;  // where the weights are, relative to the model file's folder
};

// "'image' [?,3,224,224] f32"
std::string shown(const Tensor& tensor);

}  // namespace headrace::model
