#include "worker/body.h"

#include <algorithm>

namespace headrace::worker {

void Item::fail(ItemError code, std::string_view message) {
  error = code;
  bytes = std::min(message.size(), result.size());
  std::copy_n(message.begin(), bytes, result.begin());
}

}  // namespace headrace::worker
