#include "model/signature.h"

#include "model/wording.h"

namespace headrace::model {

std::string shown(const Tensor& tensor) {
  std::string out = in_quotes(tensor.name) + " ";
  if (tensor.dims) {
    out += '[';
    for (std::size_t i = 0; i < tensor.dims->size(); ++i) {
      const std::int64_t dim = (*tensor.dims)[i];
      out += (i > 0 ? "," : "") + (dim < 0 ? std::string("?") : std::to_string(dim));
    }
    out += "] ";
  } else {
    out += "of open rank, ";
  }
  return out + tensor.type;
}

}  // namespace headrace::model
