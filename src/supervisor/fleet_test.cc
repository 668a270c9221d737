// The fleet over real processes: this program starts itself as worker (fake_worker.h), and an
// item's name tells the worker how to behave at it.
#include "supervisor/fleet.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "supervisor/fake_worker.h"
#include "sys/memory.h"
#include "sys/rlimit.h"

namespace headrace::supervisor {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A fleet with everything around it, and a record of how each item ended.
class Job {
 public:
  explicit Job(FleetSettings settings)
      : slots_(std::move(*shm::SlotArea::create({.count = 64}))),
        log_("test", std::make_shared<spdlog::sinks::null_sink_mt>()),
        fleet_(with_program(std::move(settings)), slots_, poller_, 0, log_) {}

  void add(const std::string& name, int file = -1) {
    const shm::Token token = *slots_.claim(name);
    names_[shm::token_slot(token)] = name;
    fleet_.add(token, 0ms, file);
    ++open_;
  }

  // One turn of the owner's loop; false when nothing happened for too long.
  bool turn() {
    bool news = false;
    fleet_.step(Clock::now());
    while (auto finished = fleet_.next_finished()) {
      shm::Reply reply;
      if (!finished->failure && !slots_.read_reply(finished->token, reply)) {
        fleet_.disbelieve(*finished, Clock::now());
        continue;
      }
      const std::string& name = names_[shm::token_slot(finished->token)];
      EXPECT_FALSE(ended_.contains(name)) << name << " was answered twice";
      ended_[name] = *finished;
      replies_[name] = reply.text;
      slots_.release(finished->token);
      --open_;
      news = true;
    }
    fleet_.dispatch(Clock::now());
    if (news) return true;
    slots_.set_supervisor_asleep(true);
    const auto nap = fleet_.result_waiting() ? 0ms : fleet_.patience(Clock::now());
    const auto tags = poller_.wait(nap);
    slots_.set_supervisor_asleep(false);
    for (const std::uint64_t tag : tags) fleet_.on_ready(tag, Clock::now());
    return Clock::now() < deadline_;
  }

  void until(const std::function<bool()>& done) {
    while (!done()) ASSERT_TRUE(turn()) << "still " << open_ << " items open";
  }
  void finish() {
    until([this] { return open_ == 0 || fleet_.hopeless(); });
  }
  void stop(std::chrono::milliseconds grace = 10s) {
    fleet_.stop(Clock::now(), grace);
    until([this] { return fleet_.stopped(); });
  }

  const Finished& of(const std::string& name) { return ended_.at(name); }
  const std::string& reply_to(const std::string& name) { return replies_.at(name); }
  std::size_t ended() const { return ended_.size(); }
  Fleet& fleet() { return fleet_; }
  const shm::SlotArea& slots() const { return slots_; }

 private:
  static FleetSettings with_program(FleetSettings settings) {
    settings.program = *sys::own_program();
    settings.arguments = {"fleet_test", "--fake-worker"};
    return settings;
  }

