#include "sys/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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

// What `script` prints when the shell runs it as a child of this kind.
std::string printed(const std::string& script, bool few_variables,
                    std::vector<std::string> environment = {}) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  Result<Child> child = Child::spawn({.program = "/bin/sh",
                                      .arguments = {"sh", "-c", script},
                                      .environment = std::move(environment),
                                      .inherit = {{theirs.get(), 1}, {theirs.get(), 6}},
                                      .few_variables = few_variables});
  if (!child) return child.error().message;
  theirs.reset();
  std::string said;
  std::array<char, 512> part{};
  for (ssize_t got = 1; got > 0;) {
    got = ::read(ours.get(), part.data(), part.size());
    if (got > 0) said.append(part.data(), static_cast<std::size_t>(got));
  }
  return said;
}

TEST(AChild, GetsNoDescriptorsButThoseThatAreMeant) {
  // Without close-on-exec, as a shell or a library leaves them: below, at and above those that are meant.
  std::vector<Fd> strays;
  for (int number : {4, 9, 40}) strays.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD, number));
  const std::string found =
      "for n in 3 4 5 6 7 8 9 10 40; do [ -e /proc/$$/fd/$n ] && echo $n; done";
  EXPECT_EQ(printed(found, false), "6\n");
}

TEST(AChild, GetsFewVariablesWhereThatIsWanted) {
  ::setenv("SECRET_KEY", "secret", 1);
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  const std::string asked = "echo ${SECRET_KEY-none} $OMP_WAIT_POLICY $ADDED ${PATH:+path}";
  EXPECT_EQ(printed(asked, false, {"ADDED=added"}), "secret passive added path\n");
  EXPECT_EQ(printed(asked, true, {"ADDED=added"}), "none passive added path\n");
}

TEST(CpuSeconds, AreReadWhateverAProcessCallsItself) {
  const auto until = own_time() + std::chrono::milliseconds(30);
  while (own_time() < until) {
  }
  std::array<char, 16> before{};
  ::prctl(PR_GET_NAME, before.data());
  ::prctl(PR_SET_NAME, "a\nb) R 1");
  EXPECT_GT(cpu_seconds(own_pid()), 0);
  ::prctl(PR_SET_NAME, before.data());
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
