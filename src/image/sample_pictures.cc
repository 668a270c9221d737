#include "image/sample_pictures.h"

#include <spng.h>
#include <webp/encode.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string_view>

// clang-format off
#include <jpeglib.h>  // wants <cstdio> before it
// clang-format on

namespace headrace::image {
namespace {

void append(Bytes& to, const void* from, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(from);
  to.insert(to.end(), bytes, bytes + size);
}

void append(Bytes& to, std::string_view text) {
  append(to, text.data(), text.size());
}

void append_number(Bytes& to, std::uint32_t value, unsigned width, bool big_endian) {
  for (unsigned i = 0; i < width; ++i) {
    to.push_back(static_cast<std::byte>(value >> 8 * (big_endian ? width - 1 - i : i)));
  }
}

std::uint8_t gray_of(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((19595U * rgb[0] + 38470U * rgb[1] + 7471U * rgb[2] + 0x8000U) >>
                                   16);
}

void set_colors(jpeg_compress_struct& jpeg, const JpegOptions& options) {
  switch (options.colors) {
    case JpegColors::gray:
      jpeg_set_colorspace(&jpeg, JCS_GRAYSCALE);
      break;
    case JpegColors::rgb:
      jpeg_set_colorspace(&jpeg, JCS_RGB);
      break;
    case JpegColors::ycc:
      jpeg_set_colorspace(&jpeg, JCS_YCbCr);
      break;
    case JpegColors::cmyk:
      jpeg_set_colorspace(&jpeg, JCS_CMYK);
      break;
    case JpegColors::ycck:
      jpeg_set_colorspace(&jpeg, JCS_YCCK);
      break;
  }
  if (options.colors == JpegColors::ycc || options.colors == JpegColors::ycck) {
    jpeg.comp_info[0].h_samp_factor = options.chroma_x;
    jpeg.comp_info[0].v_samp_factor = options.chroma_y;
    if (options.colors == JpegColors::ycck) {
      jpeg.comp_info[3].h_samp_factor = options.chroma_x;
      jpeg.comp_info[3].v_samp_factor = options.chroma_y;
    }
  }
}

std::vector<std::uint8_t> jpeg_row(const Pixels& pixels, std::uint32_t y,
                                   const JpegOptions& options) {
  std::vector<std::uint8_t> row;
  for (std::uint32_t x = 0; x < pixels.width; ++x) {
    const std::uint8_t* rgb = pixels.at(x, y);
    if (options.colors == JpegColors::gray) {
      row.push_back(gray_of(rgb));
    } else {
      row.insert(row.end(), rgb, rgb + 3);
      if (options.colors == JpegColors::cmyk || options.colors == JpegColors::ycck)
        row.push_back(options.light);
    }
  }
  return row;
}

// The samples of one pixel of a PNG, 8 bits each.
std::vector<std::uint8_t> png_samples(const std::uint8_t* rgb, int color_type) {
  switch (color_type) {
    case SPNG_COLOR_TYPE_GRAYSCALE:
      return {gray_of(rgb)};
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
      return {gray_of(rgb), 40};
    case SPNG_COLOR_TYPE_TRUECOLOR_ALPHA:
      return {rgb[0], rgb[1], rgb[2], 40};
    default:
      return {rgb[0], rgb[1], rgb[2]};
  }
}

Bytes png_body(const Pixels& pixels, const PngOptions& options) {
  Bytes body;
  for (std::uint32_t y = 0; y < pixels.height; ++y) {
    std::uint32_t nibble = 0;
    for (std::uint32_t x = 0; x < pixels.width; ++x) {
      const std::uint8_t* rgb = pixels.at(x, y);
      if (options.color_type == SPNG_COLOR_TYPE_INDEXED) {  // the palette is a gray scale
        const std::uint32_t index = gray_of(rgb) >> (8 - options.bit_depth);
        if (options.bit_depth == 8) {
          append_number(body, index, 1, true);
        } else {
          if (x % 2 == 1) append_number(body, nibble << 4 | index, 1, true);
          if (x % 2 == 0 && x + 1 == pixels.width) append_number(body, index << 4, 1, true);
          nibble = index;
        }
        continue;
      }
      for (const std::uint8_t sample : png_samples(rgb, options.color_type)) {
        if (options.bit_depth == 8) append_number(body, sample, 1, true);
        if (options.bit_depth == 16)
          append_number(body, sample * 256U + 99, 2, false);  // host order
      }
    }
  }
  return body;
}

void set_palette(spng_ctx* png, const PngOptions& options) {
  spng_plte palette{};
  palette.n_entries = 1U << options.bit_depth;
  for (std::uint32_t i = 0; i < palette.n_entries; ++i) {
    const auto level = static_cast<std::uint8_t>(i * 255 / (palette.n_entries - 1));
    palette.entries[i] = {level, level, level, 255};
  }
  spng_set_plte(png, &palette);
}

void append_chunk(Bytes& riff, std::string_view name, const Bytes& body) {
  append(riff, name);
  append_number(riff, static_cast<std::uint32_t>(body.size()), 4, false);
  append(riff, body.data(), body.size());
  if (body.size() % 2 == 1) riff.push_back(std::byte{0});
}

// Puts a plain WebP into the extended format, with EXIF behind it.
Bytes with_exif(const Bytes& plain, const Pixels& pixels, int orientation) {
  Bytes canvas;
  append_number(canvas, 0x08, 4, false);  // flag: has EXIF
  append_number(canvas, pixels.width - 1, 3, false);
  append_number(canvas, pixels.height - 1, 3, false);
  Bytes body;
  append(body, "WEBP");
  append_chunk(body, "VP8X", canvas);
  append(body, plain.data() + 12, plain.size() - 12);
  append_chunk(body, "EXIF", exif_block(orientation));
  Bytes riff;
  append_chunk(riff, "RIFF", body);
  return riff;
}

}  // namespace

Pixels slopes(std::uint32_t width, std::uint32_t height) {
  Pixels pixels{width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const std::uint32_t red = 255 * x / std::max(width - 1, 1U);
      const std::uint32_t green = 255 * y / std::max(height - 1, 1U);
      pixels.rgb.push_back(static_cast<std::uint8_t>(red));
      pixels.rgb.push_back(static_cast<std::uint8_t>(green));
      pixels.rgb.push_back(static_cast<std::uint8_t>(255 - (red + green) / 2));
    }
  }
  return pixels;
}