  sys::Poller poller_;
  shm::SlotArea slots_;
  spdlog::logger log_;
  Fleet fleet_;
  std::map<std::uint32_t, std::string> names_;
  std::map<std::string, Finished> ended_;
  std::map<std::string, std::string> replies_;
  std::size_t open_ = 0;
  Clock::time_point deadline_ = Clock::now() + 60s;
};

void expect_ok(Job& job, const std::string& name, std::uint32_t attempts = 1) {
  EXPECT_FALSE(job.of(name).failure) << name << ": " << job.of(name).failure->message;
  EXPECT_EQ(job.of(name).attempts, attempts) << name;
}

TEST(Fleet, AnswersEveryItemOnce) {
  Job job({.workers = 3});
  for (int i = 0; i < 60; ++i) job.add("item" + std::to_string(i));
  job.finish();
  for (int i = 0; i < 60; ++i) expect_ok(job, "item" + std::to_string(i));
  job.stop();
  EXPECT_EQ(job.fleet().counts().restarts, 0U);
}

TEST(Fleet, OnlyTheItemThatKillsItsWorkerSuffers) {
  for (const std::uint32_t batch : {1U, 8U}) {
    SCOPED_TRACE(batch);
    Job job({.workers = 2, .batch = batch});
    for (int i = 0; i < 20; ++i) job.add("before" + std::to_string(i));
    job.add("abort in run");
    job.add("abort in prepare");
    for (int i = 0; i < 20; ++i) job.add("after" + std::to_string(i));
    job.finish();
    for (int i = 0; i < 20; ++i) {
      expect_ok(job, "before" + std::to_string(i));
      expect_ok(job, "after" + std::to_string(i));
    }
    for (const char* name : {"abort in run", "abort in prepare"}) {
      ASSERT_TRUE(job.of(name).failure) << name;
      EXPECT_EQ(job.of(name).failure->code, ItemError::worker_crashed);
      EXPECT_THAT(job.of(name).failure->message, HasSubstr("SIGABRT"));
      EXPECT_EQ(job.of(name).attempts, 3U);
    }
    EXPECT_FALSE(job.fleet().hopeless());
  }
}

TEST(Fleet, OneAttemptMeansOne) {
  Job job({.workers = 1, .attempts = 1});
  job.add("abort in run");
  job.add("fine");
  job.finish();
  EXPECT_EQ(job.of("abort in run").attempts, 1U);
  expect_ok(job, "fine");
  EXPECT_EQ(job.fleet().counts().retries, 0U);
}

TEST(Fleet, AResultPublishedBeforeTheDeathCounts) {
  Job job({.workers = 1});
  job.add("finish then abort");
  job.add("fine");
  job.finish();
  expect_ok(job, "finish then abort");
  expect_ok(job, "fine");
}

TEST(Fleet, AnItemThatNeverEndsIsATimeoutAndNothingElseIs) {
  Job job({.workers = 2, .attempts = 2, .item_timeout = 300ms});
  job.add("hang");
  for (int i = 0; i < 10; ++i) job.add("fine" + std::to_string(i));
  job.finish();
  ASSERT_TRUE(job.of("hang").failure);
  EXPECT_EQ(job.of("hang").failure->code, ItemError::timeout);
  EXPECT_EQ(job.of("hang").attempts, 2U);
  for (int i = 0; i < 10; ++i) expect_ok(job, "fine" + std::to_string(i));
  EXPECT_EQ(job.fleet().counts().timeouts, 2U);
}

TEST(Fleet, ASupervisorThatWasStoppedForAnHourBlamesNobody) {
  Job job({.workers = 1, .item_timeout = 1s});
  job.add("hang");
  job.until([&] { return job.fleet().in_flight() == 1; });
  job.fleet().step(Clock::now() + 1h);
  EXPECT_EQ(job.fleet().counts().timeouts, 0U);
}

TEST(Fleet, AWorkerThatAnswersWhatItWasNotAskedIsKilledAndItsItemsGoOn) {
  for (const char* nonsense :
       {"answer a stranger", "answer twice", "head astray", "reply astray"}) {
    SCOPED_TRACE(nonsense);
    Job job({.workers = 1, .attempts = 2});
    job.add(nonsense);
    for (int i = 0; i < 5; ++i) job.add("fine" + std::to_string(i));
    job.finish();
    for (int i = 0; i < 5; ++i) expect_ok(job, "fine" + std::to_string(i));
    EXPECT_EQ(job.ended(), 6U);
    EXPECT_GE(job.fleet().counts().breaches, 1U);
  }
}

TEST(Fleet, AWorkerThatNeverStopsTalkingIsKilledAndItsItemsGoOn) {
  Job job({.workers = 1, .attempts = 2});
  job.add("chatter");
  for (int i = 0; i < 5; ++i) job.add("fine" + std::to_string(i));
  job.finish();
  ASSERT_TRUE(job.of("chatter").failure);
  EXPECT_EQ(job.of("chatter").failure->code, ItemError::worker_crashed);
  EXPECT_THAT(job.of("chatter").failure->message, HasSubstr("control socket"));
  for (int i = 0; i < 5; ++i) expect_ok(job, "fine" + std::to_string(i));
  EXPECT_EQ(job.fleet().counts().breaches, 2U);
}

TEST(Fleet, GivesUpOnWorkersThatOnlyDie) {
  Job job({.start = {.body = "die at start"}, .workers = 2, .hopeless_after = 4});
  job.add("never");
  job.finish();
  ASSERT_TRUE(job.fleet().hopeless());
  EXPECT_THAT(job.fleet().hopeless()->message, HasSubstr("SIGABRT"));
  EXPECT_THAT(job.fleet().hopeless()->message, HasSubstr("loading"));
}

TEST(Fleet, AWorkerThatSaysWhyItCannotWorkEndsTheJobWithItsWords) {
  Job job({.start = {.body = "refuse"}, .workers = 1});
  job.add("never");
  job.finish();
  ASSERT_TRUE(job.fleet().hopeless());
  EXPECT_EQ(job.fleet().hopeless()->message, "no model here");
}

TEST(Fleet, AWorkerThatNeverGetsReadyIsKilledAndGivenUp) {
  Job job(
      {.start = {.body = "never ready"}, .workers = 1, .load_timeout = 100ms, .hopeless_after = 2});
  job.finish();
  job.until([&] { return job.fleet().hopeless().has_value(); });
  EXPECT_THAT(job.fleet().hopeless()->message, HasSubstr("not ready after 0.1 s"));
}

TEST(Fleet, AWorkerThatWillNotLeaveIsKilledAfterTheGrace) {
  Job job({.start = {.body = "deaf"}, .workers = 1});
  job.until([&] { return job.fleet().ever_ready(); });
  job.stop(100ms);
  EXPECT_TRUE(job.fleet().stopped());
}

TEST(Fleet, AWorkerThatDoesNotMakeWayIsKilledAndReplaced) {
  Job job({.start = {.body = "deaf"}, .workers = 1});
  job.until([&] { return job.fleet().ever_ready(); });
  const Worker& worker = *job.fleet().workers().front();
  const int before = worker.child->pid();
  job.fleet().recycle(0);
  const Clock::time_point told = Clock::now();
  // Second by second, or the supervisor would seem to have been away.
  for (int i = 0; i <= 5; ++i) job.fleet().step(told + i * 1s);
  EXPECT_EQ(worker.state(), WorkerState::leaving);
  for (int i = 6; i <= 11; ++i) job.fleet().step(told + i * 1s);
  EXPECT_EQ(worker.state(), WorkerState::dying);
  job.until([&] { return worker.state() == WorkerState::ready && worker.child->pid() != before; });
  EXPECT_EQ(job.fleet().counts().restarts, 0U) << "it was wished";
}

TEST(Fleet, SurvivesAKillAtAnyMomentOfAnyWorker) {
  Job job({.workers = 2, .attempts = 100});
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 30; ++i) job.add(std::to_string(round) + "." + std::to_string(i));
    for (int i = 0; i < round % 7; ++i) job.turn();
    for (const auto& worker : job.fleet().workers()) {
      if (worker->alive() && round % 3 != 0)
        worker->child->signal(round % 2 == 0 ? SIGKILL : SIGSEGV);
    }
    job.finish();
    ASSERT_FALSE(job.fleet().hopeless());
  }
  EXPECT_EQ(job.ended(), 1200U);
  EXPECT_EQ(job.slots().free(), job.slots().count()) << "no slot is lost";
}

