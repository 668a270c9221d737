// Decodes WebPs with libwebp: lossy ones to their planes, lossless ones to RGB, of animations the
// first frame. Alpha is dropped as Pillow's convert("RGB") drops it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "image/decoded.h"

namespace headrace::image {

DecodeResult decode_webp(std::span<const std::byte> encoded, std::uint64_t max_pixels,
                         Scratch& scratch);

}  // namespace headrace::image
