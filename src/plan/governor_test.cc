// Each test is a story: what is seen, second by second, and what is done about it.
#include "plan/governor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace headrace::plan {
namespace {

using Act = Decision::Act;
using testing::HasSubstr;

WorkerSight worker(std::uint32_t number, Bytes memory, Bytes baseline, bool ready = true,
                   bool leaving = false) {
  return {.number = number,
          .ready = ready,
          .leaving = leaving,
          .memory = memory,
          .baseline = baseline,
          .items = 10};
}

// --- one look

struct Case {
  const char* story;
  Bytes limit;
  Bytes in_use;
  std::vector<WorkerSight> fleet;
  Act act;
  std::uint32_t worker = 0;
  unsigned workers = 0;
  bool holding = false;
  bool ever_ready = true;
};

const std::vector<WorkerSight> kTwo = {worker(0, 100_MiB, 100_MiB), worker(1, 100_MiB, 100_MiB)};

TEST(Governor, LooksAtMemory) {
  // Of 1000 MiB: recycle from 953, release below 961, hold from 969, kill from 977.
  const std::vector<Case> cases = {
      {"room enough", 1000_MiB, 950_MiB, kTwo, Act::none},
      {"a worker has grown, but there is room",
       1000_MiB,
       700_MiB,
       {worker(0, 100_MiB, 100_MiB), worker(1, 500_MiB, 100_MiB)},
       Act::none},
      {"memory gets short: the one that has grown most is replaced, not the largest",
       1000_MiB,
       955_MiB,
       {worker(0, 400_MiB, 390_MiB), worker(1, 300_MiB, 100_MiB)},
       Act::recycle,
       1},
      {"memory gets short, but nobody has grown", 1000_MiB, 955_MiB, kTwo, Act::none},
      {"... or only a little",
       1000_MiB,
       955_MiB,
       {worker(0, 110_MiB, 100_MiB), worker(1, 114_MiB, 100_MiB)},
       Act::none},
      {"a worker of which nothing is known yet is not said to have grown",
       1000_MiB,
       955_MiB,
       {worker(0, 500_MiB, Bytes{})},
       Act::none},
      {"past the mark nothing more is handed out", 1000_MiB, 970_MiB, kTwo, Act::hold},
      {"... which is said once", 1000_MiB, 970_MiB, kTwo, Act::none, 0, 0, true},
      {"still above the lower mark", 1000_MiB, 962_MiB, kTwo, Act::none, 0, 0, true},
      {"below it, handed out again", 1000_MiB, 956_MiB, kTwo, Act::release, 0, 0, true},
      {"at the end the most grown is killed, before the kernel does it",
       1000_MiB,
       980_MiB,
       {worker(0, 400_MiB, 390_MiB), worker(1, 300_MiB, 100_MiB)},
       Act::evict,
       1},
      {"no room for a worker that loads: one fewer",
       1000_MiB,
       980_MiB,
       {worker(0, 400_MiB, 390_MiB), worker(1, 300_MiB, Bytes{}, false)},
       Act::resize,
       0,
       1},
      {"... or for two that load",
       1000_MiB,
       980_MiB,
       {worker(0, 200_MiB, Bytes{}, false), worker(1, 300_MiB, Bytes{}, false)},
       Act::resize,
       0,
       1},
      {"a leak in one that works is not the fault of one that loads",
       1000_MiB,
       980_MiB,
       {worker(0, 800_MiB, 100_MiB), worker(1, 50_MiB, Bytes{}, false)},
       Act::evict,
       0},
      {"not one fits",
       1000_MiB,
       980_MiB,
       {worker(0, 900_MiB, Bytes{}, false)},
       Act::refuse,
       0,
       0,
       false,
       false},
      {"it did fit before, so it is tried again",
       1000_MiB,
       980_MiB,
       {worker(0, 900_MiB, Bytes{}, false)},
       Act::evict},
      {"no worker to blame", 1000_MiB, 980_MiB, {}, Act::hold},
      {"one that leaves may still be the one that takes it all",
       1000_MiB,
       980_MiB,
       {worker(0, 800_MiB, 100_MiB, true, true), worker(1, 120_MiB, 100_MiB)},
       Act::evict,
       0},
      {"... and is not replaced twice",
       1000_MiB,
       955_MiB,
       {worker(0, 800_MiB, 100_MiB, true, true)},
       Act::none},
      {"nobody has grown: whoever did it may be dead already", 1000_MiB, 980_MiB, kTwo, Act::hold},
      {"it is somebody else who fills the container",
       1000_MiB,
       980_MiB,
       {worker(0, 100_MiB, 100_MiB)},
       Act::hold},
  };
  for (const Case& c : cases) {
    History history;
    const Decision decision = decide({.seconds = 10,
                                      .cpus = Cpus{2},
                                      .limit = c.limit,
                                      .in_use = c.in_use,
                                      .workers = static_cast<unsigned>(c.fleet.size()),
                                      .planned = static_cast<unsigned>(c.fleet.size()),
                                      .ever_ready = c.ever_ready,
                                      .holding = c.holding,
                                      .fleet = c.fleet},
                                     {}, history);
    EXPECT_EQ(decision.act, c.act) << c.story << ": " << decision.why;
    EXPECT_EQ(decision.worker, c.worker) << c.story;
    EXPECT_EQ(decision.workers, c.workers) << c.story;
    EXPECT_EQ(decision.why.empty(), c.act == Act::none) << c.story;
  }
}

TEST(Governor, KeepsTwiceTheDistanceWhereTheKernelKillsAll) {
  const Marks one = marks_of(1000_MiB, false);
  const Marks all = marks_of(1000_MiB, true);
  EXPECT_EQ((1000_MiB).value - all.kill.value, 2 * ((1000_MiB).value - one.kill.value));
  EXPECT_LT(all.hold, one.hold);
}

TEST(Governor, HasItsMarksInOrderWhateverTheLimit) {
  for (std::uint64_t limit = 1; limit < (std::uint64_t{1} << 50); limit = limit * 3 + 1) {
    for (const bool all : {false, true}) {
      const Marks marks = marks_of(Bytes{limit}, all);
      EXPECT_LE(marks.recycle, marks.release) << limit;
      EXPECT_LE(marks.release, marks.hold) << limit;
      EXPECT_LE(marks.hold, marks.kill) << limit;
      EXPECT_LE(marks.kill.value, limit);
    }
  }
}

// --- stories in time

class Story {
 public:
  Story() { now.cpus = Cpus{2}, now.workers = now.planned = 2; }
  // Lets a second pass.
  Decision second(double items_a_second = 100) {
    now.seconds += 1;
    items_ += items_a_second;
    now.items = static_cast<std::uint64_t>(items_);
    Decision decision = decide(now, wishes, history);
    if (decision.act == Act::resize) now.workers = decision.workers;
    if (decision.act == Act::thin) now.threads = decision.threads;
    if (decision.act == Act::hold) now.holding = true;
    if (decision.act == Act::release) now.holding = false;
    return decision;
  }
  // The first act within so many seconds.
  Decision within(int seconds, double items_a_second = 100) {
    for (int i = 0; i < seconds; ++i) {
      if (Decision d = second(items_a_second); d.act != Act::none) return d;
    }
    return {};
  }
  Sight now;
  Wishes wishes;
  History history;

