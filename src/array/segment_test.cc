#include "array/segment.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "array/own_segment.h"

namespace headrace::array {
namespace {

using shm::BlockName;
using shm::Participant;

constexpr Participant kMe = Participant::of(3, 1);
constexpr Participant kPeer = Participant::of(70, 1);
constexpr Participant kThird = Participant::of(255, 9);

bool nowhere(const BlockName&) {
  return false;
}

sys::Fd again(int fd) {
  return sys::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

struct Fixture {
  OwnSegment own = std::move(*OwnSegment::create(kMe, 1_MiB, 64));
  std::shared_ptr<Segment> segment = own.segment();
  std::shared_ptr<Segment> peer = *Segment::attach(again(segment->fd()));

  BlockName make(std::uint64_t bytes = 1000) { return own.allocate(bytes)->name; }
  std::size_t collect() { return own.collect(nowhere); }
  // What another process could scribble.
  std::span<std::byte> raw() {
    if (!scribble) {
      scribble = std::move(
          *sys::Mapping::of(segment->fd(), Bytes{0}, Bytes{kDataAlignment}, sys::Access::write));
    }
    return scribble.bytes();
  }
  sys::Mapping scribble;
};

TEST(Segment, AnotherProcessFindsABlockByItsName) {
  Fixture f;
  const BlockName name = f.make(1000);
  const Extent extent = *f.peer->find(name);
  EXPECT_EQ(extent.bytes, 1000U);
  std::byte* ours = *f.segment->data(sys::Access::write) + extent.offset;
  const std::byte* theirs = *f.peer->data(sys::Access::read) + extent.offset;
  ours[999] = std::byte{42};
  EXPECT_EQ(theirs[999], std::byte{42});
  EXPECT_NE(ours, theirs);
  EXPECT_EQ(f.peer->id(), f.segment->id());
  EXPECT_EQ(f.peer->creator(), kMe);
}

TEST(Segment, BlocksAreAlignedAndDisjoint) {
  Fixture f;
  const auto a = *f.own.allocate(1);
  const auto b = *f.own.allocate(5000);
  const auto c = *f.own.allocate(0);
  EXPECT_EQ(a.offset % 64, 0U);
  EXPECT_EQ(b.offset % 4096, 0U);
  EXPECT_GE(c.offset, a.offset + 64);
  EXPECT_FALSE(f.own.allocate(2 << 20));
}

TEST(Segment, ABlockIsFreedWhenTheLastHolderLetsGo) {
  Fixture f;
  const BlockName name = f.make();
  ASSERT_TRUE(f.peer->hold(kPeer, name));
  f.segment->drop(kMe, name);
  EXPECT_EQ(f.collect(), 0U);
  f.peer->drop(kPeer, name);
  EXPECT_EQ(f.collect(), 1U);
  EXPECT_FALSE(f.peer->find(name));
  EXPECT_FALSE(f.peer->hold(kPeer, name));
  EXPECT_EQ(f.own.free_bytes(), f.segment->data_bytes().value);
}

TEST(Segment, ANameOfAnEarlierUseIsRefusedAndChangesNothing) {
  Fixture f;
  const BlockName old = f.make();
  f.segment->drop(kMe, old);
  ASSERT_EQ(f.collect(), 1U);
  const BlockName now = f.make();
  ASSERT_EQ(now.block, old.block);
  EXPECT_NE(now.generation, old.generation);
  ASSERT_TRUE(f.peer->hold(kPeer, now));
  EXPECT_FALSE(f.peer->hold(kPeer, old));
  f.peer->drop(kPeer, old);
  f.segment->drop(kMe, now);
  EXPECT_EQ(f.collect(), 0U) << "the peer still holds the new one";
}

TEST(Segment, TheSamePagesAreUsedAgain) {
  Fixture f;
  const auto first = *f.own.allocate(900 << 10);
  EXPECT_TRUE(first.fresh);
  f.segment->drop(kMe, first.name);
  ASSERT_EQ(f.collect(), 1U);
  const auto second = *f.own.allocate(900 << 10);
  EXPECT_EQ(second.offset, first.offset);
  EXPECT_FALSE(second.fresh);
}

TEST(Segment, WhatARecordMentionsIsKept) {
  Fixture f;
  const BlockName name = f.make();
  f.segment->drop(kMe, name);
  EXPECT_EQ(f.own.collect([&](const BlockName& asked) { return asked == name; }), 0U);
  EXPECT_EQ(f.collect(), 1U);
}

TEST(Segment, AReferenceThatMovesWhileWeLookIsNotOverlooked) {
  Fixture f;
  const BlockName name = f.make();
  f.segment->drop(kMe, name);
  // Seen by nobody's bit; then, before the records are looked at, it moves from one to a process.
  const auto taken_meanwhile = [&](const BlockName&) {
    EXPECT_TRUE(f.peer->hold(kPeer, name));
    return false;
  };
  EXPECT_EQ(f.own.collect(taken_meanwhile), 0U);
  // And from one record to another, which was already passed.
  f.peer->drop(kPeer, name);
  const auto moved_meanwhile = [&](const BlockName&) {
    f.peer->touch(name);
    return false;
  };
  EXPECT_EQ(f.own.collect(moved_meanwhile), 0U);
  EXPECT_EQ(f.collect(), 1U);
}

TEST(Segment, EveryPlaceOfAParticipantHasItsBit) {
  Fixture f;
  const BlockName name = f.make();
  f.segment->drop(kMe, name);
  for (std::uint32_t place = 0; place < shm::kMaxParticipants; ++place) {
    ASSERT_TRUE(f.peer->hold(Participant::of(place, 1), name));
  }
  for (std::uint32_t place = 0; place < shm::kMaxParticipants; ++place) {
    ASSERT_EQ(f.collect(), 0U);
    f.peer->drop(Participant::of(place, 1), name);
  }
  EXPECT_EQ(f.collect(), 1U);
}

TEST(Segment, ForgettingEndsWhatTheDeadHeldAndNothingElse) {
  Fixture f;
  const BlockName a = f.make();
  const BlockName b = f.make();
  for (const BlockName& name : {a, b}) {
    ASSERT_TRUE(f.peer->hold(kPeer, name));
    f.segment->drop(kMe, name);
  }
  ASSERT_TRUE(f.peer->hold(kThird, b));
  f.peer->writer(a.block).store(kPeer.word);
  f.peer->writer(b.block).store(kThird.word);
  f.segment->forget(kPeer);
  EXPECT_EQ(f.segment->writer(a.block).load(), kInTransit);
  EXPECT_EQ(f.segment->writer(b.block).load(), kThird.word);
  EXPECT_EQ(f.collect(), 1U);
  EXPECT_TRUE(f.segment->find(b));
}

TEST(Segment, AnAdoptedSegmentIsEmptyWhenNothingRefersToIt) {
  auto own = std::make_unique<OwnSegment>(std::move(*OwnSegment::create(kMe, 1_MiB, 64)));
  const std::shared_ptr<Segment> keeper = *Segment::attach(again(own->segment()->fd()));
  EXPECT_TRUE(keeper->empty(nowhere));
  const BlockName name = own->allocate(100)->name;
  const BlockName mentioned = own->allocate(100)->name;
  own->segment()->drop(kMe, mentioned);
  ASSERT_TRUE(keeper->hold(kPeer, name));
  own.reset();  // the creator died
  keeper->forget(kMe);
  EXPECT_FALSE(keeper->empty(nowhere));
  keeper->drop(kPeer, name);
  EXPECT_FALSE(keeper->empty([&](const BlockName& asked) { return asked == mentioned; }));
  EXPECT_TRUE(keeper->empty(nowhere));
}

TEST(Segment, RefusesWhatIsNoSegment) {
  const sys::Fd zeros = std::move(*sys::sealed_memory("test", 1_MiB));
  EXPECT_FALSE(Segment::attach(again(zeros.get())));
  const sys::Fd small = std::move(*sys::sealed_memory("test", Bytes{100}));
  EXPECT_FALSE(Segment::attach(again(small.get())));
  const sys::Fd unsealed(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_FALSE(Segment::attach(again(unsealed.get())));
}

TEST(Segment, RefusesAHeaderThatDoesNotFitItsSize) {
  const auto damaged = [](auto change) {
    Fixture f;
    auto& format = *reinterpret_cast<SegmentFormat*>(f.raw().data());
    change(format);
    return !Segment::attach(again(f.segment->fd()));
  };
  EXPECT_FALSE(damaged([](SegmentFormat&) {}));
  EXPECT_TRUE(damaged([](SegmentFormat& s) { ++s.version; }));
  EXPECT_TRUE(damaged([](SegmentFormat& s) { s.blocks = 0; }));
  EXPECT_TRUE(damaged([](SegmentFormat& s) { s.blocks = 0xFFFFFFFF; }));
  EXPECT_TRUE(damaged([](SegmentFormat& s) { s.data_bytes += 1; }));
  EXPECT_TRUE(damaged([](SegmentFormat& s) { s.data_offset = ~std::uint64_t{0}; }));
  EXPECT_TRUE(damaged([](SegmentFormat& s) { s.id = 0; }));
}

TEST(Segment, NonsenseInTheTableNeverLeadsOutsideTheData) {
  Fixture f;
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    auto bytes = f.raw().subspan(kTableOffset, 64 * sizeof(BlockEntry));
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      std::uint64_t value = random();
      if (random() % 3 == 0) value %= 4;
      if (random() % 3 == 0) value = value % 64 * 65536;
      std::memcpy(bytes.data() + at, &value, 8);
    }
    for (std::uint32_t block = 0; block < 70; ++block) {
      for (std::uint32_t generation = 0; generation < 4; ++generation) {
        const BlockName name{.segment = f.peer->id(), .block = block, .generation = generation};
        static_cast<void>(!f.peer->hold(kPeer, name));
        if (const auto extent = f.peer->find(name)) {
          ASSERT_LE(extent->offset, f.peer->data_bytes().value);
          ASSERT_LE(extent->bytes, f.peer->data_bytes().value - extent->offset);
        }
        f.peer->drop(kPeer, name);
      }
    }
    f.peer->forget(kPeer);
    f.collect();
    static_cast<void>(f.peer->empty(nowhere));
  }
}

TEST(Segment, TheCreatorBelievesItsOwnMemoryAlone) {
  Fixture f;
  const auto a = *f.own.allocate(4096);
  auto& entry = *reinterpret_cast<BlockEntry*>(f.raw().data() + kTableOffset +
                                               a.name.block * sizeof(BlockEntry));
  entry.offset = 0;
  entry.bytes = 1 << 30;
  entry.state = kFree;  // a peer says that it is free
  const auto b = *f.own.allocate(4096);
  EXPECT_NE(a.offset, b.offset);
  EXPECT_NE(a.name.block, b.name.block);
  f.segment->drop(kMe, a.name);
}

TEST(Segment, AHolderThatIsKilledIsForgottenAfterwards) {
  Fixture f;
  const BlockName name = f.make();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool held = static_cast<bool>(f.peer->hold(kPeer, name));
    ::raise(held ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WTERMSIG(status), SIGKILL);
  f.segment->drop(kMe, name);
  EXPECT_EQ(f.collect(), 0U);
  f.segment->forget(kPeer);
  EXPECT_EQ(f.collect(), 1U);
}

TEST(Segment, AMappingForReadingCannotBeMadeWritable) {
  Fixture f;
  std::byte* data = *f.peer->data(sys::Access::read);
  EXPECT_NE(::mprotect(data, 4096, PROT_READ | PROT_WRITE), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGSEGV, SIG_DFL);
    *const_cast<volatile std::byte*>(data) = std::byte{1};
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

// Threads stand for processes: each takes the blocks out of a record, as its own, and puts them
// back, in the order that the format asks for; the creator collects all the time.
TEST(Segment, NothingIsCollectedWhileItWanders) {
  Fixture f;
  constexpr std::uint32_t kBlocks = 4;
  std::vector<BlockName> names;
  for (std::uint32_t i = 0; i < kBlocks; ++i) names.push_back(f.make());
  std::array<std::atomic<int>, kBlocks> records{};  // how many records mention the block
  for (std::uint32_t i = 0; i < kBlocks; ++i) {
    records[i] = 1;
    f.segment->drop(kMe, names[i]);
  }
  const auto mentions = [&](const BlockName& name) { return records[name.block].load() > 0; };
  std::array<std::mutex, kBlocks> lease;  // a record is leased by one at a time
  std::atomic<int> running = 3;
  std::vector<std::thread> peers;
  for (std::uint32_t p = 0; p < 3; ++p) {
    peers.emplace_back([&, p] {
      const Participant me = Participant::of(100 + p, 1);
      for (int i = 0; i < 20000; ++i) {
        const std::uint32_t b = (static_cast<std::uint32_t>(i) + p) % kBlocks;
        const std::lock_guard lock(lease[names[b].block]);
        if (!f.peer->hold(me, names[b])) {
          ADD_FAILURE() << "freed under a record";
          break;
        }
        records[names[b].block].fetch_sub(1);  // acknowledged
        records[names[b].block].fetch_add(1);  // put again
        f.peer->drop(me, names[b]);
      }
      --running;
    });
  }
  std::size_t freed = 0;
  while (running > 0) freed += f.own.collect(mentions);
  for (std::thread& peer : peers) peer.join();
  EXPECT_EQ(freed, 0U);
  EXPECT_EQ(f.collect(), kBlocks);
}

}  // namespace
}  // namespace headrace::array
