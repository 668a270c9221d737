// A worker killed at every instruction between taking an item and having done with it: the
// supervisor either finds the result, or knows exactly whom to blame.
#include <fcntl.h>
#include <gtest/gtest.h>

#include "shm/mailbox.h"
#include "stepper.h"
#include "supervisor/blame.h"

namespace headrace::crash_points {
namespace {

using shm::Doing;
using shm::SupervisorEnd;
using shm::Token;
using shm::WorkerEnd;

constexpr std::uint32_t kItems = 3;
constexpr Token kFirst = 100;

// How far the worker has come, as far as it knows: item times 3, plus one of these.
enum Progress : std::uint64_t { kBefore = 0, kBegun = 1, kFinished = 2 };

class MailboxTrial : public Trial {
 public:
  MailboxTrial()
      : supervisor_(*SupervisorEnd::create()),
        worker_(*WorkerEnd::attach(sys::Fd(::fcntl(supervisor_.fd(), F_DUPFD_CLOEXEC, 3)))) {
    for (std::uint32_t i = 0; i < kItems; ++i) supervisor_.send(kFirst + i);
  }

  void operate() override {
    for (std::uint64_t i = 0; i < kItems; ++i) {
      progress().store(3 * i + kBefore);
      worker_.begin({.phase = Doing::prepare, .position = worker_.position(), .count = 1});
      progress().store(3 * i + kBegun);
      worker_.finish(worker_.peek(0));
      progress().store(3 * i + kFinished);
      worker_.end(1);
    }
    progress().store(std::uint64_t{3} * kItems);
  }

  void check() override {
    std::uint32_t results = 0;
    while (results < kItems && supervisor_.take(kFirst + results) == SupervisorEnd::Taken::token) {
      ++results;
    }
    EXPECT_FALSE(supervisor_.has_result());
    const supervisor::Blame blame =
        supervisor::apportion(supervisor_.doing(), supervisor_.oldest_position(), kItems - results);
    EXPECT_EQ(blame.suspects_begin, blame.suspects_end) << "one at a time: there are no suspects";
    const std::uint64_t item = progress().load() / 3;
    const std::uint64_t phase = progress().load() % 3;
    if (results == item + 1) {
      EXPECT_NE(phase, kBefore);
      EXPECT_FALSE(blame.any_charged) << "its result is there";
      return;
    }
    EXPECT_EQ(results, item);
    EXPECT_NE(phase, kFinished) << "a result is lost";
    EXPECT_TRUE(phase != kBegun || blame.any_charged);
    EXPECT_EQ(blame.charged, 0U) << "the oldest, which was worked on";
  }

  std::span<const std::byte> memory() const override { return {}; }

 private:
  SupervisorEnd supervisor_;
  WorkerEnd worker_;
};

TEST(MailboxCrash, AResultOrExactBlameAtEveryInstruction) {
  if (const std::string why = cannot_step(); !why.empty()) GTEST_SKIP() << why;
  kill_everywhere("worker: begin, finish, end", Where::every_instruction,
                  [] { return std::make_unique<MailboxTrial>(); });
}

}  // namespace
}  // namespace headrace::crash_points
