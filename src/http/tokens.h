// Who may come in: a file of secret words, one a line.
//
// Compared so that the time it takes says nothing: digests of equal length, each one to its end, the
// whole list every time.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace headrace::http {

class Tokens {
 public:
  // Empty lines and lines that begin with '#' are left out. A file without a token is an error: it
  // would shut everybody out.
  static Result<Tokens> load(const std::string& path);
  // `authorization` is the field's value: "Bearer TOKEN".
  bool accept(std::string_view authorization) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest_of(std::string_view token);

  std::vector<Digest> digests_;
};

}  // namespace headrace::http
