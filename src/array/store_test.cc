#include "array/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace headrace::array {
namespace {

using shm::BlockName;
using shm::Participant;
using testing::HasSubstr;

constexpr Participant kMe = Participant::of(1, 1);

struct World {
  std::vector<std::uint64_t> announced;
  std::vector<std::uint64_t> retired;
  bool refuse = false;
  StoreWorld calls() {
    return {.self = kMe,
            .mentions = [](const BlockName&) { return false; },
            .announce = [this](const std::shared_ptr<Segment>& segment) -> Status {
              if (refuse) return Error{"nobody listens"};
              announced.push_back(segment->id());
              return Ok{};
            },
            .retire = [this](std::uint64_t id) { retired.push_back(id); }};
  }
};

constexpr StoreSettings kSmall{
    .segment = 1_MiB, .first_segment = 1_MiB, .limit = 8_MiB, .blocks = 64};

void drop(const ArrayStore::Loan& loan) {
  loan.segment->drop(kMe, loan.name);
}

TEST(ArrayStore, AnnouncesASegmentBeforeABlockOfItIsKnown) {
  World world;
  ArrayStore store(kSmall, world.calls());
  const auto loan = *store.allocate(Bytes{100});
  ASSERT_EQ(world.announced.size(), 1U);
  EXPECT_EQ(world.announced[0], loan.name.segment);
  EXPECT_TRUE(loan.fresh);
}

TEST(ArrayStore, UsesFreedBlocksAgainBeforeItMakesASegment) {
  World world;
  ArrayStore store(kSmall, world.calls());
  std::set<std::uint64_t> offsets;
  for (int i = 0; i < 50; ++i) {
    const auto loan = store.allocate(Bytes{300 << 10});
    ASSERT_TRUE(loan);
    offsets.insert(loan->extent.offset);
    drop(*loan);
  }
  EXPECT_EQ(world.announced.size(), 1U);
  EXPECT_EQ(offsets.size(), 3U);
  EXPECT_GT(store.collect(), 0U);
  EXPECT_EQ(store.used_blocks(), 0U);
}

TEST(ArrayStore, ALargeArrayGetsASegmentOfItsOwn) {
  World world;
  ArrayStore store(kSmall, world.calls());
  ASSERT_TRUE(store.allocate(Bytes{100}));
  const auto large = store.allocate(3_MiB);
  ASSERT_TRUE(large);
  EXPECT_EQ(world.announced.size(), 2U);
  EXPECT_EQ(large->segment->data_bytes(), 3_MiB);
}

TEST(ArrayStore, SegmentsGrowUpToTheUsualSize) {
  World world;
  ArrayStore store({.segment = 4_MiB, .first_segment = 1_MiB, .limit = 64_MiB, .blocks = 64},
                   world.calls());
  std::vector<ArrayStore::Loan> loans;
  for (int i = 0; i < 30; ++i) loans.push_back(*store.allocate(1_MiB));
  EXPECT_LE(world.announced.size(), 10U);
  for (const auto& segment : store.segments()) EXPECT_LE(segment->data_bytes(), 4_MiB);
}

TEST(ArrayStore, TheLimitIsAnErrorWithItsNumbers) {
  World world;
  ArrayStore store(kSmall, world.calls());
  const auto loan = *store.allocate(4_MiB);
  const auto more = store.allocate(5_MiB);
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().message, HasSubstr("5.0 MiB"));
  EXPECT_THAT(more.error().message, HasSubstr("let go of arrays"));
  EXPECT_LE(store.reserved(), 8_MiB);
  drop(loan);
}

TEST(ArrayStore, EmptySegmentsMakeRoomForALargerOne) {
  World world;
  ArrayStore store(kSmall, world.calls());
  const auto loan = *store.allocate(4_MiB);
  drop(loan);
  ASSERT_TRUE(store.allocate(6_MiB));
  EXPECT_EQ(world.retired, std::vector{loan.name.segment});
}

TEST(ArrayStore, TrimmingDropsWhatIsEmpty) {
  World world;
  ArrayStore store(kSmall, world.calls());
  const auto kept = *store.allocate(Bytes{100});
  const auto large = *store.allocate(3_MiB);
  drop(large);
  store.trim();
  EXPECT_EQ(world.retired, std::vector{large.name.segment});
  EXPECT_EQ(store.used_blocks(), 1U);
  drop(kept);
  store.trim();
  EXPECT_EQ(store.reserved(), Bytes{0});
}

TEST(ArrayStore, TheMemoryThatIsLeftIsALimitToo) {
  World world;
  StoreWorld calls = world.calls();
  calls.memory_left = [] { return 2_MiB; };
  ArrayStore store(kSmall, std::move(calls));
  EXPECT_FALSE(store.allocate(3_MiB));
  EXPECT_TRUE(store.allocate(1_MiB));
}

TEST(ArrayStore, WithoutAListenerThereIsNoArray) {
  World world;
  ArrayStore store(kSmall, world.calls());
  world.refuse = true;
  EXPECT_FALSE(store.allocate(Bytes{1}));
  EXPECT_EQ(store.reserved(), Bytes{0});
}

TEST(ArrayStore, IsUsedByManyThreads) {
  World world;
  ArrayStore store(kSmall, world.calls());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        const auto loan = store.allocate(Bytes{100 << 10});
        ASSERT_TRUE(loan) << loan.error().message;
        drop(*loan);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  store.collect();
  EXPECT_EQ(store.used_blocks(), 0U);
}

}  // namespace
}  // namespace headrace::array
