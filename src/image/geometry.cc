#include "image/geometry.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace headrace::image {
namespace {

// To the nearest, halves to even: Python's round().
double rounded(double value) {
  return std::nearbyint(value);
}

std::uint32_t at_least_one(double value) {
  return static_cast<std::uint32_t>(std::max(value, 1.0));
}

// The longer side when the shorter one becomes `shorter_to`.
std::uint64_t longer(std::uint32_t shorter_to, std::uint32_t longer_from,
                     std::uint32_t shorter_from) {
  return std::uint64_t{shorter_to} * longer_from / shorter_from;
}

Placement crop(const Recipe& recipe, Size from) {
  const bool upright = from.width <= from.height;
  const double width = upright
                           ? static_cast<double>(recipe.resize_to)
                           : static_cast<double>(longer(recipe.resize_to, from.width, from.height));
  const double height = upright
                            ? static_cast<double>(longer(recipe.resize_to, from.height, from.width))
                            : static_cast<double>(recipe.resize_to);
  const double left = rounded((width - recipe.width) / 2.0);
  const double top = rounded((height - recipe.height) / 2.0);
  const double x = from.width / width;  // source pixels per resized pixel
  const double y = from.height / height;
  return {{left * x, top * y, recipe.width * x, recipe.height * y},
          {recipe.width, recipe.height},
          0,
          0};
}

Placement pad(const Recipe& recipe, Size from) {
  Size to{recipe.width, recipe.height};
  const double ratio = static_cast<double>(from.width) / from.height;
  const double wanted = static_cast<double>(to.width) / to.height;
  if (ratio > wanted) {
    to.height = at_least_one(rounded(static_cast<double>(from.height) / from.width * to.width));
  } else if (ratio < wanted) {
    to.width = at_least_one(rounded(ratio * to.height));
  }
  const double left = rounded((recipe.width - to.width) * 0.5);
  const double top = rounded((recipe.height - to.height) * 0.5);
  return {{0, 0, static_cast<double>(from.width), static_cast<double>(from.height)},
          to,
          static_cast<std::uint32_t>(left),
          static_cast<std::uint32_t>(top)};
}

}  // namespace

Placement place(const Recipe& recipe, Size upright) {
  switch (recipe.fit) {
    case Fit::crop:
      return crop(recipe, upright);
    case Fit::pad:
      return pad(recipe, upright);
    case Fit::stretch:
      break;
  }
  return {{0, 0, static_cast<double>(upright.width), static_cast<double>(upright.height)},
          {recipe.width, recipe.height},
          0,
          0};
}

Size turned(Size size, Turn turn) {
  return turn.transpose ? Size{size.height, size.width} : size;
}

Region unturned(const Region& region, Turn turn, Size stored) {
  Region result = region;
  if (turn.transpose) {
    std::swap(result.left, result.top);
    std::swap(result.width, result.height);
  }
  if (turn.flip_x) result.left = stored.width - result.left - result.width;
  if (turn.flip_y) result.top = stored.height - result.top - result.height;
  return result;
}

double shrink(const Placement& placement) {
  return std::min(placement.source.width / placement.size.width,
                  placement.source.height / placement.size.height);
}

}  // namespace headrace::image
