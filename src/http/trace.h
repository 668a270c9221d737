// What a request is called, by its client, by us, and in a trace across programs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headrace::http {

// W3C Trace Context, the two ids as hexadecimal digits; views into the field's value.
struct Trace {
  std::string_view trace_id{};   // 32 digits
  std::string_view parent_id{};  // 16 digits
  bool sampled = false;
};
// Nothing when the field is absent or malformed: a broken trace is no reason to refuse a request.
std::optional<Trace> parse_traceparent(std::string_view value);

// 1 to 64 of [A-Za-z0-9_.-]: fit to be repeated in answers and logs.
bool is_request_id(std::string_view id);
// 32 random hexadecimal digits.
std::string make_request_id();

}  // namespace headrace::http