 private:
  double items_ = 0;
};

TEST(Governor, LeavesAJobInPeaceThatFillsItsQuota) {
  Story story;
  story.now.cpus = Cpus{1.5};  // for which a plan has two workers
  story.now.throttled = 0.9;
  EXPECT_EQ(story.within(100).act, Act::none);
}

TEST(Governor, CutsTooManyWorkersStepByStepDownToTheQuota) {
  Story story;
  story.now.cpus = Cpus{1};
  story.now.workers = story.now.planned = 8;
  story.now.throttled = 0.8;
  std::vector<unsigned> steps;
  for (int i = 0; i < 100; ++i) {
    const Decision d = story.second();
    if (d.act == Act::none) continue;
    ASSERT_EQ(d.act, Act::resize);
    EXPECT_THAT(d.why, HasSubstr("throttled in 80 %"));
    steps.push_back(d.workers);
  }
  EXPECT_EQ(steps, (std::vector<unsigned>{5, 3, 2, 1}));
}

TEST(Governor, CutsAtOnceToWhatFillsTheQuotaWhereThatIsKnown) {
  struct Known {
    double appetite;
    double cpus;
    unsigned left;
  };
  for (const Known& known :
       {Known{0.98, 1, 1}, Known{0.93, 1, 1}, Known{0.8, 1, 2}, Known{0.5, 1, 2},
        Known{0.98, 1.5, 2}, Known{0.45, 2, 5}, Known{0.98, 0.25, 1}}) {
    Story story;
    story.now.cpus = Cpus{known.cpus};
    story.now.workers = story.now.planned = 8;
    story.now.throttled = 0.8;
    story.now.appetite = known.appetite;
    EXPECT_EQ(story.within(3).workers, known.left) << known.appetite << " of " << known.cpus;
    EXPECT_EQ(story.within(100).act, Act::none);
  }
}

TEST(Governor, LeavesWorkersInPeaceThatFillTheQuotaOnlyTogether) {
  Story story;  // each waits for something else nine tenths of its time
  story.now.cpus = Cpus{1};
  story.now.workers = story.now.planned = 8;
  story.now.throttled = 0.3;
  story.now.appetite = 0.1;
  EXPECT_EQ(story.within(100).act, Act::none);
  story.now.appetite = 0.0;
  EXPECT_EQ(story.within(100).act, Act::none);
}

TEST(Governor, IsNotAlarmedByAShortBurst) {
  Story story;
  story.now.cpus = Cpus{1};
  story.now.workers = story.now.planned = 8;
  for (int i = 0; i < 20; ++i) {
    story.now.throttled = i % 4 == 0 ? 0.0 : 0.9;
    EXPECT_EQ(story.second().act, Act::none);
  }
}

TEST(Governor, TakesACutBackThatCostThroughput) {
  Story story;  // workers that mostly wait for something else
  story.now.cpus = Cpus{1};
  story.now.workers = story.now.planned = 8;
  story.now.throttled = 0.5;
  ASSERT_EQ(story.within(10, 100).workers, 5U);
  const Decision back = story.within(20, 60);
  EXPECT_EQ(back.act, Act::resize);
  EXPECT_EQ(back.workers, 8U);
  EXPECT_THAT(back.why, HasSubstr("60.0 items/s instead of 100.0"));
  EXPECT_EQ(story.within(100, 100).act, Act::none) << "and does not try again";
}

TEST(Governor, CutsThreadsWhereWorkersAreFewEnough) {
  Story story;
  story.now.cpus = Cpus{1};
  story.now.workers = story.now.planned = 1;
  story.now.threads = 4;
  story.now.throttled = 0.9;
  const Decision d = story.within(10);
  EXPECT_EQ(d.act, Act::thin);
  EXPECT_EQ(d.threads, 1U);
}

TEST(Governor, FollowsAQuotaThatIsRaisedOneWorkerAtATime) {
  Story story;
  story.now.cpus = Cpus{4};
  story.now.planned = 4;
  EXPECT_EQ(story.second().act, Act::none) << "it may be for a moment only";
  std::vector<unsigned> steps;
  for (int i = 0; i < 20; ++i) {
    if (const Decision d = story.second(); d.act == Act::resize) steps.push_back(d.workers);
  }
  EXPECT_EQ(steps, (std::vector<unsigned>{3, 4}));
}

TEST(Governor, FollowsAQuotaThatIsLowered) {
  Story story;
  story.now.workers = story.now.planned = 4;
  story.now.cpus = Cpus{1};
  story.now.planned = 1;
  std::vector<unsigned> steps;
  for (int i = 0; i < 20; ++i) {
    if (const Decision d = story.second(); d.act == Act::resize) steps.push_back(d.workers);
  }
  EXPECT_EQ(steps, (std::vector<unsigned>{3, 2, 1}));
}

TEST(Governor, StartsNoWorkerWhileMemoryIsShort) {
  Story story;
  story.now.planned = 4;
  story.now.limit = 1000_MiB;
  story.now.in_use = 955_MiB;
  EXPECT_EQ(story.within(20).act, Act::none);
  story.now.in_use = 400_MiB;
  EXPECT_EQ(story.within(20).workers, 3U);
}

TEST(Governor, GivesUpAWorkerWhenMemoryStaysShort) {
  Story story;
  story.now.limit = 1000_MiB;
  story.now.in_use = 971_MiB;
  story.now.fleet = kTwo;
  EXPECT_EQ(story.second().act, Act::hold);
  const Decision fewer = story.within(20);
  EXPECT_EQ(fewer.act, Act::resize);
  EXPECT_EQ(fewer.workers, 1U);
  story.now.in_use = 500_MiB;
  EXPECT_EQ(story.second().act, Act::release);
  EXPECT_EQ(story.within(40).act, Act::none) << "the same limit does not hold two";
  story.now.limit = story.now.planned_limit = 2000_MiB;
  EXPECT_EQ(story.within(20).workers, 2U);
}

TEST(Governor, RefusesWhenNotEvenOneIdleWorkerHasRoom) {
  Story story;
  const std::vector<WorkerSight> one = {worker(0, 100_MiB, 100_MiB)};
  story.now.workers = story.now.planned = 1;
  story.now.limit = 1000_MiB;
  story.now.in_use = 971_MiB;
  story.now.fleet = one;
  EXPECT_EQ(story.second().act, Act::hold);
  EXPECT_EQ(story.within(100).act, Act::none) << "an item is in work";
  story.now.idle = true;
  EXPECT_EQ(story.within(2).act, Act::refuse);
}

TEST(Governor, KillsOneAndWaitsForItsMemory) {
  Story story;
  story.now.limit = 1000_MiB;
  story.now.in_use = 980_MiB;
  const std::vector<WorkerSight> fleet = {worker(0, 400_MiB, 100_MiB), worker(1, 500_MiB, 100_MiB)};
  story.now.fleet = fleet;
  EXPECT_EQ(story.second().act, Act::evict);
  story.now.seconds -= 0.9;  // so that the next look is a tenth of a second later
  EXPECT_NE(story.second().act, Act::evict);
}

TEST(Governor, GoesOnWithOneFewerWhenThereIsNoRoomAndNobodyToBlame) {
  Story story;
  story.now.limit = 1000_MiB;
  story.now.in_use = 980_MiB;
  story.now.fleet = kTwo;
  EXPECT_EQ(story.second().act, Act::hold);
  const Decision fewer = story.second();
  EXPECT_EQ(fewer.act, Act::resize);
  EXPECT_EQ(fewer.workers, 1U);
}

TEST(Governor, IsNotAlarmedByWhatWasInUseBeforeItsFirstLook) {
  Story story;
  const std::vector<WorkerSight> loading = {worker(0, 1_MiB, Bytes{}, false)};
  story.now = {.seconds = -0.998,
               .cpus = Cpus{2},
               .limit = 1000_MiB,
               .in_use = 600_MiB,
               .ever_ready = false,
               .fleet = loading};
  EXPECT_EQ(story.second().act, Act::none);
}

TEST(Governor, DoesNotMistakeAnotherLimitForGrowth) {
  Story story;
  const std::vector<WorkerSight> loading = {worker(0, 1_MiB, Bytes{}, false)};
  story.now.fleet = loading;
  story.now.limit = 1000_MiB;
  story.now.in_use = 300_MiB;
  EXPECT_EQ(story.second().act, Act::none);
  story.now.seconds -= 0.98;
  story.now.limit = 4000_MiB;
  story.now.in_use = 2500_MiB;
  EXPECT_EQ(story.second().act, Act::none);
}

TEST(Governor, GoesOnBetweenTheMarksWhenNothingIsInWork) {
  Story story;
  const std::vector<WorkerSight> one = {worker(0, 100_MiB, 100_MiB)};
  story.now.fleet = one;
  story.now.workers = story.now.planned = 1;
  story.now.limit = 1000_MiB;
  story.now.in_use = 970_MiB;
  EXPECT_EQ(story.second().act, Act::hold);
  story.now.in_use = 965_MiB;
  EXPECT_EQ(story.second().act, Act::none) << "what is in work may give something back";
  story.now.idle = true;
  EXPECT_EQ(story.second().act, Act::release);
}

TEST(Governor, HandsOutAgainWhenThereIsNoLimitAnyMore) {
  Story story;
  story.now.holding = true;
  EXPECT_EQ(story.second().act, Act::release);
}

TEST(Governor, DoesNotCutWorkersThatLoad) {
  Story story;
  story.now.cpus = Cpus{1};
  story.now.workers = story.now.planned = 8;
  story.now.throttled = 0.9;
  story.now.changing = 8;
  EXPECT_EQ(story.within(60, 0).act, Act::none);
  story.now.changing = 0;
  EXPECT_EQ(story.within(60, 0).act, Act::none) << "and not by a rate of nothing";
  EXPECT_EQ(story.within(60, 10).act, Act::resize);
}

TEST(Governor, LeavesAWorkerItsStreams) {
  Story story;
  story.now.cpus = Cpus{1};
  story.now.workers = story.now.planned = 1;
  story.now.threads = story.now.planned_threads = story.now.least_threads = 4;
  story.now.throttled = 0.9;
  EXPECT_EQ(story.within(60).act, Act::none);
}

TEST(Governor, GivesANeighboursVictimAnotherChance) {
  Story story;
  story.now.fleet = kTwo;
  story.now.limit = story.now.planned_limit = 1000_MiB;
  story.now.in_use = 990_MiB;
  story.second();
  ASSERT_EQ(story.second().workers, 1U);
  story.now.in_use = 300_MiB;
  EXPECT_EQ(story.second().act, Act::release);
  EXPECT_EQ(story.within(50).act, Act::none);
  EXPECT_EQ(story.within(20).workers, 2U);
}

TEST(Governor, DoesNotMultiplyWorkersByTheThreadsOfAnotherPlan) {
  Story story;  // two of four threads, where a new plan would have eight of one
  story.now.cpus = Cpus{8};
  story.now.threads = 4;
  story.now.planned = 8;
  story.now.planned_threads = 1;
  EXPECT_EQ(story.within(60).act, Act::none);
}

TEST(Governor, RecyclesTheEarlierTheFasterItGrows) {
  Story story;
  const std::vector<WorkerSight> fleet = {worker(0, 400_MiB, 100_MiB)};
  story.now.fleet = fleet;
  story.now.limit = 1000_MiB;
  story.now.in_use = 500_MiB;
  EXPECT_EQ(story.second().act, Act::none);
  story.now.in_use = 900_MiB;  // 400 MiB a second: past the mark in an eighth of a second
  EXPECT_EQ(story.second().act, Act::none);
  story.now.seconds -= 0.9;
  story.now.in_use = 940_MiB;
  EXPECT_EQ(story.second().act, Act::recycle);
}

TEST(Governor, RecyclesOneAtATime) {
  Story story;
  const std::vector<WorkerSight> fleet = {worker(0, 400_MiB, 100_MiB), worker(1, 500_MiB, 100_MiB)};
  story.now.fleet = fleet;
  story.now.limit = 1000_MiB;
  story.now.in_use = 955_MiB;
  EXPECT_EQ(story.second().worker, 1U);
  story.now.changing = 1;
  EXPECT_EQ(story.second().act, Act::none);
}

TEST(Governor, RecyclesAsTheUserWishes) {
  Story story;
  std::vector<WorkerSight> fleet = {worker(0, 100_MiB, 100_MiB)};
  fleet[0].items = 1000;
  story.now.fleet = fleet;
  EXPECT_EQ(story.second().act, Act::none);
  story.wishes.recycle_after = 2000;
  EXPECT_EQ(story.second().act, Act::none);
  fleet[0].items = 2201;  // a tenth more or less
  EXPECT_EQ(story.second().act, Act::recycle);
  story.wishes = {.recycle_growth = 50_MiB};
  EXPECT_EQ(story.second().act, Act::none);
  fleet[0].memory = 156_MiB;
  EXPECT_EQ(story.second().act, Act::recycle);
}

TEST(Governor, LooksMoreOftenTheNearerTheLimitComes) {
  const History before{.seconds = 9, .in_use = 100_MiB, .limit = 1000_MiB};
  Sight now{.seconds = 10, .limit = 1000_MiB, .in_use = 100_MiB};
  EXPECT_EQ(next_look(now, before), 1);
  now.in_use = 500_MiB;  // 400 MiB a second
  EXPECT_NEAR(next_look(now, before), (976.6 - 500) / 400 / 4, 0.001);
  now.in_use = 955_MiB;
  EXPECT_EQ(next_look(now, before), 0.02);
  now.limit.reset();
  EXPECT_EQ(next_look(now, before), 1);
}

}  // namespace
}  // namespace headrace::plan
