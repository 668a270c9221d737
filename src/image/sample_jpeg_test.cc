#include "image/sample_jpeg.h"

#include <gtest/gtest.h>

#include "image/picture.h"

namespace headrace::image {
namespace {

TEST(SampleJpeg, IsAPictureLikeAPhotograph) {
  const Result<std::string> jpeg = sample_jpeg(640, 480);
  ASSERT_TRUE(jpeg);
  // A byte or less a pixel, as cameras and browsers have it.
  EXPECT_GT(jpeg->size(), 30'000U);
  EXPECT_LT(jpeg->size(), 300'000U);
  const Recipe recipe;
  std::vector<std::byte> tensor(recipe.tensor_bytes());
  Preprocessor preprocessor(recipe, 1'000'000);
  EXPECT_TRUE(preprocessor.run(std::as_bytes(std::span(*jpeg)), tensor));
}

TEST(SampleJpeg, IsTheSameEveryTime) {
  EXPECT_EQ(*sample_jpeg(64, 48), *sample_jpeg(64, 48));
}

}  // namespace
}  // namespace headrace::image
