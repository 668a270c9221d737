// multipart/form-data: a form with files, as browsers and `curl -F` send it.
//
// Over a whole body in memory: nothing is copied, a part is a range of the body. The body is a
// stranger's: parts, their heads and the boundary are bounded, and nothing is guessed.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/request.h"

namespace headrace::http {

struct Part {
  std::string name;
  std::optional<std::string> filename{};  // as the client wrote it: never a path to be opened
  std::string_view content_type{};        // into the body; "text/plain" when the part has none
  std::size_t offset = 0;                 // of the content, in the body
  std::size_t size = 0;
};

inline constexpr std::size_t kMostParts = 256;
inline constexpr std::size_t kMostPartHead = 8192;

// `content_type` is the request's, with the boundary. Names may repeat. An error is a 400 or a 415.
Result<std::vector<Part>, Refusal> parse_multipart(std::string_view content_type,
                                                   std::span<const std::byte> body);

}  // namespace headrace::http
