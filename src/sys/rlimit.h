// The limit that the shell or the service manager set on this process itself.
#pragma once

#include <optional>

#include "base/units.h"

namespace headrace::sys {

// RLIMIT_AS, the soft value; nothing when it is unlimited.
std::optional<Bytes> address_space_limit();

}  // namespace headrace::sys
