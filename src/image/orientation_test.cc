#include "image/orientation.h"

#include <gtest/gtest.h>

#include "image/sample_pictures.h"

namespace headrace::image {
namespace {

TEST(Orientation, IsReadInBothByteOrders) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Turn expected = turn_of(static_cast<std::uint32_t>(orientation));
    EXPECT_EQ(turn_from_exif(exif_block(orientation, true)), expected);
    EXPECT_EQ(turn_from_exif(exif_block(orientation, false)), expected);
  }
}

TEST(Orientation, TurnsAQuarterForSixAndEight) {
  EXPECT_EQ(turn_of(6), (Turn{.transpose = true, .flip_x = false, .flip_y = true}));
  EXPECT_EQ(turn_of(8), (Turn{.transpose = true, .flip_x = true, .flip_y = false}));
}

TEST(Orientation, IsUprightForValuesThatMeanNothing) {
  EXPECT_EQ(turn_from_exif(exif_block(0)), Turn{});
  EXPECT_EQ(turn_from_exif(exif_block(9)), Turn{});
}

TEST(Orientation, IsUprightWhenTheBlockIsCutShort) {
  const Bytes block = exif_block(6);
  for (std::size_t size = 0; size < 20; ++size) {  // the value stands at 18 and 19
    EXPECT_EQ(turn_from_exif(std::span(block).first(size)), Turn{}) << size;
  }
  EXPECT_EQ(turn_from_exif(std::span(block).first(20)), turn_of(6));
}

TEST(Orientation, IsUprightWhenTheDirectoryLiesOutside) {
  Bytes block = exif_block(6);
  for (std::size_t i = 4; i < 8; ++i) block[i] = std::byte{0xff};
  EXPECT_EQ(turn_from_exif(block), Turn{});
}

}  // namespace
}  // namespace headrace::image