Bytes encode_jpeg(const Pixels& pixels, const JpegOptions& options) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &out, &size);
  const bool inks = options.colors == JpegColors::cmyk || options.colors == JpegColors::ycck;
  jpeg.image_width = pixels.width;
  jpeg.image_height = pixels.height;
  jpeg.input_components = options.colors == JpegColors::gray ? 1 : inks ? 4 : 3;
  jpeg.in_color_space = options.colors == JpegColors::gray ? JCS_GRAYSCALE
                        : inks                             ? JCS_CMYK
                                                           : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  set_colors(jpeg, options);
  jpeg.arith_code = options.arithmetic ? TRUE : FALSE;
  if (options.progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  if (options.orientation != 0) {
    Bytes marker;
    append(marker, std::string_view("Exif\0\0", 6));
    const Bytes block = exif_block(options.orientation, false);
    append(marker, block.data(), block.size());
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(marker.data()),
                      static_cast<unsigned>(marker.size()));
  }
  for (std::uint32_t y = 0; y < pixels.height; ++y) {
    std::vector<std::uint8_t> row = jpeg_row(pixels, y, options);
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&jpeg, rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  Bytes encoded;
  append(encoded, out, size);
  std::free(out);
  jpeg_destroy_compress(&jpeg);
  return encoded;
}

