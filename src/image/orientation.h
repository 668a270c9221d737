// How a picture must be turned to stand upright, as cameras note it in EXIF.
//
// One tag is all that is wanted of EXIF, so it is read here, in bounds, instead of handing hostile
// bytes to a library that parses everything (libexif, with its maker notes). A broken EXIF block
// never makes a picture fail: the picture then counts as upright.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace headrace::image {

// turned(x, y) = source(u, v): swap x and y if `transpose`, then count u from the right if `flip_x`
// and v from the bottom if `flip_y`.
struct Turn {
  bool transpose = false;
  bool flip_x = false;
  bool flip_y = false;
  bool operator==(const Turn&) const = default;
};

// The turn for an EXIF orientation; upright for anything but 2..8.
Turn turn_of(std::uint32_t exif_orientation);

// The turn that an EXIF block asks for: TIFF bytes, with or without "Exif\0\0" before them.
Turn turn_from_exif(std::span<const std::byte> exif);

}  // namespace headrace::image
