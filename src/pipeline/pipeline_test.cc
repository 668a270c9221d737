// The loop over real processes: this program starts itself as worker (supervisor/fake_worker.h), and an item's name tells
// the worker how to behave at it.
#include "pipeline/pipeline.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <csignal>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/fake_worker.h"
#include "sys/process.h"

namespace headrace::pipeline {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// A few names, at once.
class Names : public Source {
 public:
  explicit Names(std::vector<std::string> names) : names_(std::move(names)) {}
  Pulled next(Input& input) override {
    if (given_ == names_.size()) return Pulled::end;
    input = {.index = given_, .name = names_[given_], .unfit = {}};
    ++given_;
    return Pulled::item;
  }
  int fd() const override { return bell_.fd(); }
  void heard() override { bell_.silence(); }
  std::optional<std::uint64_t> total() const override { return names_.size(); }
  std::optional<Error> trouble() const override { return std::nullopt; }

 private:
  std::vector<std::string> names_;
  std::size_t given_ = 0;
  sys::Bell bell_;
};

class Lines : public Sink {
 public:
  Status write(std::uint64_t index, std::string line) override {
    lines[index] = std::move(line);
    return Ok{};
  }
  Status skip(std::uint64_t) override { return Ok{}; }
  bool accepts(std::uint64_t) const override { return true; }
  Status flush() override { return Ok{}; }
  Status finish() override { return Ok{}; }

  std::map<std::uint64_t, std::string> lines;
};

// A run of one worker, and what a test does to it, step by step: each is called until it says that it is through, the
// next one not before everything that had come up by then was taken.
class Scene {
 public:
  explicit Scene(std::vector<std::string> names)
      : slots_(std::move(*shm::SlotArea::create({.count = 8}))),
        fleet_({.program = *sys::own_program(), .arguments = {"pipeline_test", "--fake-worker"}},
               slots_, poller_, Pipeline::kFirstFleetTag, log_),
        source_(std::move(names)),
        pipeline_({source_, sink_, fleet_, slots_, poller_, signals_, log_}) {}

  Outcome run(const std::vector<std::function<bool()>>& steps) {
    std::size_t done = 0;
    return pipeline_.run([&](Clock::time_point now) {
      if (now > deadline_) fleet_.give_up(Error{"it does not end"});
      if (done < steps.size() && steps[done]()) ++done;
      return milliseconds(10);
    });
  }

  supervisor::Fleet& fleet() { return fleet_; }
  const supervisor::Worker& worker() const { return *fleet_.workers().front(); }
  const std::map<std::uint64_t, std::string>& lines() const { return sink_.lines; }
  const shm::SlotArea& slots() const { return slots_; }

 private:
  sys::Signals signals_;
  sys::Poller poller_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  shm::SlotArea slots_;
  supervisor::Fleet fleet_;
  Names source_;
  Lines sink_;
  Pipeline pipeline_;
  Clock::time_point deadline_ = Clock::now() + 20s;
};

TEST(Pipeline, AnswersEveryItemOnce) {
  Scene scene({"a", "b", "c"});
  const Outcome outcome = scene.run({});
  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(scene.lines().size(), 3U);
}

TEST(Pipeline, AskedToStopItFinishesWhatIsInWork) {
  Scene scene({"a", "b", "abort in run"});
  const Outcome outcome = scene.run({[&] {
    if (scene.fleet().in_flight() == 0) return false;
    return std::raise(SIGTERM) == 0;
  }});
  EXPECT_EQ(outcome.stopped_by, SIGTERM);
  EXPECT_FALSE(outcome.error);
  EXPECT_GE(scene.lines().size(), 1U);
  EXPECT_EQ(scene.slots().free(), scene.slots().count());
}

// Nothing is handed out, since memory is short, so what a dead worker held would wait for as long as that lasts.
TEST(Pipeline, AskedToStopItDoesNotWaitForMemory) {
  Scene scene({"hang"});
  const Outcome outcome = scene.run({[&] {
                                       if (scene.fleet().in_flight() == 0) return false;
                                       scene.fleet().hold(true);
                                       return std::raise(SIGTERM) == 0;
                                     },
                                     [&] {
                                       scene.worker().child->signal(SIGKILL);
                                       return true;
                                     }});
  EXPECT_EQ(outcome.stopped_by, SIGTERM);
  EXPECT_FALSE(outcome.error) << outcome.error->message;
  EXPECT_TRUE(scene.lines().empty()) << "it was not answered, so that --resume does it";
  EXPECT_EQ(scene.slots().free(), scene.slots().count());
}

}  // namespace
}  // namespace headrace::pipeline

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--fake-worker")
    return headrace::supervisor::fake_worker();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
