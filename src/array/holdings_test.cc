#include "array/holdings.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "array/own_segment.h"

namespace headrace::array {
namespace {

using shm::BlockName;
using shm::Participant;

constexpr Participant kCreator = Participant::of(1, 1);
constexpr Participant kMe = Participant::of(2, 1);

struct Fixture {
  OwnSegment own = std::move(*OwnSegment::create(kCreator, 1_MiB, 64));
  std::shared_ptr<Segment> segment = own.segment();
  Holdings holdings{kMe};

  BlockName make() { return own.allocate(100)->name; }
  std::size_t collect() {
    return own.collect([](const BlockName&) { return false; });
  }
};

TEST(Holdings, TheFirstHandleSetsTheBitAndTheLastClearsIt) {
  Fixture f;
  const BlockName name = f.make();
  auto first = *f.holdings.hold(f.segment, name);
  auto second = *f.holdings.hold(f.segment, name);
  EXPECT_EQ(first, second);
  f.segment->drop(kCreator, name);
  first.reset();
  EXPECT_EQ(f.collect(), 0U);
  second.reset();
  EXPECT_EQ(f.holdings.count(), 0U);
  EXPECT_EQ(f.collect(), 1U);
}

TEST(Holdings, ABlockThatIsGoneCannotBeHeld) {
  Fixture f;
  const BlockName name = f.make();
  f.segment->drop(kCreator, name);
  ASSERT_EQ(f.collect(), 1U);
  EXPECT_FALSE(f.holdings.hold(f.segment, name));
  EXPECT_EQ(f.holdings.count(), 0U);
}

TEST(Holdings, HandlesMayOutliveIt) {
  Fixture f;
  const BlockName name = f.make();
  auto holdings = std::make_unique<Holdings>(kMe);
  auto held = *holdings->hold(f.segment, name);
  f.segment->drop(kCreator, name);
  holdings.reset();
  EXPECT_EQ(f.collect(), 0U);
  held.reset();
  EXPECT_EQ(f.collect(), 1U);
}

TEST(Holdings, AForkedChildLetsGoOfNothing) {
  Fixture f;
  const BlockName name = f.make();
  auto held = *f.holdings.hold(f.segment, name);
  f.segment->drop(kCreator, name);
  const pid_t child = ::fork();
  if (child == 0) {
    held.reset();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(f.collect(), 0U);
  held.reset();
  EXPECT_EQ(f.collect(), 1U);
}

TEST(Holdings, ThreadsThatTakeAndLetGoAtOnceNeverLoseTheBit) {
  Fixture f;
  const BlockName name = f.make();  // the creator's bit is what mentions it
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; ++i) {
        const auto held = f.holdings.hold(f.segment, name);
        ASSERT_TRUE(held);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto held = *f.holdings.hold(f.segment, name);
  f.segment->drop(kCreator, name);
  EXPECT_EQ(f.collect(), 0U);
  held.reset();
  EXPECT_EQ(f.collect(), 1U);
}

}  // namespace
}  // namespace headrace::array
