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

TEST(ContainerSeen, IsNearestToTheLimitOfWhichMostIsUsed) {
  supervisor::Readings::Whole whole{.group_limit = 8000_MiB, .group_in_use = 2000_MiB};
  ContainerSeen seen;
  find_nearest_limit(seen, whole, 500_MiB);
  EXPECT_EQ(seen.memory_limit, 8000_MiB);
  EXPECT_EQ(seen.memory_in_use, 2000_MiB);
  whole.own_limit = 1000_MiB;  // of all models together
  find_nearest_limit(seen, whole, 500_MiB);
  EXPECT_EQ(seen.memory_limit, 1000_MiB);
  EXPECT_EQ(seen.memory_in_use, 500_MiB);
  whole.available = 100_MiB;
  find_nearest_limit(seen, whole, 500_MiB);
  EXPECT_EQ(seen.memory_limit, 600_MiB);
}

TEST(ContainerSeen, KnowsOfNoLimitWhereThereIsNone) {
  ContainerSeen seen;
  find_nearest_limit(seen, {}, 500_MiB);
  EXPECT_EQ(seen.memory_limit, std::nullopt);
}

}  // namespace
}  // namespace headrace::server
