// What kind of exception is being handled.
#pragma once

#include <string>

namespace headrace::sys {

// The type's name as in the source, "std::runtime_error"; only within a catch clause.
std::string current_exception_name();

}  // namespace headrace::sys
