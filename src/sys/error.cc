#include "sys/error.h"

#include <cerrno>
#include <system_error>

namespace headrace::sys {

std::string describe_errno(int number) {
  return std::generic_category().message(number);
}

Error system_error(std::string_view what) {
  return Error{std::string(what) + ": " + describe_errno(errno)};
}

}  // namespace headrace::sys
