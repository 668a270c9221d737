// Trials of workers that never get to work: this program starts itself as worker (supervisor/fake_worker.h).
#include "tune/trial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/wait.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/fake_worker.h"
#include "sys/process.h"

namespace headrace::tune {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TrialTest : public testing::Test {
 protected:
  Measured run(supervisor::FleetSettings fleet, std::chrono::milliseconds at_most = 20s) {
    if (fleet.program.empty()) fleet.program = *sys::own_program();
    fleet.arguments = {"trial_test", "--fake-worker"};
    fleet.workers = 2;
    return run_trial({.fleet = std::move(fleet),
                      .slots = {.count = 8},
                      .inputs = inputs_,
                      .window = 50ms,
                      .deadline = std::chrono::steady_clock::now() + at_most},
                     signals_, log_, [&](const supervisor::Fleet&) { ++ticks_; });
  }
  static void expect_nothing_of(const Measured& measured, const std::string& why) {
    ASSERT_TRUE(measured.trouble);
    EXPECT_THAT(measured.trouble->message, HasSubstr(why));
    EXPECT_EQ(measured.ok + measured.failed, 0U);
    EXPECT_EQ(measured.rate, 0);
    EXPECT_FALSE(measured.stopped_by);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
    EXPECT_EQ(errno, ECHILD);
  }

  std::vector<std::string> inputs_{"a", "b"};
  sys::Signals signals_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  int ticks_ = 0;
};

TEST_F(TrialTest, GivesUpOnAProgramThatIsNotThere) {
  expect_nothing_of(run({.program = "/nowhere/headrace"}), "/nowhere/headrace");
}

TEST_F(TrialTest, GivesUpOnAWorkerThatSaysWhyItCannotWork) {
  expect_nothing_of(run({.start = {.body = "refuse"}}), "no model here");
}

TEST_F(TrialTest, GivesUpOnWorkersThatDieWhileTheyLoad) {
  expect_nothing_of(run({.start = {.body = "die at start"}}), "SIGABRT");
}

TEST_F(TrialTest, GivesUpOnAWorkerThatNeverGetsReady) {
  expect_nothing_of(run({.start = {.body = "never ready"}}, 100ms), "it was not loaded within");
  expect_nothing_of(run({.start = {.body = "never ready"}, .load_timeout = 50ms}),
                    "not ready after 0.05 s");
}

TEST_F(TrialTest, MeasuresWorkersThatWork) {
  const Measured measured = run({});
  EXPECT_FALSE(measured.trouble) << measured.trouble->message;
  EXPECT_GT(measured.ok, 0U);
  EXPECT_GT(ticks_, 0);
}

}  // namespace
}  // namespace headrace::tune

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--fake-worker")
    return headrace::supervisor::fake_worker();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
