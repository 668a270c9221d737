// Where in a picture the tensor's pixels come from. Arithmetic only; the rounding is the rule in
// recipe.h.
#pragma once

#include <cstdint>

#include "image/orientation.h"
#include "image/recipe.h"

namespace headrace::image {

struct Size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool operator==(const Size&) const = default;
};

// A rectangle in pixels, with fractions: pixel i covers [i, i + 1).
struct Region {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  bool operator==(const Region&) const = default;
};

struct Placement {
  Region source;  // the part of the picture that is looked at (the filter reaches beyond it)
  Size size;      // the pixels it becomes
  std::uint32_t left = 0;  // where these stand in the tensor; around them is padding
  std::uint32_t top = 0;
};

// Places a picture that already stands upright.
Placement place(const Recipe& recipe, Size upright);

// The size of a picture after a turn, and that of a turned one before it.
Size turned(Size size, Turn turn);
// The region of the upright picture, in the picture as it is stored with `stored` pixels.
Region unturned(const Region& region, Turn turn, Size stored);

// How many source pixels become one pixel, on the axis where they are fewest. Below 1 when
// enlarging.
double shrink(const Placement& placement);

}  // namespace headrace::image
