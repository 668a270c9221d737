#include "base/result.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <variant>

namespace headrace {
namespace {

TEST(ItemErrors, AreTenDifferentWordsThatSurviveTheTripThroughANumber) {
  std::set<std::string_view> words;
  for (unsigned i = 1; i <= 10; ++i) {
    const auto code = item_error_from(i);
    ASSERT_TRUE(code);
    EXPECT_EQ(static_cast<unsigned>(*code), i);
    words.insert(name(*code));
  }
  EXPECT_EQ(words.size(), 10U);
  EXPECT_FALSE(words.contains(""));
}

TEST(ItemErrors, NumbersOutOfRangeAreNone) {
  for (const unsigned i : {0U, 11U, 255U, 4'000'000'000U}) EXPECT_FALSE(item_error_from(i));
}

TEST(Result, TakingTheWrongHalfThrows) {
  const Result<int> value = 7;
  const Result<int> error = Error{"no"};
  EXPECT_EQ(*value, 7);
  EXPECT_EQ(error.error().message, "no");
  EXPECT_THROW((void)*error, std::bad_variant_access);
  EXPECT_THROW((void)value.error(), std::bad_variant_access);
}

}  // namespace
}  // namespace headrace
