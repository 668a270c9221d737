#include "shm/free_ranges.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace headrace::shm {
namespace {

TEST(FreeRanges, TakesTheSmallestThatFits) {
  FreeRanges ranges(1000);
  const auto a = ranges.take(100, 1);
  const auto keep = ranges.take(10, 1);
  const auto b = ranges.take(50, 1);
  const auto keep2 = ranges.take(10, 1);
  ranges.give_back(*a, 100);
  ranges.give_back(*b, 50);
  EXPECT_EQ(ranges.take(40, 1), *b);
  EXPECT_EQ(ranges.take(60, 1), *a);
  EXPECT_NE(*keep, *keep2);
}

TEST(FreeRanges, JoinsNeighboursInAnyOrderOfReturn) {
  FreeRanges ranges(300);
  const auto a = ranges.take(100, 1);
  const auto b = ranges.take(100, 1);
  const auto c = ranges.take(100, 1);
  EXPECT_FALSE(ranges.take(1, 1));
  ranges.give_back(*a, 100);
  ranges.give_back(*c, 100);
  EXPECT_FALSE(ranges.take(101, 1));
  ranges.give_back(*b, 100);
  EXPECT_EQ(ranges.count(), 1U);
  EXPECT_EQ(ranges.take(300, 1), 0U);
}

TEST(FreeRanges, TakesWhatLiesAtAPlaceOnlyIfAllOfItIsFree) {
  FreeRanges ranges(300);
  const auto a = ranges.take(100, 1);
  EXPECT_FALSE(ranges.take_at(*a, 10));
  EXPECT_FALSE(ranges.take_at(99, 2));
  EXPECT_FALSE(ranges.take_at(250, 51));
  EXPECT_FALSE(ranges.take_at(301, 1));
  EXPECT_TRUE(ranges.take_at(150, 50));
  EXPECT_EQ(ranges.total(), 150U);
  EXPECT_EQ(ranges.largest(), 100U);
  EXPECT_TRUE(ranges.take_at(100, 50));
  EXPECT_TRUE(ranges.take_at(200, 100));
  EXPECT_EQ(ranges.count(), 0U);
  EXPECT_EQ(ranges.largest(), 0U);
  EXPECT_FALSE(ranges.take_at(200, 1));
}

TEST(FreeRanges, NeverGivesOutAByteTwice) {
  std::mt19937 random(1);
  constexpr std::uint64_t kTotal = 1 << 16;
  FreeRanges ranges(kTotal);
  std::map<std::uint64_t, std::uint64_t> taken;
  std::uint64_t used = 0;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 2 == 0) {
      const std::uint64_t bytes = 1 + random() % 3000;
      const std::uint64_t alignment = std::uint64_t{1} << random() % 8;
      const auto at = ranges.take(bytes, alignment);
      if (!at) continue;
      EXPECT_EQ(*at % alignment, 0U);
      ASSERT_LE(*at + bytes, kTotal);
      const auto next = taken.lower_bound(*at);
      if (next != taken.end()) {
        ASSERT_LE(*at + bytes, next->first);
      }
      if (next != taken.begin()) {
        ASSERT_LE(std::prev(next)->first + std::prev(next)->second, *at);
      }
      taken.emplace(*at, bytes);
      used += bytes;
    } else if (!taken.empty()) {
      auto it = std::next(taken.begin(), static_cast<long>(random() % taken.size()));
      ranges.give_back(it->first, it->second);
      used -= it->second;
      taken.erase(it);
    }
    ASSERT_EQ(ranges.total(), kTotal - used);
  }
  for (const auto& [at, bytes] : taken) ranges.give_back(at, bytes);
  EXPECT_EQ(ranges.count(), 1U);
  EXPECT_EQ(ranges.total(), kTotal);
}

}  // namespace
}  // namespace headrace::shm
