#include "sys/timer.h"

#include <gtest/gtest.h>

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

TEST(CpuSeconds, AreThoseOfTheProcess) {
  while (cpu_seconds(own_pid()) < 0.05) {
  }
  EXPECT_GE(cpu_seconds_self(), 0.04);
  EXPECT_EQ(cpu_seconds(-1), 0);
}

}  // namespace
}  // namespace headrace::sys
