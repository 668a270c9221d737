// Every kind of picture comes out as the pixels that went in. The comparison with Pillow, which
// settles what is right for resizing and colours, is tests/pictures_match_pillow.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "image/picture.h"
#include "image/sample_pictures.h"

namespace headrace::image {
namespace {

constexpr std::uint64_t kMaxPixels = 1'000'000;

Recipe as_it_is(std::uint32_t width, std::uint32_t height) {
  return {.width = width,
          .height = height,
          .fit = Fit::stretch,
          .layout = Layout::nhwc,
          .element = Element::u8};
}

std::vector<std::uint8_t> decode(const Bytes& encoded, const Recipe& recipe) {
  std::vector<std::uint8_t> tensor(recipe.tensor_bytes());
  const auto done =
      Preprocessor(recipe, kMaxPixels).run(encoded, std::as_writable_bytes(std::span(tensor)));
  EXPECT_TRUE(done) << done.error().message;
  return tensor;
}

Pixels grayed(Pixels pixels) {
  for (std::size_t i = 0; i < pixels.rgb.size(); i += 3) {
    auto* rgb = &pixels.rgb[i];
    const auto gray =
        static_cast<std::uint8_t>(std::lround(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]));
    rgb[0] = rgb[1] = rgb[2] = gray;
  }
  return pixels;
}

// The largest difference of any sample.
int worst(const std::vector<std::uint8_t>& tensor, const Pixels& expected) {
  EXPECT_EQ(tensor.size(), expected.rgb.size());
  int difference = 0;
  for (std::size_t i = 0; i < tensor.size(); ++i) {
    difference = std::max(difference, std::abs(tensor[i] - expected.rgb[i]));
  }
  return difference;
}

class Decode : public testing::Test {
 protected:
  int worst_of(const Bytes& encoded, const Pixels& expected) {
    return worst(decode(encoded, as_it_is(expected.width, expected.height)), expected);
  }
  const Pixels pixels = slopes(45, 38);
};

TEST_F(Decode, JpegOfEverySampling) {
  for (const auto& [x, y] : {std::pair(1, 1), {2, 1}, {1, 2}, {2, 2}, {4, 1}, {4, 2}, {3, 1}}) {
    EXPECT_LE(worst_of(encode_jpeg(pixels, {.chroma_x = x, .chroma_y = y}), pixels), 16) << x << y;
  }
}

TEST_F(Decode, JpegProgressiveAndArithmetic) {
  EXPECT_LE(worst_of(encode_jpeg(pixels, {.progressive = true}), pixels), 12);
  EXPECT_LE(worst_of(encode_jpeg(pixels, {.arithmetic = true}), pixels), 12);
}

TEST_F(Decode, JpegGrayAndRgb) {
  EXPECT_LE(worst_of(encode_jpeg(pixels, {.colors = JpegColors::gray}), grayed(pixels)), 6);
  EXPECT_LE(worst_of(encode_jpeg(pixels, {.colors = JpegColors::rgb}), pixels), 6);
}

TEST_F(Decode, JpegOfFourInksAsAdobeStoresThem) {
  Pixels darker = pixels;
  for (std::uint8_t& sample : darker.rgb) sample = static_cast<std::uint8_t>(sample * 204 / 255);
  EXPECT_LE(worst_of(encode_jpeg(pixels, {.colors = JpegColors::cmyk, .light = 204}), darker), 8);
  EXPECT_LE(worst_of(encode_jpeg(pixels, {.colors = JpegColors::ycck, .light = 204}), darker), 12);
}

TEST_F(Decode, JpegAtASmallerScaleFromItsPlanes) {
  const Pixels large = slopes(640, 480);
  const Pixels small = slopes(40, 30);
  for (const JpegColors colors : {JpegColors::ycc, JpegColors::rgb, JpegColors::cmyk}) {
    const auto tensor = decode(encode_jpeg(large, {.colors = colors}), as_it_is(40, 30));
    EXPECT_LE(worst(tensor, small), 8);  // slopes() reach 0 and 255 only at the outermost pixels
  }
}

TEST_F(Decode, PngOfEveryKindExactly) {
  for (const int depth : {8, 16}) {
    for (const bool interlaced : {false, true}) {
      for (const int type : {2, 6}) {
        EXPECT_LE(
            worst_of(encode_png(pixels,
                                {.color_type = type, .bit_depth = depth, .interlaced = interlaced}),
                     pixels),
            0)
            << depth << interlaced << type;
      }
      for (const int type : {0, 4}) {
        EXPECT_LE(
            worst_of(encode_png(pixels,
                                {.color_type = type, .bit_depth = depth, .interlaced = interlaced}),
                     grayed(pixels)),
            1)
            << depth << interlaced << type;
      }
    }
  }
}

TEST_F(Decode, PngWithAPalette) {
  EXPECT_LE(worst_of(encode_png(pixels, {.color_type = 3}), grayed(pixels)), 1);
  EXPECT_LE(worst_of(encode_png(pixels, {.color_type = 3, .bit_depth = 4}), grayed(pixels)), 16);
}

TEST_F(Decode, PngKeepsTheColourOfATransparentPixel) {
  for (const int type : {0, 2, 3}) {
    const Pixels& expected = type == 2 ? pixels : grayed(pixels);
    EXPECT_LE(
        worst_of(encode_png(pixels, {.color_type = type, .transparent_color = true}), expected), 1);
  }
}

TEST_F(Decode, WebpLossyAndLossless) {
  EXPECT_LE(worst_of(encode_webp(pixels), pixels), 12);
  EXPECT_EQ(worst_of(encode_webp(pixels, {.lossless = true}), pixels), 0);
}

// The upright picture, stored so that `orientation` turns it back.
Pixels stored_for(const Pixels& upright, int orientation) {
  const bool swap = orientation >= 5;
  const std::uint32_t width = swap ? upright.height : upright.width;
  const std::uint32_t height = swap ? upright.width : upright.height;
  Pixels stored{width, height, std::vector<std::uint8_t>(upright.rgb.size())};
  for (std::uint32_t y = 0; y < upright.height; ++y) {
    for (std::uint32_t x = 0; x < upright.width; ++x) {
      const std::uint32_t right = upright.width - 1 - x;
      const std::uint32_t below = upright.height - 1 - y;
      // Where the EXIF standard says that row 0 and column 0 of the stored picture are seen.
      const std::array<std::pair<std::uint32_t, std::uint32_t>, 9> places = {{{},
                                                                              {x, y},
                                                                              {right, y},
                                                                              {right, below},
                                                                              {x, below},
                                                                              {y, x},
                                                                              {y, right},
                                                                              {below, right},
                                                                              {below, x}}};
      const auto [u, v] = places[static_cast<std::size_t>(orientation)];
      std::copy_n(upright.at(x, y), 3, &stored.rgb[std::size_t{3} * (v * width + u)]);
    }
  }
  return stored;
}

TEST_F(Decode, StandsUprightWhateverTheOrientation) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Pixels stored = stored_for(pixels, orientation);
    EXPECT_LE(worst_of(encode_jpeg(stored, {.orientation = orientation}), pixels), 12)
        << orientation;
    EXPECT_EQ(worst_of(encode_png(stored, {.orientation = orientation}), pixels), 0) << orientation;
    EXPECT_EQ(worst_of(encode_webp(stored, {.lossless = true, .orientation = orientation}), pixels),
              0)
        << orientation;
  }
}

TEST_F(Decode, CropsAnOffCentrePictureTheSameWayInEveryOrientation) {
  // The odd rest of the crop falls on one side: it must be the same side of the upright picture.
  const Recipe recipe{
      .width = 20, .height = 16, .resize_to = 38, .layout = Layout::nhwc, .element = Element::u8};
  const auto expected = decode(encode_png(pixels), recipe);
  for (int orientation = 2; orientation <= 8; ++orientation) {
    EXPECT_EQ(
        decode(encode_png(stored_for(pixels, orientation), {.orientation = orientation}), recipe),
        expected)
        << orientation;
  }
}

}  // namespace
}  // namespace headrace::image
