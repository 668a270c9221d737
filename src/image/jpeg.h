// Decodes JPEGs to the planes they are made of, at the smallest scale that the tensor still needs.
//
// Uses libjpeg-turbo's libjpeg interface rather than TurboJPEG's: that one reports only the last of
// several warnings, so a harmless one would hide the premature end of a file, and its planes keep
// the chroma small even where a scaled decode yields it at the size of the luma for nothing.
//
// A picture that libjpeg patched up with grey (premature end, broken codes) is corrupt here.
// Garbage between markers, an odd version or a missing last marker harm no pixel, and pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "image/decoded.h"
#include "image/recipe.h"

namespace headrace::image {

class JpegDecoder {
 public:
  JpegDecoder();
  ~JpegDecoder();
  JpegDecoder(JpegDecoder&&) noexcept;
  JpegDecoder& operator=(JpegDecoder&&) noexcept;

  DecodeResult decode(std::span<const std::byte> encoded, const Recipe& recipe,
                      std::uint64_t max_pixels, Scratch& scratch);

 private:
  struct Session;
  std::unique_ptr<Session> session_;  // libjpeg keeps a pointer to it: its address must not change
};

}  // namespace headrace::image
