// The watch over a real worker (fake_worker.h), in a container that is only files. Time is passed in.
#include "supervisor/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "supervisor/fake_worker.h"
#include "sys/fake_root.h"

namespace headrace::supervisor {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Of 1000 MiB (plan/governor.h): handed out again below 961, held from 969, somebody killed from 977.
constexpr Bytes kLimit = 1000_MiB;
constexpr Bytes kTooMuch = 972_MiB;

// One worker that is ready, and a watch over it.
class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    appear(kTooMuch);
    const Clock::time_point patience = Clock::now() + 20s;
    while (!fleet_.ever_ready() && Clock::now() < patience) {
      for (const std::uint64_t tag : poller_.wait(100ms)) fleet_.on_ready(tag, Clock::now());
      fleet_.step(Clock::now());
    }
    EXPECT_TRUE(fleet_.ever_ready());
  }

  // The control groups, with so much memory in use.
  void appear(Bytes in_use) {
    root_.put("proc/self/cgroup", "0::/job\n")
        .put("proc/self/mountinfo", "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n")
        .put("sys/fs/cgroup/job/memory.max", std::to_string(kLimit.value))
        .put("sys/fs/cgroup/job/memory.current", std::to_string(in_use.value));
  }
  void vanish() {
    for (const char* folder : {"/proc", "/sys"}) std::filesystem::remove_all(root_.path() + folder);
  }

  Watch::Settings settings() {
    return {.plan =
                [this](const sys::CgroupFacts& facts) {
                  levels_ = facts.memory.size();
                  return Watch::Settings::Planned{
                      .cpus = Cpus{2}, .memory = kLimit, .workers = planned_};
                },
            .start = [](unsigned) { return Start{}; },
            .advice = [](Bytes) { return "give it more"; },
            .root = root_.path()};
  }

  sys::FakeRoot root_;
  sys::Poller poller_;
  shm::SlotArea slots_{std::move(*shm::SlotArea::create({.count = 8}))};
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  Fleet fleet_{{.program = *sys::own_program(), .arguments = {"watch_test", "--fake-worker"}},
               slots_,
               poller_,
               0,
               log_};
  std::size_t levels_ = 0;  // of memory, as the plan saw them last
  unsigned planned_ = 1;    // workers
};

TEST_F(WatchTest, GivesNothingUpForAnHourInWhichItWasStopped) {
  Watch watch(settings(), fleet_, log_);
  Clock::time_point now = Clock::now();
  const auto for_seconds = [&](int seconds) {
    for (int i = 0; i < seconds && !fleet_.hopeless(); ++i) watch.step(now += 1s, 0);
  };
  for_seconds(5);
  ASSERT_TRUE(fleet_.held());
  watch.step(now += 1h, 0);
  for_seconds(50);
  EXPECT_FALSE(fleet_.hopeless()) << fleet_.hopeless()->message;
  EXPECT_TRUE(fleet_.held());
  EXPECT_EQ(fleet_.wanted(), 1U);
  EXPECT_EQ(fleet_.counts().evictions + fleet_.counts().recycled, 0U);
  EXPECT_LT(watch.readings().held, 1h);
  // A minute of its own time is another thing.
  for_seconds(10);
  ASSERT_TRUE(fleet_.hopeless());
  EXPECT_THAT(fleet_.hopeless()->message, HasSubstr("972 MiB of 1000 MiB are in use"));
}

TEST_F(WatchTest, KeepsWhatItLastKnewOfGroupsThatVanish) {
  Watch watch(settings(), fleet_, log_);
  Clock::time_point now = Clock::now();
  watch.step(now += 1s, 0);
  ASSERT_TRUE(fleet_.held());
  const std::size_t levels = levels_;
  vanish();
  for (const auto pause : {200ms, 200ms, 1000ms, 200ms, 1000ms}) {
    watch.step(now += pause, 0);
    EXPECT_TRUE(fleet_.held());
    EXPECT_EQ(watch.readings().memory_limit, kLimit);
    EXPECT_EQ(watch.readings().memory_in_use, kTooMuch);
    EXPECT_EQ(levels_, levels);
  }
  appear(500_MiB);
  watch.step(now += 1s, 0);
  EXPECT_FALSE(fleet_.held());
  EXPECT_EQ(watch.readings().memory_in_use, 500_MiB);
}

TEST_F(WatchTest, AddsNoWorkerToAJobThatRunsOut) {
  appear(100_MiB);
  planned_ = 2;
  Clock::time_point now = Clock::now();
  const auto for_minutes = [&](Watch& watch) {
    for (int i = 0; i < 300; ++i) watch.step(now += 1s, static_cast<std::uint64_t>(i));
  };
  Watch over(settings(), fleet_, log_);
  over.let_run_out();
  for_minutes(over);
  EXPECT_EQ(fleet_.wanted(), 1U);
  Watch watch(settings(), fleet_, log_);
  for_minutes(watch);
  EXPECT_EQ(fleet_.wanted(), 2U);
}

TEST_F(WatchTest, KeepsTheFirstAndTheLastHundredThingsThatWereDone) {
  const auto kills = [this](int count) {
    root_.put("sys/fs/cgroup/job/memory.events", "oom_kill " + std::to_string(count) + "\n");
  };
  kills(0);
  Watch::Settings looking = settings();
  looking.mode = Watch::Mode::look;
  Watch watch(std::move(looking), fleet_, log_);
  const Clock::time_point begin = Clock::now();
  for (int i = 1; i <= 150; ++i) {
    kills(i);
    watch.step(begin + i * 2s, 0);
  }
  EXPECT_EQ(watch.acts(), 150U);
  ASSERT_EQ(watch.interventions().size(), 100U);
  ASSERT_EQ(watch.last_interventions().size(), 100U);
  EXPECT_NEAR(watch.interventions().front().seconds, 2, 1);
  EXPECT_NEAR(watch.last_interventions().front().seconds, 102, 1);
  EXPECT_NEAR(watch.last_interventions().back().seconds, 300, 1);
}

}  // namespace
}  // namespace headrace::supervisor

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--fake-worker")
    return headrace::supervisor::fake_worker();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