TEST(Fleet, TheNumberOfWorkersCanChangeWhileItRuns) {
  Job job({.workers = 1});
  job.until([&] { return job.fleet().ever_ready(); });
  job.fleet().set_workers(3, Clock::now());
  ASSERT_EQ(job.fleet().workers().size(), 3U);
  for (int i = 0; i < 30; ++i) job.add("a" + std::to_string(i));
  job.finish();
  job.fleet().set_workers(1, Clock::now());
  job.until(
      [&] { return !job.fleet().workers()[1]->alive() && !job.fleet().workers()[2]->alive(); });
  for (int i = 0; i < 30; ++i) job.add("b" + std::to_string(i));
  job.finish();
  EXPECT_EQ(job.ended(), 60U);
}

// Files of which nobody else knows a name.
sys::Fd file_of(const std::string& content) {
  sys::Fd file = std::move(*sys::sealed_text("test", content));
  ::lseek(file.get(), 0, SEEK_SET);  // as one that was only opened
  return file;
}

TEST(Fleet, EachItemComesWithItsFile) {
  const std::uint64_t before = sys::open_descriptors();
  {
    Job job({.workers = 2, .batch = 4});
    std::map<std::string, sys::Fd> files;
    for (int i = 0; i < 60; ++i) {
      const std::string name = "read " + std::to_string(i);
      files[name] = file_of("content of " + name);
      job.add(name, files[name].get());
      if (i % 7 == 0) job.add("no file" + std::to_string(i));
      if (i % 20 == 0) job.finish();
    }
    job.finish();
    for (const auto& [name, file] : files) EXPECT_EQ(job.reply_to(name), "content of " + name);
    job.stop();
  }
  EXPECT_EQ(sys::open_descriptors(), before) << "no copy is left";
}

TEST(Fleet, AWorkerThatDiesWithFilesUnreadCostsOnlyItsItem) {
  Job job({.workers = 1, .batch = 8});
  const sys::Fd file = file_of("whole");
  job.add("abort in prepare", file.get());
  for (int i = 0; i < 7; ++i) job.add("read " + std::to_string(i), file.get());
  job.finish();
  EXPECT_TRUE(job.of("abort in prepare").failure);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(job.reply_to("read " + std::to_string(i)), "whole");
}

