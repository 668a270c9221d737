// A form, from anybody on the network. Hostile here: boundaries that nearly match, heads without end,
// quotes that do not close. The parts must lie inside the body, one behind the other.
//
// The first line of an input is the request's Content-Type; the body follows.
#include <span>
#include <vector>

#include "base/fuzz.h"
#include "http/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  using fuzz::must;
  std::string_view rest = fuzz::text_of(data, size);
  const std::string_view type = fuzz::take_line(rest);
  // In memory of its own, so that a sanitizer sees a step beyond.
  const std::vector<char> body(rest.begin(), rest.end());
  const auto parts = http::parse_multipart(type, std::as_bytes(std::span(body)));
  if (!parts) {
    must(parts.error().status >= 400 && !parts.error().message.empty(), "a refusal says why");
    return 0;
  }
  must(parts->size() <= http::kMostParts, "parts are counted");
  std::size_t end = 0;
  for (const http::Part& part : *parts) {
    must(part.offset >= end && part.offset <= body.size(), "parts are in order");
    must(part.size <= body.size() - part.offset, "parts are inside the body");
    end = part.offset + part.size;
  }
  return 0;
}
