#include "pipeline/histogram.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace headrace::pipeline {
namespace {

using std::chrono::microseconds;

TEST(Histogram, IsZeroWhenEmpty) {
  EXPECT_EQ(Histogram().quantile(0.5), microseconds(0));
}

TEST(Histogram, IsExactForSmallNumbers) {
  Histogram h;
  for (int us = 1; us <= 20; ++us) h.add(microseconds(us));
  EXPECT_EQ(h.quantile(0.5), microseconds(10));
  EXPECT_EQ(h.quantile(0.95), microseconds(19));
  EXPECT_EQ(h.quantile(1.0), microseconds(20));
}

TEST(Histogram, IsWithinFourPercentOfTheTrueQuantile) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> shape(9, 2);
  std::vector<std::int64_t> values;
  Histogram h;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::int64_t>(shape(random)));
    h.add(microseconds(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.5, 0.95, 0.99, 0.999}) {
    const auto exact = static_cast<double>(values[static_cast<std::size_t>(share * 20'000) - 1]);
    const auto found = static_cast<double>(h.quantile(share).count());
    EXPECT_GE(found, exact) << share;
    EXPECT_LE(found, exact * 1.04 + 1) << share;
  }
}

TEST(Histogram, TellsWhatCameSinceAnEarlierOne) {
  Histogram h;
  for (int i = 0; i < 100; ++i) h.add(microseconds(1));
  const Histogram earlier = h;
  h.add(microseconds(30));
  h.add(microseconds(31));
  const Histogram since = h.since(earlier);
  EXPECT_EQ(since.count(), 2U);
  EXPECT_EQ(since.quantile(0.5), microseconds(30));
  EXPECT_EQ(Histogram().since(h).count(), 0U) << "another one that has just begun";
}

TEST(Histogram, TakesTheAbsurd) {
  Histogram h;
  h.add(microseconds(-5));
  h.add(microseconds(INT64_MAX));
  EXPECT_EQ(h.quantile(0.5), microseconds(0));
  EXPECT_GT(h.quantile(1.0), microseconds(1'000'000'000));
}

}  // namespace
}  // namespace headrace::pipeline
