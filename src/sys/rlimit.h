// The limits that the shell or the service manager set on this process itself.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.h"

namespace headrace::sys {

// RLIMIT_AS, the soft value; nothing when it is unlimited.
std::optional<Bytes> address_space_limit();

// How many descriptors this process may have (RLIMIT_NOFILE), after the soft limit was raised to
// `wanted` if it was lower and the hard one lets it. Workers inherit what it is then.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);
// How many it has now.
std::uint64_t open_descriptors();

}  // namespace headrace::sys
