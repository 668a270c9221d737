#include "server/container.h"

#include <gtest/gtest.h>

namespace headrace::server {
namespace {

using namespace std::chrono_literals;

TEST(ContainerTally, NeverRunsBackwardsWhenModelsComeAndGo) {
  ContainerTally tally;
  const auto first = std::make_shared<int>();
  const auto second = std::make_shared<int>();
  supervisor::Readings old;
  old.oom_kills = 2;
  old.periods = 100;
  old.throttled_periods = 10;
  old.throttled_time = 5s;
  tally.add(first, old);
  tally.add(first, old);
  EXPECT_EQ(tally.counts().oom_kills, 2u);
  EXPECT_EQ(tally.counts().periods, 100u);

  supervisor::Readings young;
  young.periods = 7;
  young.throttled_time = 1s;
  tally.add(second, young);
  EXPECT_EQ(tally.counts().periods, 100u) << "both have seen these";
  young.periods = 17;
  young.oom_kills = 1;
  tally.add(second, young);
  EXPECT_EQ(tally.counts().oom_kills, 3u);
  EXPECT_EQ(tally.counts().periods, 110u);
  EXPECT_EQ(tally.counts().throttled_periods, 10u);
  EXPECT_EQ(tally.counts().throttled_time, 5s);
}

TEST(ContainerTally, StaysWhenTheLastModelGoesAndGoesOnWithTheNext) {
  ContainerTally tally;
  supervisor::Readings seen;
  seen.oom_kills = 2;
  tally.add(std::make_shared<int>(), seen);
  tally.add_nothing();
  EXPECT_EQ(tally.counts().oom_kills, 2u);
  tally.add(std::make_shared<int>(), seen);
  EXPECT_EQ(tally.counts().oom_kills, 4u) << "nobody else has counted what that one saw";
}

}  // namespace
}  // namespace headrace::server
