#include "sys/process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <ctime>
#include <thread>

namespace headrace::sys {
namespace {

std::chrono::nanoseconds own_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST(RunTimes, GrowWithWhatAProcessComputes) {
  const auto before = run_times(own_pid());
  if (!before) GTEST_SKIP() << "this kernel does not count it";
  const auto until = own_time() + std::chrono::milliseconds(50);
  while (own_time() < until) {
  }
  const auto after = run_times(own_pid());
  ASSERT_TRUE(after);
  // The kernel counts at its ticks and at switches.
  EXPECT_GT(after->running, before->running);
  EXPECT_LE(after->running, own_time() + std::chrono::milliseconds(50));
  EXPECT_GE(after->waiting, before->waiting);
}

TEST(RunTimes, AreNothingForAProcessThatIsGone) {
  EXPECT_FALSE(run_times(0));
  EXPECT_FALSE(run_times(1 << 30));
}

// Its group is its own, so the signals reach only it.
TEST(AChild, TellsThatItWasStoppedAndGoesOn) {
  Result<Child> child = Child::spawn(
      {.program = "/bin/sleep", .arguments = {"sleep", "60"}, .environment = {}, .inherit = {}});
  ASSERT_TRUE(child) << child.error().message;
  const auto news = [&] {
    std::optional<bool> said;
    while (!(said = child->news_of_stop())) std::this_thread::yield();
    return *said;
  };
  EXPECT_FALSE(child->news_of_stop());
  child->signal(SIGSTOP);
  EXPECT_TRUE(news());
  EXPECT_FALSE(child->news_of_stop()) << "it is told once";
  child->signal(SIGCONT);
  EXPECT_FALSE(news());
}

}  // namespace
}  // namespace headrace::sys
