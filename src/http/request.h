// A request as it was sent, and why one was refused. Plain values, no input or output.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"

namespace headrace::http {

// An error as the client will see it: a status of 400 or above, and a sentence for the body.
struct Refusal {
  // A constructor, for g++ 12 copies a braced aggregate within a co_await expression bit by bit.
  Refusal(unsigned the_status, std::string the_message)
      : status(the_status), message(std::move(the_message)) {}
  unsigned status;
  std::string message;
  // With 429 and 503: when it may be worth another try.
  std::chrono::seconds retry_after{1};
  // With 405: the methods that there are; text that lives for ever.
  std::string_view allow{};
};

// Of a body, with how large it may be.
Refusal too_large(Bytes most);

struct Field {
  std::string_view name{};
  std::string_view value{};
};

// Whether two field names or tokens are the same: case does not count.
bool same_word(std::string_view a, std::string_view b);
// Without blanks and tabs on either side.
std::string_view trimmed(std::string_view text);

// What a request's head says. The views point into the bytes that were parsed.
struct Request {
  std::string_view method{};
  std::string_view query{};  // after the '?', still encoded
  std::string path{};        // decoded; begins with '/', has no "." or ".." segment
  std::vector<Field> fields{};
  std::optional<std::uint64_t> content_length{};  // nothing: no body, or a chunked one
  bool http11 = true;
  bool keep_alive = false;  // what the client wishes
  bool chunked = false;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
  // The value of the first field of that name; empty when there is none.
  std::string_view field(std::string_view name) const;
  std::size_t count(std::string_view name) const;
};

}  // namespace headrace::http
