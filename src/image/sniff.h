// What a file is, by its first bytes. Names and extensions lie (".jpg" is often a PNG), contents
// rarely do.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace headrace::image {

enum class Kind : unsigned char { jpeg, png, webp, other };

struct Sniffed {
  Kind kind;
  std::string_view
      looks_like;  // for people: "JPEG picture", "GIF picture", "empty file", "text", ...
};

// A file cut short inside the signature of a kind still counts as that kind (it is broken, not
// foreign).
Sniffed sniff(std::span<const std::byte> content);

}  // namespace headrace::image
