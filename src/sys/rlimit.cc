#include "sys/rlimit.h"

#include <sys/resource.h>

namespace headrace::sys {

std::optional<Bytes> address_space_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return Bytes{limit.rlim_cur};
}

}  // namespace headrace::sys
