// Why a request is not served, fit to be sent to whoever asked.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace headrace::oip {

// The message speaks of the request alone: its tensors, its numbers, what to send instead. No file,
// no process, nothing of the inside.
struct Refusal {
  enum class Kind : unsigned char {
    invalid,      // the request is wrong
    not_found,    // there is no such model
    too_large,    // more than the server takes
    unsupported,  // right, but nothing that this server does
  };
  Kind kind = Kind::invalid;
  std::string message;
};

template <class T>
using Answer = Result<T, Refusal>;

// 400, 404, 413 or 501.
int http_status(Refusal::Kind kind);

// A name from a request, in quotes, cut where it is too long for a sentence.
std::string in_quotes(std::string_view name);

}  // namespace headrace::oip
