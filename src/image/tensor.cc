#include "image/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace headrace::image {
namespace {

float clamped(float value) {
  return std::min(std::max(value, 0.0F), 255.0F);
}

constexpr float kLevel = 1.0F / 257.0F;  // of the resizer's samples

// Y, Cb, Cr to R, G, B: BT.601.
struct Matrix {
  float y_zero, y_gain;
  float red_cr, green_cb, green_cr, blue_cb;
};
constexpr Matrix matrix(float y_zero, float y_gain, float c_gain) {
  return {y_zero,         y_gain, 1.402F * c_gain, -0.344136F * c_gain, -0.714136F * c_gain,
          1.772F * c_gain};
}
constexpr Matrix kFull = matrix(0, 1, 1);
constexpr Matrix kStudio = matrix(16, 255.0F / 219, 255.0F / 224);

void ycc_to_rgb(const Matrix& matrix, const Resized& from, std::size_t count, const Channels& to) {
  const auto [y, cb, cr] = from.planes;
  const auto [red, green, blue] = to.planes;
  for (std::size_t i = 0; i < count; ++i) {
    const float light = (y[i] * kLevel - matrix.y_zero) * matrix.y_gain;
    const float b = cb[i] * kLevel - 128;
    const float r = cr[i] * kLevel - 128;
    red[i] = clamped(light + matrix.red_cr * r);
    green[i] = clamped(light + matrix.green_cb * b + matrix.green_cr * r);
    blue[i] = clamped(light + matrix.blue_cb * b);
  }
}

void to_levels(const std::uint16_t* from, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i] * kLevel;
}

// The weights of Pillow's convert("L").
void rgb_to_gray(float* red, const float* green, const float* blue, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    red[i] = (19595.0F * red[i] + 38470.0F * green[i] + 7471.0F * blue[i]) / 65536.0F;
  }
}

// One channel of the turned picture, read in the order of the tensor.
struct Reader {
  const float* origin;
  std::ptrdiff_t step_x;
  std::ptrdiff_t step_y;
};

Reader reader(const float* plane, const Channels& channels, Turn turn) {
  const auto stride = static_cast<std::ptrdiff_t>(channels.stride);
  const std::ptrdiff_t u = turn.flip_x ? -1 : 1;
  const std::ptrdiff_t v = turn.flip_y ? -stride : stride;
  const float* const origin = plane + (turn.flip_x ? channels.size.width - 1 : 0) +
                              (turn.flip_y ? stride * (channels.size.height - 1) : 0);
  return turn.transpose ? Reader{origin, v, u} : Reader{origin, u, v};
}

struct Normalise {
  float mean, factor;
  float operator()(float pixel) const { return (pixel - mean) * factor; }
};
struct Round {
  std::uint8_t operator()(float pixel) const {
    return static_cast<std::uint8_t>(std::lround(clamped(pixel)));
  }
};

// One channel of the tensor: `out` points to its first element, elements are `step` apart.
template <class Element, class Convert>
void write_channel(const Recipe& recipe, const Placement& placement, const Reader& from,
                   float padding, Element* out, std::size_t step, Convert convert) {
  if (placement.size != Size{recipe.width, recipe.height}) {
    const std::size_t count = std::size_t{recipe.width} * recipe.height;
    for (std::size_t i = 0; i < count; ++i) out[i * step] = convert(padding);
  }
  for (std::uint32_t y = 0; y < placement.size.height; ++y) {
    const float* const row = from.origin + static_cast<std::ptrdiff_t>(y) * from.step_y;
    Element* const line =
        out + (std::size_t{placement.top + y} * recipe.width + placement.left) * step;
    if (from.step_x == 1 && step == 1) {  // the usual case, a loop that vectorises
      for (std::uint32_t x = 0; x < placement.size.width; ++x) line[x] = convert(row[x]);
    } else {
      for (std::uint32_t x = 0; x < placement.size.width; ++x) {
        line[x * step] = convert(row[static_cast<std::ptrdiff_t>(x) * from.step_x]);
      }
    }
  }
}

}  // namespace

void to_colors(Colors from, const Resized& resized, ColorOrder to, Channels& channels) {
  const std::size_t count = resized.stride * resized.size.height;
  channels.stride = resized.stride;
  channels.size = resized.size;
  auto& [first, second, third] = channels.planes;
  switch (from) {
    case Colors::ycc_full:
      ycc_to_rgb(kFull, resized, count, channels);
      break;
    case Colors::ycc_studio:
      ycc_to_rgb(kStudio, resized, count, channels);
      break;
    case Colors::rgb:
      for (unsigned i = 0; i < 3; ++i) to_levels(resized.planes[i], count, channels.planes[i]);
      break;
    case Colors::gray:
      to_levels(resized.planes[0], count, first);
      second = third = first;
      return;
  }
  if (to == ColorOrder::gray) rgb_to_gray(first, second, third, count);
  if (to == ColorOrder::bgr) std::swap(first, third);
}

void write_tensor(const Recipe& recipe, const Placement& placement, Turn turn,
                  const Channels& channels, std::span<std::byte> tensor) {
  const bool planar = recipe.layout == Layout::nchw;
  const std::size_t step = planar ? 1 : recipe.channels();
  for (unsigned i = 0; i < recipe.channels(); ++i) {
    const std::size_t start = planar ? std::size_t{recipe.width} * recipe.height * i : i;
    const Reader from = reader(channels.planes[i], channels, turn);
    if (recipe.element == Element::u8) {
      write_channel(recipe, placement, from, recipe.mean[i],
                    reinterpret_cast<std::uint8_t*>(tensor.data()) + start, step, Round{});
    } else {
      write_channel(recipe, placement, from, recipe.mean[i],
                    reinterpret_cast<float*>(tensor.data()) + start, step,
                    Normalise{recipe.mean[i], 1.0F / recipe.scale[i]});
    }
  }
}

}  // namespace headrace::image
