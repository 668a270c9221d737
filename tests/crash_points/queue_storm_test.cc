// The storm in small. The long form is the program `queue_storm`.
#include <gtest/gtest.h>

#include <iostream>

#include "storm.h"

namespace headrace::crash_points {
namespace {

void expect_well(const StormPlan& plan) {
  const StormReport report = run_storm(plan);
  std::cout << text_of(report) << '\n';
  EXPECT_EQ(report.wrong, "");
  EXPECT_GE(report.kills, plan.kills);
}

TEST(QueueStorm, EveryItemIsAccountedFor) {
  expect_well({.kills = 500});
}

TEST(QueueStorm, VictimsThatWereStoppedBeforeTheyWereKilled) {
  expect_well({.kills = 150, .stop_first = true, .seed = 2});
}

TEST(QueueStorm, AQueueOfOneRecord) {
  expect_well({.kills = 150,
               .poison_every = 101,
               .settings = {.records = 1, .inline_bytes = 16, .page_bytes = 64, .pages = 7},
               .seed = 3});
}

TEST(QueueStorm, AllPlacesTaken) {
  expect_well({.kills = 40, .producers = 100, .consumers = 155, .poison_every = 0, .seed = 4});
}

}  // namespace
}  // namespace headrace::crash_points
