// From resized planes to the numbers of the tensor: colours, turning, padding, normalising, layout.
// All of it happens at the size of the tensor, never at that of the picture.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "image/decoded.h"
#include "image/geometry.h"
#include "image/recipe.h"

namespace headrace::image {

// What the resizer leaves: samples of 0..65535 for 0..255, `stride` samples from row to row.
struct Resized {
  std::array<const std::uint16_t*, 3> planes{};
  std::size_t stride = 0;
  Size size;  // as stored, that is before turning
};

// Colours of a recipe, each in 0..255, of the size and stride of the Resized they came from.
struct Channels {
  std::array<float*, 3> planes{};
  std::size_t stride = 0;
  Size size;
};

// Converts to the colours of the recipe. `channels.planes` are three places to write to; on return
// the first recipe.channels() are filled, in the order of the recipe (or are one and the same, for
// a gray picture).
void to_colors(Colors from, const Resized& resized, ColorOrder to, Channels& channels);

// Writes the channels, turned, where `placement` says, and padding around them.
void write_tensor(const Recipe& recipe, const Placement& placement, Turn turn,
                  const Channels& channels, std::span<std::byte> tensor);

}  // namespace headrace::image
