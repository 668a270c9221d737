// The classification extension: of a tensor of scores, the best few, each as a string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "oip/datatype.h"

namespace headrace::oip {

struct Classification {
  engine::Shape shape;             // [batch, classes], or [classes] of one row
  std::vector<std::byte> strings;  // "value:index" or "value:index:label", a BYTES tensor
};

// The first dimension of `shape` is the batch if it has two or more; what is left is one row of
// scores for each, of which the `classes` highest are taken, or all if there are fewer. NaN is lower
// than any number; of equal scores the one with the lower index comes first. `bytes` are those of
// the shape.
Result<Classification> classify(Datatype type, const engine::Shape& shape,
                                std::span<const std::byte> bytes, std::uint32_t classes,
                                std::span<const std::string> labels);

}  // namespace headrace::oip
