#include "tune/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace headrace::tune {
namespace {

TEST(Standing, ComparesWithinRoundsSoThatASlowRoundBlamesNobody) {
  // The second round ran at half speed, and only one of the two took part in it.
  std::vector<Sample> samples;
  for (std::size_t round : {0U, 1U, 2U}) {
    const double speed = round == 1 ? std::log(0.5) : 0;
    samples.push_back({0, round, std::log(100) + speed});
    samples.push_back({1, round, std::log(90) + speed});
    if (round != 0) samples.push_back({2, round, std::log(100) + speed});
  }
  const Standing standing(samples, 3);
  EXPECT_NEAR(standing.compare(0, 1).difference, std::log(100.0 / 90), 1e-3);
  EXPECT_NEAR(standing.compare(0, 2).difference, 0, 1e-3);
  EXPECT_EQ(standing.best({1, 0}), 0U);
}

TEST(Standing, IntervalsHoldTheTruthAboutAsOftenAsTheySay) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> noise(0, 0.04);
  int held = 0;
  constexpr int kTimes = 400;
  for (int time = 0; time < kTimes; ++time) {
    std::vector<Sample> samples;
    for (std::size_t round = 0; round < 5; ++round) {
      const double shared = 3 * noise(random);
      for (std::size_t candidate = 0; candidate < 3; ++candidate)
        samples.push_back(
            {candidate, round, 0.05 * static_cast<double>(candidate) + shared + noise(random)});
    }
    const Comparison found = Standing(samples, 3).compare(2, 0);
    held += std::abs(found.difference - 0.1) <= found.half_width ? 1 : 0;
  }
  EXPECT_GT(held, kTimes * 90 / 100);
  EXPECT_LT(held, kTimes);
}

TEST(Standing, KnowsLittleFromOneMeasurementEach) {
  const Standing standing({{0, 0, 1.0}, {1, 0, 1.05}}, 3);
  EXPECT_GT(standing.compare(1, 0).half_width, 0.1);
  EXPECT_EQ(standing.of(2).samples, 0U);
}

TEST(Student, FallsTowardsTheNormalDistribution) {
  EXPECT_NEAR(student(1), 12.71, 0.01);
  EXPECT_NEAR(student(20), 2.09, 0.02);
  EXPECT_NEAR(student(1000), 1.96, 0.01);
}

}  // namespace
}  // namespace headrace::tune
