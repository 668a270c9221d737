#include "supervisor/death_tally.h"

#include <gtest/gtest.h>

namespace headrace::supervisor {
namespace {

using namespace std::chrono_literals;

TEST(DeathTally, TheFirstDeathCostsNoWaiting) {
  DeathTally tally(10);
  tally.death();
  EXPECT_EQ(tally.back_off(), 0ms);
}

TEST(DeathTally, BackOffDoublesUpToFiveSeconds) {
  DeathTally tally(100);
  tally.death();
  for (const auto expected : {50ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    tally.death();
    EXPECT_EQ(tally.back_off(), expected);
  }
  for (int i = 0; i < 80; ++i) tally.death();
  EXPECT_EQ(tally.back_off(), 5000ms);
}

TEST(DeathTally, OnlyDeathsWithoutAFinishedItemInBetweenLeadToGivingUp) {
  DeathTally tally(3);
  for (int i = 0; i < 100; ++i) {
    tally.death();
    tally.death();
    EXPECT_FALSE(tally.hopeless());
    tally.progress();
  }
  tally.death();
  tally.death();
  tally.death();
  EXPECT_TRUE(tally.hopeless());
}

}  // namespace
}  // namespace headrace::supervisor
