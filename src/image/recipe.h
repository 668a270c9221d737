// How a picture becomes the input tensor of a model. A plain value: parsed by `model`, carried out
// here.
//
// Sizes are rounded as torchvision and Pillow round them, for a picture that stands upright:
// - crop: the shorter side becomes resize_to, the longer one resize_to * longer / shorter, rounded
//   down (torchvision's Resize). The crop begins at (resized - wanted) / 2, rounded to the nearest,
//   halves to even (CenterCrop).
// - pad: the side that touches is exact, the other one rounded to the nearest, halves to even; so
//   is where the picture begins, (wanted - resized) / 2 (Pillow's ImageOps.pad).
// - stretch: nothing to round.
#pragma once

#include <array>
#include <cstdint>

namespace headrace::image {

enum class Fit : unsigned char {
  crop,     // scale the shorter side to `resize_to`, then cut width x height from the centre
  stretch,  // scale to width x height, whatever the aspect
  pad,      // scale to fit inside width x height, then fill around it with the mean colour
};
enum class Filter : unsigned char { bilinear, bicubic };   // antialiased, as Pillow's
enum class ColorOrder : unsigned char { rgb, bgr, gray };  // gray by Pillow's convert("L")
enum class Layout : unsigned char { nchw, nhwc };
enum class Element : unsigned char { f32, u8 };

struct Recipe {
  std::uint32_t width = 224;   // pixels
  std::uint32_t height = 224;  // pixels
  Fit fit = Fit::crop;
  // Pixels of the shorter side, at least max(width, height); Fit::crop only.
  std::uint32_t resize_to = 256;
  Filter filter = Filter::bilinear;
  ColorOrder color = ColorOrder::rgb;
  // value = (pixel - mean) / scale, pixel in 0..255, per channel in the order of `color`; no scale
  // is 0. With Element::u8 the value is the pixel itself, and the mean is used for padding only.
  std::array<float, 3> mean = {0, 0, 0};
  std::array<float, 3> scale = {1, 1, 1};
  Layout layout = Layout::nchw;
  Element element = Element::f32;

  std::uint32_t channels() const { return color == ColorOrder::gray ? 1 : 3; }
  // Bytes of the tensor that one picture becomes.
  std::uint64_t tensor_bytes() const {
    return std::uint64_t{width} * height * channels() * (element == Element::f32 ? 4 : 1);
  }
};

}  // namespace headrace::image
