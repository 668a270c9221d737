#include "oip/classification.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace headrace::oip {
namespace {

std::vector<std::string> strings(std::span<const std::byte> bytes) {
  std::vector<std::string> out;
  while (!bytes.empty()) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof size);
    out.emplace_back(reinterpret_cast<const char*>(bytes.data()) + sizeof size, size);
    bytes = bytes.subspan(sizeof size + size);
  }
  return out;
}

template <class T>
std::vector<std::string> best(Datatype type, std::vector<std::int64_t> dims, std::vector<T> scores,
                              std::uint32_t classes, std::vector<std::string> labels = {}) {
  const auto shape = engine::Shape::of(dims).value();
  const auto result = classify(type, shape, std::as_bytes(std::span(scores)), classes, labels);
  return result ? strings(result->strings) : std::vector<std::string>{result.error().message};
}

using Strings = std::vector<std::string>;

TEST(ClassificationTest, NamesTheBestOfEachRow) {
  EXPECT_EQ(best<float>(Datatype::fp32, {2, 3}, {0.25F, 0.5F, -1, 3, 1, 2}, 2, {"cat", "dog"}),
            (Strings{"0.5:1:dog", "0.25:0:cat", "3:0:cat", "2:2"}));
}

TEST(ClassificationTest, SaysWhatShapeItHas) {
  const std::array<float, 6> scores{};
  const std::array<std::int64_t, 2> dims = {2, 3};
  const auto result = classify(Datatype::fp32, engine::Shape::of(dims).value(),
                               std::as_bytes(std::span(scores)), 5, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->shape.to_string(), "[2, 3]");
}

TEST(ClassificationTest, ATensorOfOneDimensionIsOneRow) {
  EXPECT_EQ(best<std::int8_t>(Datatype::int8, {3}, {-3, 4, 1}, 1), Strings{"4:1"});
}

TEST(ClassificationTest, EqualScoresComeInTheirOrderAndNoNumberIsLowerThanNan) {
  EXPECT_EQ(best<float>(Datatype::fp32, {1, 4}, {NAN, 1, 1, -INFINITY}, 4),
            (Strings{"1:1", "1:2", "-inf:3", "nan:0"}));
}

TEST(ClassificationTest, ReadsTheShortFloats) {
  EXPECT_EQ(
      best<std::uint16_t>(Datatype::fp16, {1, 5}, {0x3C00, 0xC000, 0x0001, 0x7C00, 0x3555}, 5),
      (Strings{"inf:3", "1:0", "0.33325195:4", "5.9604645e-08:2", "-2:1"}));
  EXPECT_EQ(best<std::uint16_t>(Datatype::bf16, {1, 2}, {0x3F80, 0x4000}, 2),
            (Strings{"2:1", "1:0"}));
}

TEST(ClassificationTest, IsBounded) {
  const std::array<std::int64_t, 1> dims = {1'000'001};
  const std::vector<std::uint8_t> scores(1'000'001);
  const auto result = classify(Datatype::uint8, engine::Shape::of(dims).value(),
                               std::as_bytes(std::span(scores)), 1, {});
  EXPECT_FALSE(result);
}

}  // namespace
}  // namespace headrace::oip
