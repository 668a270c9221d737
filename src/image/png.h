// Decodes PNGs with libspng: 8 bits a channel, palettes resolved, the high byte of 16 bits, alpha
// dropped as Pillow's convert("RGB") drops it (the colour below a transparent pixel stays).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "image/decoded.h"

namespace headrace::image {

DecodeResult decode_png(std::span<const std::byte> encoded, std::uint64_t max_pixels,
                        Scratch& scratch);

}  // namespace headrace::image
