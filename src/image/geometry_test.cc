#include "image/geometry.h"

#include <gtest/gtest.h>

namespace headrace::image {
namespace {

TEST(Geometry, CropsTheMiddleAfterScalingTheShorterSide) {
  const Recipe recipe{.width = 224, .height = 224, .resize_to = 256};
  // 640 x 480 becomes 341 x 256 (341.33 rounded down); the crop begins at 58 (58.5 to even), 16.
  const Placement placement = place(recipe, {640, 480});
  EXPECT_EQ(placement.size, (Size{224, 224}));
  EXPECT_DOUBLE_EQ(placement.source.left, 58 * 640 / 341.0);
  EXPECT_DOUBLE_EQ(placement.source.top, 16 * 480 / 256.0);
  EXPECT_DOUBLE_EQ(placement.source.width, 224 * 640 / 341.0);
  EXPECT_DOUBLE_EQ(placement.source.height, 224 * 480 / 256.0);
}

TEST(Geometry, PadsTheShorterSideAndCentres) {
  const Recipe recipe{.width = 224, .height = 200, .fit = Fit::pad};
  const Placement placement = place(recipe, {640, 301});
  EXPECT_EQ(placement.size, (Size{224, 105}));  // 105.35
  EXPECT_EQ(placement.left, 0U);
  EXPECT_EQ(placement.top, 48U);  // 47.5 to even
  EXPECT_EQ(placement.source, (Region{0, 0, 640, 301}));
}

TEST(Geometry, PaddingLeavesAtLeastOnePixelOfAThread) {
  const Recipe recipe{.width = 224, .height = 224, .fit = Fit::pad};
  EXPECT_EQ(place(recipe, {60000, 1}).size, (Size{224, 1}));
  EXPECT_EQ(place(recipe, {1, 60000}).size, (Size{1, 224}));
}

TEST(Geometry, StretchesTheWholePicture) {
  const Recipe recipe{.width = 10, .height = 20, .fit = Fit::stretch};
  const Placement placement = place(recipe, {640, 480});
  EXPECT_EQ(placement.source, (Region{0, 0, 640, 480}));
  EXPECT_EQ(placement.size, (Size{10, 20}));
  EXPECT_DOUBLE_EQ(shrink(placement), 24);
}

TEST(Geometry, FindsTheRegionInThePictureAsItIsStored) {
  const Region region{10, 20, 30, 40};  // of an upright picture of 300 x 500
  EXPECT_EQ(unturned(region, turn_of(3), {300, 500}), (Region{260, 440, 30, 40}));
  // Stored lying on its side, 500 x 300, to be turned to the right.
  EXPECT_EQ(unturned(region, turn_of(6), {500, 300}), (Region{20, 260, 40, 30}));
  EXPECT_EQ(turned({500, 300}, turn_of(6)), (Size{300, 500}));
}

}  // namespace
}  // namespace headrace::image
