#include "engine/tensor.h"

#include <gtest/gtest.h>

#include <limits>

namespace headrace::engine {
namespace {

Shape shape(std::initializer_list<std::int64_t> dims) {
  return Shape::of({dims.begin(), dims.size()}).value();
}

TEST(ShapeTest, RefusesMoreDimensionsThanTheInterfaceCarries) {
  const std::vector<std::int64_t> nine(9, 1);
  EXPECT_TRUE(Shape::of(std::span(nine).first(8)));
  EXPECT_FALSE(Shape::of(nine));
}

TEST(ShapeTest, RefusesDimensionsBelowMinusOne) {
  const std::int64_t dims[] = {1, -2};
  EXPECT_FALSE(Shape::of(dims));
}

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(shape({}).elements(), 1u);
  EXPECT_EQ(shape({2, 3, 4}).elements(), 24u);
  EXPECT_EQ(shape({2, 0, 4}).elements(), 0u);
  EXPECT_EQ(shape({2, -1}).elements(), std::nullopt);
}

TEST(ShapeTest, OverflowHasNoCount) {
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(shape({huge, 3}).elements(), std::nullopt);
  EXPECT_EQ(bytes_of(HR_F64, shape({huge})), std::nullopt);
}

TEST(ShapeTest, FitsWhereverBothAreFixed) {
  EXPECT_TRUE(shape({-1, 3}).fits(shape({7, 3})));
  EXPECT_FALSE(shape({-1, 3}).fits(shape({7, 4})));
  EXPECT_FALSE(shape({-1, 3}).fits(shape({7, 3, 1})));
}

TEST(ShapeTest, ReadsWell) {
  EXPECT_EQ(shape({1, -1, 3}).to_string(), "[1, ?, 3]");
}

TEST(DTypeTest, UnknownNumbersHaveNoSizeAndNoName) {
  EXPECT_EQ(size_of(static_cast<DType>(13)), 0u);
  EXPECT_EQ(size_of(HR_DTYPE_NONE), 0u);
  EXPECT_EQ(name_of(static_cast<DType>(13)), "?");
  EXPECT_EQ(bytes_of(static_cast<DType>(13), shape({1})), std::nullopt);
}

TEST(DTypeTest, EveryTypeHasItsSizeAndName) {
  EXPECT_EQ(name_of(HR_F32), "f32");
  EXPECT_EQ(name_of(HR_F64), "f64");
  EXPECT_EQ(bytes_of(HR_F16, shape({3})), 6u);
  EXPECT_EQ(bytes_of(HR_U8, shape({3})), 3u);
  EXPECT_EQ(bytes_of(HR_I64, shape({3})), 24u);
}

}  // namespace
}  // namespace headrace::engine