Bytes encode_png(const Pixels& pixels, const PngOptions& options) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> png(spng_ctx_new(SPNG_CTX_ENCODER),
                                                                &spng_ctx_free);
  spng_set_option(png.get(), SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{
      pixels.width,
      pixels.height,
      static_cast<std::uint8_t>(options.bit_depth),
      static_cast<std::uint8_t>(options.color_type),
      0,
      0,
      static_cast<std::uint8_t>(options.interlaced ? SPNG_INTERLACE_ADAM7 : SPNG_INTERLACE_NONE)};
  spng_set_ihdr(png.get(), &header);
  if (options.color_type == SPNG_COLOR_TYPE_INDEXED) set_palette(png.get(), options);
  if (options.transparent_color) {
    spng_trns transparent{};
    transparent.n_type3_entries = 4;
    spng_set_trns(png.get(), &transparent);
  }
  Bytes block = exif_block(options.orientation);
  spng_exif exif{block.size(), reinterpret_cast<char*>(block.data())};
  if (options.orientation != 0) spng_set_exif(png.get(), &exif);
  const Bytes body = png_body(pixels, options);
  int code =
      spng_encode_image(png.get(), body.data(), body.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
  Bytes encoded;
  if (code != 0) return encoded;
  std::size_t size = 0;
  void* const out = spng_get_png_buffer(png.get(), &size, &code);
  append(encoded, out, size);
  std::free(out);
  return encoded;
}

Bytes encode_webp(const Pixels& pixels, const WebpOptions& options) {
  std::uint8_t* out = nullptr;
  const int width = static_cast<int>(pixels.width);
  const int height = static_cast<int>(pixels.height);
  const std::size_t size =
      options.lossless ? WebPEncodeLosslessRGB(pixels.rgb.data(), width, height, width * 3, &out)
                       : WebPEncodeRGB(pixels.rgb.data(), width, height, width * 3, 95, &out);
  Bytes encoded;
  append(encoded, out, size);
  WebPFree(out);
  return options.orientation == 0 ? encoded : with_exif(encoded, pixels, options.orientation);
}

Bytes exif_block(int orientation, bool big_endian) {
  Bytes block;
  append(block, big_endian ? "MM" : "II");
  append_number(block, 42, 2, big_endian);
  append_number(block, 8, 4, big_endian);  // the directory follows at once
  append_number(block, 1, 2, big_endian);  // one entry: tag, type SHORT, one value, and padding
  append_number(block, 0x0112, 2, big_endian);
  append_number(block, 3, 2, big_endian);
  append_number(block, 1, 4, big_endian);
  append_number(block, static_cast<std::uint32_t>(orientation), 2, big_endian);
  append_number(block, 0, 2, big_endian);
  append_number(block, 0, 4, big_endian);  // no further directory
  return block;
}

Bytes png_header(std::uint32_t width, std::uint32_t height) {
  Bytes chunk;
  append(chunk, "IHDR");
  append_number(chunk, width, 4, true);
  append_number(chunk, height, 4, true);
  append(chunk, std::string_view("\x08\x02\0\0\0", 5));
  std::uint32_t crc = 0xffffffffU;
  for (const std::byte byte : chunk) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
  }
  Bytes header;
  append(header, std::string_view("\x89PNG\r\n\x1a\n\0\0\0\x0d", 12));
  append(header, chunk.data(), chunk.size());
  append_number(header, ~crc, 4, true);
  return header;
}

Bytes jpeg_header(std::uint16_t width, std::uint16_t height) {
  Bytes jpeg = encode_jpeg(slopes(8, 8));
  for (std::size_t i = 0; i + 9 < jpeg.size(); ++i) {  // find SOF0
    if (jpeg[i] == std::byte{0xff} && jpeg[i + 1] == std::byte{0xc0}) {
      Bytes size;
      append_number(size, height, 2, true);
      append_number(size, width, 2, true);
      std::copy(size.begin(), size.end(), jpeg.begin() + static_cast<std::ptrdiff_t>(i) + 5);
      break;
    }
  }
  return jpeg;
}

}  // namespace headrace::image