TEST(Fleet, ARetriedItemHasItsWholeFileAgain) {
  Job job({.workers = 1});
  const sys::Fd file = file_of("whole");
  job.add("read then abort once", file.get());
  job.finish();
  expect_ok(job, "read then abort once", 2);
  EXPECT_EQ(job.reply_to("read then abort once"), "whole");
}

TEST(Fleet, AnItemWhoseReplyWasNonsenseIsTriedAgainWithItsFile) {
  Job job({.workers = 1, .attempts = 2});
  const sys::Fd file = file_of("whole");
  job.add("reply astray", file.get());
  job.add("read", file.get());
  job.finish();
  EXPECT_EQ(job.of("reply astray").attempts, 2U);
  EXPECT_EQ(job.reply_to("read"), "whole");
}

TEST(Fleet, AWorkerThatCannotBePassedFilesGetsNoneUntilItCan) {
  Job job({.workers = 1});
  job.until([&] { return job.fleet().ever_ready(); });
  const Worker& worker = *job.fleet().workers().front();
  worker.child->signal(SIGSTOP);
  while (sys::send_message(worker.control.get(), std::array{'x'})) {
  }
  const sys::Fd file = file_of("whole");
  job.add("read", file.get());
  job.turn();
  EXPECT_EQ(job.fleet().in_flight(), 0U);
  EXPECT_LE(job.fleet().patience(Clock::now()), 20ms) << "it is tried again soon";
  worker.child->signal(SIGCONT);
  job.finish();
  EXPECT_EQ(job.reply_to("read"), "whole");
}

TEST(Fleet, GivesUpWhenTheKernelPassesNoFilesForGood) {
  Job job({.workers = 1});
  job.until([&] { return job.fleet().ever_ready(); });
  constexpr int kNoDescriptor = 999'999;
  job.add("read", kNoDescriptor);
  const Clock::time_point begin = Clock::now();
  // Second by second, or the supervisor would seem to have been away.
  for (int i = 0; i < 25; ++i) {
    job.fleet().step(begin + i * 1s);
    job.fleet().dispatch(begin + i * 1s);
  }
  EXPECT_FALSE(job.fleet().hopeless());
  for (int i = 25; i < 35; ++i) {
    job.fleet().step(begin + i * 1s);
    job.fleet().dispatch(begin + i * 1s);
  }
  ASSERT_TRUE(job.fleet().hopeless());
  EXPECT_THAT(job.fleet().hopeless()->message, HasSubstr("no open file could be passed"));
  EXPECT_THAT(job.fleet().hopeless()->message, HasSubstr("SCM_RIGHTS"));
}

TEST(Fleet, AWorkerInheritsNoDescriptorButItsOwn) {
  // As a careless library opens them.
  const sys::Fd stray(::open("/dev/null", O_RDONLY));
  const sys::Fd far(::fcntl(stray.get(), F_DUPFD, 900));
  ASSERT_TRUE(far);
  Job job({.workers = 1});
  job.add("tell descriptors");
  job.finish();
  EXPECT_EQ(job.reply_to("tell descriptors"), "none");
}

TEST(Fleet, AConfinedWorkerSeesOnlyWhatLibrariesReadOfTheEnvironment) {
  ::setenv("HEADRACE_TEST_PASSWORD", "open sesame", 1);
  ::setenv("OMP_TEST", "of ours", 1);
  ::setenv("MKL_TEST", "of ours", 1);
  for (const bool confined : {true, false}) {
    SCOPED_TRACE(confined);
    Job job({.start = {.environment = {"MKL_TEST=for it"},
                       .sandbox = {confined ? sys::Confine::where_possible : sys::Confine::off,
                                   sys::FileUse::none}},
             .workers = 1});
    for (const char* name : {"HEADRACE_TEST_PASSWORD", "OMP_TEST", "MKL_TEST"})
      job.add(std::string("tell ") + name);
    job.finish();
    EXPECT_EQ(job.reply_to("tell HEADRACE_TEST_PASSWORD"), confined ? "unset" : "open sesame");
    EXPECT_EQ(job.reply_to("tell OMP_TEST"), "of ours");
    EXPECT_EQ(job.reply_to("tell MKL_TEST"), "for it");
  }
}

}  // namespace
}  // namespace headrace::supervisor

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--fake-worker")
    return headrace::supervisor::fake_worker();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
