// errno as a sentence.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace headrace::sys {

// "what: No space left on device", from errno as it is now.
Error system_error(std::string_view what);
// The system's words for an error number, "No space left on device".
std::string describe_errno(int number);

}  // namespace headrace::sys
