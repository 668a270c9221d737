#include "sys/trials.h"

#include <gmock/gmock.h>
#include <sys/prctl.h>

#include <algorithm>

namespace headrace::sys {
namespace {

const Trial& of(const std::vector<Trial>& trials, std::string_view call) {
  return *std::find_if(trials.begin(), trials.end(),
                       [&](const Trial& t) { return t.call.starts_with(call); });
}

// What Headrace needs must be found to work here, since the other tests rely on it.
TEST(Trials, FindWhatHeadraceNeeds) {
  const std::vector<Trial> trials = try_calls({.memory_is_tight = true});
  for (const char* call : {"memfd_create", "memfd reopened", "pidfd_open", "pidfd_send_signal",
                           "futex", "eventfd", "epoll", "timerfd", "signalfd", "socketpair",
                           "prctl PR_SET_PDEATHSIG", "sched_setaffinity"}) {
    EXPECT_TRUE(of(trials, call).works) << call << ": " << of(trials, call).result;
  }
  EXPECT_EQ(of(trials, "inotify").result, "not tried: there is no such file");
}

TEST(Trials, ChangeNothingInThisProcess) {
  int subreaper = 1;
  int death_signal = 1;
  try_calls({.memory_is_tight = true});
  EXPECT_EQ(::prctl(PR_GET_CHILD_SUBREAPER, &subreaper), 0);
  EXPECT_EQ(::prctl(PR_GET_PDEATHSIG, &death_signal), 0);
  EXPECT_EQ(subreaper, 0);
  EXPECT_EQ(death_signal, 0);
}

TEST(Trials, NameTheFileThatCannotBeWatched) {
  const auto trials = try_calls({.events_file = "/none", .memory_is_tight = true});
  EXPECT_EQ(of(trials, "inotify").result, "No such file or directory");
}

TEST(Costs, AreMeasured) {
  const Result<double> wake = microseconds_to_wake();
  ASSERT_TRUE(wake) << wake.error().message;
  EXPECT_GT(*wake, 0);
  EXPECT_TRUE(milliseconds_to_spawn("/bin/true"));
  EXPECT_FALSE(milliseconds_to_spawn("/none"));
}

}  // namespace
}  // namespace headrace::sys
