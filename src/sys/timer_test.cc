#include "sys/timer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "sys/poller.h"
#include "sys/process.h"

namespace headrace::sys {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(Timer, IsReadableFromItsMomentOn) {
  Timer timer;
  EXPECT_FALSE(wait_readable(timer.fd(), 0ms));
  timer.set(Clock::now() + 1h);
  EXPECT_FALSE(wait_readable(timer.fd(), 0ms));
  timer.set(Clock::now() + 1ms);
  EXPECT_TRUE(wait_readable(timer.fd(), 10s));
  EXPECT_TRUE(wait_readable(timer.fd(), 0ms));
  timer.silence();
  EXPECT_FALSE(wait_readable(timer.fd(), 0ms));
}

TEST(Timer, TakesAMomentLongGone) {
  Timer timer;
  timer.set(Clock::time_point{});
  EXPECT_TRUE(wait_readable(timer.fd(), 10s));
}

TEST(EndAfter, EndsAProcessThatWaitsForSomethingElse) {
  const auto wait_for_ever = [] {
    std::array<int, 2> nobody{};
    (void)!::pipe(nobody.data());
    ::dup2(STDERR_FILENO, STDOUT_FILENO);  // where the test reads
    end_after(1ms, "no answer\n", 7);
    char none = 0;
    for (;;) (void)!::read(nobody[0], &none, 1);
  };
  EXPECT_EXIT(wait_for_ever(), testing::ExitedWithCode(7), "no answer");
}

TEST(CpuSeconds, AreThoseOfTheProcess) {
  while (cpu_seconds(own_pid()) < 0.05) {
  }
  EXPECT_GE(cpu_seconds_self(), 0.04);
  EXPECT_EQ(cpu_seconds(-1), 0);
}

}  // namespace
}  // namespace headrace::sys
