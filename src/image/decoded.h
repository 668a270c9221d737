// A decoded picture on its way to the resizer, and what the decoders have to say to each other's
// caller.
//
// Pictures stay in the planes that their codec thinks in: a JPEG's two chroma planes, at half the
// size, are resized as they are, and only the few pixels of the tensor are ever converted to RGB.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "image/buffer.h"
#include "image/geometry.h"
#include "image/orientation.h"
#include "image/picture.h"

namespace headrace::image {

enum class Colors : unsigned char {
  gray,        // one plane
  rgb,         // three planes
  ycc_full,    // Y, Cb, Cr of BT.601 in 0..255: JPEG
  ycc_studio,  // the same in 16..235 and 16..240: WebP
};

// Samples of one byte. `data` and `stride` are multiples of kAlign.
struct Plane {
  const std::byte* data = nullptr;
  std::size_t stride = 0;  // bytes from row to row
  Size size;
  // Samples per picture pixel: 0.5 for a chroma plane of half the width, or a picture decoded at
  // half size.
  double scale_x = 1;
  double scale_y = 1;
};

// Its planes lie in the Scratch that it was decoded into, until the next picture.
struct Decoded {
  Size size;  // in pixels as the header has it, before turning
  Colors colors = Colors::gray;
  std::array<Plane, 3> planes;
  Turn turn;

  unsigned plane_count() const { return colors == Colors::gray ? 1 : 3; }
};

using DecodeResult = Result<Decoded, PictureError>;

struct Scratch {
  Buffer planes;
  Buffer packed;  // interleaved pixels, before they are parted into planes
};

PictureError corrupt(std::string_view kind, std::string_view what);

// Refuses more pixels than the cap; to be called before memory is taken. `kind` as in "JPEG".
Result<Ok, PictureError> check_pixels(std::string_view kind, Size size, std::uint64_t max_pixels);

// Takes room for all planes of `decoded`, at the full size, and returns where each begins.
std::array<std::byte*, 3> lay_out_full_planes(Decoded& decoded, Buffer& buffer);

// Parts one row of interleaved RGB into three, or of RGB and a filler: that is quicker to part.
void part_rgb(const std::byte* packed, std::size_t pixels, const std::array<std::byte*, 3>& rgb);
void part_rgbx(const std::byte* packed, std::size_t pixels, const std::array<std::byte*, 3>& rgb);

// Parts interleaved pixels, without gaps between rows, into the planes laid out before: RGB into
// three, gray into one.
void part_picture(const std::byte* packed, const Decoded& decoded,
                  std::array<std::byte*, 3> starts);

}  // namespace headrace::image
