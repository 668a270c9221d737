#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "image/picture.h"
#include "image/sample_pictures.h"

namespace headrace::image {
namespace {

constexpr std::uint64_t kMaxPixels = 100'000;

Pixels plain(std::uint32_t width, std::uint32_t height, std::array<std::uint8_t, 3> color) {
  Pixels pixels{width, height, {}};
  for (std::uint32_t i = 0; i < width * height; ++i) {
    pixels.rgb.insert(pixels.rgb.end(), color.begin(), color.end());
  }
  return pixels;
}

std::vector<float> tensor_of(const Bytes& encoded, const Recipe& recipe) {
  std::vector<float> tensor(recipe.tensor_bytes() / sizeof(float));
  const auto done =
      Preprocessor(recipe, kMaxPixels).run(encoded, std::as_writable_bytes(std::span(tensor)));
  EXPECT_TRUE(done) << done.error().message;
  return tensor;
}

Result<Ok, PictureError> run(Preprocessor& preprocessor, std::span<const std::byte> encoded) {
  std::vector<std::byte> tensor(Recipe{}.tensor_bytes());
  return preprocessor.run(encoded, tensor);
}

Recipe small(Fit fit) {
  return {.width = 4, .height = 2, .fit = fit, .resize_to = 4};
}

TEST(Preprocessor, NormalisesEachChannelInPlanes) {
  Recipe recipe = small(Fit::stretch);
  recipe.mean = {10, 20, 30};
  recipe.scale = {1, 2, 4};
  const auto tensor = tensor_of(encode_png(plain(8, 8, {110, 120, 130})), recipe);
  ASSERT_EQ(tensor.size(), 24U);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(tensor[i], 100, 0.01);
    EXPECT_NEAR(tensor[8 + i], 50, 0.01);
    EXPECT_NEAR(tensor[16 + i], 25, 0.01);
  }
}

TEST(Preprocessor, InterleavesAndSwapsColours) {
  Recipe recipe = small(Fit::stretch);
  recipe.layout = Layout::nhwc;
  recipe.color = ColorOrder::bgr;
  recipe.mean = {30, 0, 0};  // in the order of the recipe: of blue
  const auto tensor = tensor_of(encode_png(plain(8, 8, {110, 120, 130})), recipe);
  EXPECT_NEAR(tensor[0], 100, 0.01);
  EXPECT_NEAR(tensor[1], 120, 0.01);
  EXPECT_NEAR(tensor[2], 110, 0.01);
}

TEST(Preprocessor, MakesGrayOfColoursAndColoursOfGray) {
  Recipe recipe = small(Fit::stretch);
  recipe.color = ColorOrder::gray;
  const Pixels pixels = plain(8, 8, {200, 100, 50});
  for (const Bytes& encoded :
       {encode_png(pixels), encode_jpeg(pixels), encode_webp(pixels, {.lossless = true})}) {
    const auto tensor = tensor_of(encoded, recipe);
    ASSERT_EQ(tensor.size(), 8U);
    EXPECT_NEAR(tensor[3], 124.2, 1.0);
  }
  EXPECT_NEAR(tensor_of(encode_webp(pixels), recipe)[3], 124.2, 3.0);
  const auto colors = tensor_of(encode_png(pixels, {.color_type = 0}), small(Fit::stretch));
  EXPECT_NEAR(colors[0], 124, 0.01);
  EXPECT_NEAR(colors[8], 124, 0.01);
  EXPECT_NEAR(colors[16], 124, 0.01);
}

TEST(Preprocessor, PadsWithTheMeanColour) {
  Recipe recipe = small(Fit::pad);
  recipe.mean = {7, 8, 9};
  const auto tensor =
      tensor_of(encode_png(plain(8, 8, {107, 108, 109})), recipe);  // becomes 2 x 2 of 4 x 2
  EXPECT_EQ(tensor[0], 0);
  EXPECT_NEAR(tensor[1], 100, 0.01);
  EXPECT_NEAR(tensor[2], 100, 0.01);
  EXPECT_EQ(tensor[3], 0);

  recipe.element = Element::u8;
  std::vector<std::uint8_t> bytes(recipe.tensor_bytes());
  ASSERT_TRUE(
      Preprocessor(recipe, kMaxPixels)
          .run(encode_png(plain(8, 8, {107, 108, 109})), std::as_writable_bytes(std::span(bytes))));
  EXPECT_EQ(bytes[0], 7);
  EXPECT_EQ(bytes[1], 107);
}

TEST(Preprocessor, TakesPicturesOfASinglePixelAndOfAThread) {
  Preprocessor preprocessor(Recipe{}, kMaxPixels);
  for (const auto& [width, height] : {std::pair(1U, 1U), {1U, 900U}, {900U, 1U}, {2U, 3U}}) {
    const Pixels pixels = slopes(width, height);
    for (const Bytes& encoded : {encode_jpeg(pixels), encode_png(pixels), encode_webp(pixels)}) {
      const auto done = run(preprocessor, encoded);
      EXPECT_TRUE(done) << width << " x " << height << ": " << done.error().message;
    }
  }
}

TEST(Preprocessor, GivesTheSameTensorAgainAndAgain) {
  const Recipe recipe{.width = 40, .height = 40, .resize_to = 50};
  Preprocessor preprocessor(recipe, kMaxPixels);
  const Bytes probe = encode_jpeg(slopes(200, 120));
  std::vector<std::byte> first(recipe.tensor_bytes());
  std::vector<std::byte> again(recipe.tensor_bytes());
  ASSERT_TRUE(preprocessor.run(probe, first));
  for (std::uint32_t i = 1; i <= 80; ++i) {  // more sizes than resizing plans are kept
    ASSERT_TRUE(preprocessor.run(encode_png(slopes(60 + i, 50)), again));
    static_cast<void>(preprocessor.run(std::span(probe).first(probe.size() / 2), again));
  }
  ASSERT_TRUE(preprocessor.run(probe, again));
  EXPECT_EQ(first, again);
}

TEST(Preprocessor, RefusesTooManyPixelsBeforeTakingMemory) {
  Preprocessor preprocessor(Recipe{}, kMaxPixels);
  for (const Bytes& encoded : {png_header(60000, 60000), jpeg_header(60000, 60000),
                               png_header(0x7fffffff, 0x7fffffff), encode_webp(slopes(400, 300))}) {
    const auto done = run(preprocessor, encoded);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ItemError::too_large) << done.error().message;
  }
  EXPECT_EQ(run(preprocessor, png_header(60000, 60000)).error().message,
            "PNG of 60000 x 60000 pixels, over the cap of 100000 pixels");
}

TEST(Preprocessor, SaysWhatAForeignFileLooksLike) {
  Preprocessor preprocessor(Recipe{}, kMaxPixels);
  const auto done = run(preprocessor, std::as_bytes(std::span("GIF89a")));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ItemError::unsupported);
  EXPECT_EQ(done.error().message, "looks like: GIF picture; JPEG, PNG and WebP pictures are taken");
  EXPECT_EQ(run(preprocessor, {}).error().message,
            "looks like: empty file; JPEG, PNG and WebP pictures are taken");
}

TEST(Preprocessor, ThrowsWhenTheTensorHasTheWrongSize) {
  Preprocessor preprocessor(Recipe{}, kMaxPixels);
  std::vector<std::byte> tensor(8);
  EXPECT_THROW(static_cast<void>(preprocessor.run(encode_png(slopes(8, 8)), tensor)),
               std::invalid_argument);
}

}  // namespace
}  // namespace headrace::image
