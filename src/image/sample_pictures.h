// Encoded pictures for tests, of all kinds that cameras, browsers and prepress make. Linked by
// tests only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace headrace::image {

using Bytes = std::vector<std::byte>;

struct Pixels {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb;  // interleaved

  const std::uint8_t* at(std::uint32_t x, std::uint32_t y) const {
    return &rgb[std::size_t{3} * (y * width + x)];
  }
};

// Red grows to the right, green downwards, blue against both: each corner has its own colour, and
// no edge is sharp enough for a lossy codec to stumble over.
Pixels slopes(std::uint32_t width, std::uint32_t height);

enum class JpegColors : unsigned char { gray, rgb, ycc, cmyk, ycck };
struct JpegOptions {
  JpegColors colors = JpegColors::ycc;
  int chroma_x = 2;  // luma samples per chroma sample
  int chroma_y = 2;
  bool progressive = false;
  bool arithmetic = false;
  int orientation = 0;       // EXIF, 0 for none
  std::uint8_t light = 255;  // of the inverted black ink: 255 is none
};
Bytes encode_jpeg(const Pixels& pixels, const JpegOptions& options = {});

struct PngOptions {
  int color_type = 2;  // 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGB and alpha
  int bit_depth = 8;   // 8 or 16; 4 too for the palette, which then has 16 grays
  bool interlaced = false;
  bool transparent_color = false;  // a tRNS chunk, for types 0, 2 and 3
  int orientation = 0;
};
Bytes encode_png(const Pixels& pixels, const PngOptions& options = {});

struct WebpOptions {
  bool lossless = false;
  int orientation = 0;
};
Bytes encode_webp(const Pixels& pixels, const WebpOptions& options = {});

// TIFF bytes with one directory of one tag.
Bytes exif_block(int orientation, bool big_endian = true);

// A PNG or a JPEG that ends after a header which promises this size.
Bytes png_header(std::uint32_t width, std::uint32_t height);
Bytes jpeg_header(std::uint16_t width, std::uint16_t height);

}  // namespace headrace::image
