// Every operation on a block of an array, killed at every instruction: nobody's array is freed, and
// after the dead one was forgotten nothing is kept for it.
#include <gtest/gtest.h>

#include "array/own_segment.h"
#include "stepper.h"

namespace headrace::crash_points {
namespace {

using array::OwnSegment;
using array::Segment;
using shm::BlockName;
using shm::Participant;

constexpr Participant kKeeper = Participant::of(0, 1);
constexpr Participant kVictim = Participant::of(70, 2);
constexpr Participant kOther = Participant::of(200, 9);
constexpr std::uint32_t kBlocks = 4;

bool nowhere(const BlockName& /*name*/) {
  return false;
}

// A segment with one block, which the keeper holds at first.
class ArrayTrial : public Trial {
 public:
  explicit ArrayTrial(Participant creator)
      : own_(std::move(*OwnSegment::create(creator, 64_KiB, kBlocks))),
        creator_(creator),
        name_(own_.allocate(1000)->name) {}

  std::span<const std::byte> memory() const override { return {}; }

 protected:
  Segment& segment() { return *own_.segment(); }
  bool there() { return static_cast<bool>(segment().find(name_)); }
  // After the victim was forgotten and everybody else has let go: nothing may be left.
  void expect_all_free() {
    segment().drop(creator_, name_);
    segment().drop(kOther, name_);
    segment().forget(kVictim);
    own_.collect(nowhere);
    EXPECT_EQ(own_.used_blocks(), 0U) << "a block leaked";
    EXPECT_TRUE(segment().empty(nowhere));
    EXPECT_TRUE(own_.allocate(60'000)) << "bytes leaked";
  }

  OwnSegment own_;
  Participant creator_;
  BlockName name_;
};

class Hold : public ArrayTrial {
 public:
  Hold() : ArrayTrial(kKeeper) {}
  void operate() override { static_cast<void>(segment().hold(kVictim, name_)); }
  void check() override {
    own_.collect(nowhere);
    EXPECT_TRUE(there()) << "its creator holds it";
    expect_all_free();
  }
};

class Drop : public ArrayTrial {
 public:
  Drop() : ArrayTrial(kKeeper) { static_cast<void>(segment().hold(kVictim, name_)); }
  void operate() override { segment().drop(kVictim, name_); }
  void check() override {
    own_.collect(nowhere);
    EXPECT_TRUE(there());
    expect_all_free();
  }
};

// What another one gave: held by the one who takes it before the other lets go.
class TakeOver : public ArrayTrial {
 public:
  TakeOver() : ArrayTrial(kKeeper) {
    static_cast<void>(segment().hold(kOther, name_));
    segment().drop(kKeeper, name_);
  }
  void operate() override {
    static_cast<void>(segment().hold(kVictim, name_));
    progress().store(1);
    segment().drop(kOther, name_);
    progress().store(2);
  }
  void check() override {
    own_.collect(nowhere);
    EXPECT_TRUE(there()) << "one of the two holds it, at every moment";
    expect_all_free();
  }
};

// The creator dies in the middle of making or freeing blocks; the keeper adopts its segment.
class CreatorAllocates : public ArrayTrial {
 public:
  CreatorAllocates() : ArrayTrial(kVictim) { static_cast<void>(segment().hold(kOther, name_)); }
  void operate() override { static_cast<void>(own_.allocate(5000)); }
  void check() override {
    segment().forget(kVictim);
    EXPECT_TRUE(there());
    EXPECT_FALSE(segment().empty(nowhere)) << "somebody still uses it";
    segment().drop(kOther, name_);
    EXPECT_TRUE(segment().empty(nowhere)) << "it would be kept for ever";
  }
};

class CreatorCollects : public ArrayTrial {
 public:
  CreatorCollects() : ArrayTrial(kVictim), garbage_(own_.allocate(2000)->name) {
    static_cast<void>(segment().hold(kOther, name_));
    segment().drop(kVictim, garbage_);
    segment().drop(kVictim, name_);
  }
  void operate() override { own_.collect(nowhere); }
  void check() override {
    segment().forget(kVictim);
    EXPECT_TRUE(there());
    EXPECT_FALSE(segment().empty(nowhere));
    segment().drop(kOther, name_);
    EXPECT_TRUE(segment().empty(nowhere));
  }

 private:
  BlockName garbage_;
};

// The keeper itself dies while it ends what a dead participant held; another one does it again.
class KeeperForgets : public ArrayTrial {
 public:
  KeeperForgets() : ArrayTrial(kOther) { static_cast<void>(segment().hold(kVictim, name_)); }
  void operate() override { segment().forget(kVictim); }
  void check() override {
    own_.collect(nowhere);
    EXPECT_TRUE(there()) << "its creator holds it";
    expect_all_free();
  }
};

template <class T>
void kill_at_every_instruction(const char* name) {
  if (const std::string why = cannot_step(); !why.empty()) GTEST_SKIP() << why;
  const Sweep sweep =
      kill_everywhere(name, Where::every_instruction, [] { return std::make_unique<T>(); });
  EXPECT_TRUE(sweep.finished);
  EXPECT_GT(sweep.kills, sweep.instructions);
}

TEST(ArrayCrash, Hold) {
  kill_at_every_instruction<Hold>("array: hold");
}
TEST(ArrayCrash, Drop) {
  kill_at_every_instruction<Drop>("array: drop");
}
TEST(ArrayCrash, TakeOver) {
  kill_at_every_instruction<TakeOver>("array: take over");
}
TEST(ArrayCrash, Allocate) {
  kill_at_every_instruction<CreatorAllocates>("array: creator allocates");
}
TEST(ArrayCrash, Collect) {
  kill_at_every_instruction<CreatorCollects>("array: creator collects");
}
TEST(ArrayCrash, Forget) {
  kill_at_every_instruction<KeeperForgets>("array: keeper forgets");
}

}  // namespace
}  // namespace headrace::crash_points
