// The second word of a request line, made into a path.
//
// A router and a check of who may do what must see the same path, or the one is passed by through
// the other. So a path has one spelling here: decoded once; and what could be read in two ways (a
// ".." segment, an encoded slash, a control character) is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/request.h"

namespace headrace::http {

struct Target {
  std::string path;
  std::string_view query{};  // into the target
};

// "/a%20b?q=1" or "http://host/a%20b?q=1".
Result<Target, Refusal> parse_target(std::string_view target);

// Every %XX as its byte; nothing when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace headrace::http
