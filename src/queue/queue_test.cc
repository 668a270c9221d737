// The queue's rules, one participant at a time; what waits is in queue_waiting_test.cc, what dies
// in tests/crash_points.
#include "queue/queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

namespace headrace::queue {
namespace {

using Put = SharedQueue::Put;
using Get = SharedQueue::Get;
using shm::BlockName;
using shm::Participant;

constexpr Participant kMe = Participant::of(1, 1);
constexpr Participant kOther = Participant::of(2, 1);
constexpr Participant kKeeper = Participant::of(0, 1);

SharedQueue make(const QueueSettings& settings = {}) {
  return std::move(*SharedQueue::create(settings));
}

// The mapping of another process that scribbles.
struct Scribbler {
  explicit Scribbler(const SharedQueue& queue)
      : memory(*QueueMemory::attach(sys::Fd(::fcntl(queue.fd(), F_DUPFD_CLOEXEC, 3)))) {}
  QueueMemory memory;
};

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed + i * 7 + i / 251);
  return bytes;
}

Put put_text(SharedQueue& queue, std::string_view text, Participant who = kMe) {
  return queue.try_put(who, bytes_of(text));
}

// The next item's text, acknowledged; what became of the call if there is none.
std::string take_text(SharedQueue& queue, Participant who = kMe) {
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  if (queue.try_get(who, lease, payload) != Get::item) return "(none)";
  EXPECT_TRUE(queue.acknowledge(who, lease));
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

TEST(Queue, GivesItemsInTheOrderInWhichTheyWerePut) {
  SharedQueue queue = make();
  for (const char* text : {"one", "two", "", "three"}) EXPECT_EQ(put_text(queue, text), Put::done);
  EXPECT_EQ(queue.size(), 4U);
  for (const char* text : {"one", "two", "", "three"}) EXPECT_EQ(take_text(queue), text);
  EXPECT_EQ(take_text(queue), "(none)");
  EXPECT_EQ(queue.occupancy().free, queue.settings().records);
}

TEST(Queue, HoldsAsManyItemsAsItHasRecordsThroughManyRounds) {
  for (const std::uint32_t records : {1U, 3U, 64U, 700U}) {
    SharedQueue queue = make({.records = records, .pages = 0});
    for (int round = 0; round < 20; ++round) {
      for (std::uint32_t i = 0; i < records; ++i) {
        ASSERT_EQ(put_text(queue, std::to_string(i)), Put::done);
      }
      ASSERT_EQ(put_text(queue, "more"), Put::full);
      for (std::uint32_t i = 0; i < records; ++i) ASSERT_EQ(take_text(queue), std::to_string(i));
    }
  }
}

TEST(Queue, APayloadOfAnyLengthComesBackWhole) {
  SharedQueue queue = make({.records = 4, .inline_bytes = 100, .page_bytes = 64, .pages = 20});
  EXPECT_EQ(queue.longest_payload().value, 100U + 20 * 64);
  for (std::size_t size = 0; size <= queue.longest_payload().value; ++size) {
    const std::vector<std::byte> sent = pattern(size, static_cast<unsigned>(size));
    ASSERT_EQ(queue.try_put(kMe, sent), Put::done);
    SharedQueue::Lease lease;
    std::vector<std::byte> payload;
    ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
    ASSERT_EQ(payload, sent) << size;
    ASSERT_TRUE(queue.acknowledge(kMe, lease));
  }
  EXPECT_EQ(queue.occupancy().pages, 0U);
}

TEST(Queue, RefusesWhatItCanNeverTake) {
  SharedQueue queue = make({.records = 4, .pages = 2, .references = 1});
  const std::vector<std::byte> large(queue.longest_payload().value + 1);
  EXPECT_EQ(queue.try_put(kMe, large), Put::too_large);
  const std::vector<BlockName> names(2);
  EXPECT_EQ(queue.try_put(kMe, {}, names), Put::too_large);
  EXPECT_EQ(queue.occupancy().free, 4U);
}

TEST(Queue, IsFullByBytesBeforeItIsFullByCount) {
  SharedQueue queue = make({.records = 100, .inline_bytes = 0, .page_bytes = 64, .pages = 10});
  const std::vector<std::byte> four_pages(256);
  EXPECT_EQ(queue.try_put(kMe, four_pages), Put::done);
  EXPECT_EQ(queue.try_put(kMe, four_pages), Put::done);
  EXPECT_EQ(queue.bytes_in_use().value, 8U * 64);
  EXPECT_EQ(queue.try_put(kMe, four_pages), Put::full);
  EXPECT_EQ(put_text(queue, ""), Put::done) << "what needs no page still goes";
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
  EXPECT_EQ(queue.try_put(kMe, four_pages), Put::full) << "in use until it is acknowledged";
  ASSERT_TRUE(queue.acknowledge(kMe, lease));
  EXPECT_EQ(queue.try_put(kMe, four_pages), Put::done);
}

TEST(Queue, ABatchGoesInAsFarAsItFits) {
  SharedQueue queue = make({.records = 3});
  const std::vector<std::byte> payload = bytes_of("x");
  const std::vector<SharedQueue::Item> items(5, {.payload = payload});
  std::size_t count = 0;
  EXPECT_EQ(queue.try_put_many(kMe, items, count), Put::full);
  EXPECT_EQ(count, 3U);
  std::vector<SharedQueue::Taken> taken(5);
  EXPECT_EQ(queue.get_many(kMe, taken, count, {}), Get::item);
  EXPECT_EQ(count, 3U);
  std::vector<SharedQueue::Lease> leases;
  for (std::size_t i = 0; i < count; ++i) leases.push_back(taken[i].lease);
  EXPECT_EQ(queue.acknowledge(kMe, leases), 3U);
  EXPECT_EQ(queue.acknowledge(kMe, leases), 0U) << "a second time there is nothing to acknowledge";
}

TEST(Queue, OnlyItsHolderCanEndATryAndOnlyOnce) {
  SharedQueue queue = make();
  put_text(queue, "x");
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
  EXPECT_FALSE(queue.acknowledge(kOther, lease));
  EXPECT_FALSE(queue.give_back(kOther, lease));
  SharedQueue::Lease wild = lease;
  wild.record = 0xFFFFFFFF;
  EXPECT_FALSE(queue.acknowledge(kMe, wild));
  wild = lease;
  wild.attempts = 0;
  EXPECT_FALSE(queue.acknowledge(kMe, wild));
  EXPECT_TRUE(queue.acknowledge(kMe, lease));
  EXPECT_FALSE(queue.acknowledge(kMe, lease));
  EXPECT_FALSE(queue.give_back(kMe, lease));
}

TEST(Queue, WhatIsGivenBackComesAgainUntilItsAttemptsAreUsedUp) {
  SharedQueue queue = make({.records = 4, .attempts = 3});
  put_text(queue, "poison");
  put_text(queue, "good");
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
    if (attempt == 2) {  // it went to the end
      EXPECT_EQ(payload, bytes_of("good"));
      EXPECT_TRUE(queue.acknowledge(kMe, lease));
      ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
    }
    EXPECT_EQ(payload, bytes_of("poison"));
    EXPECT_EQ(lease.attempts, attempt);
    EXPECT_TRUE(queue.give_back(kMe, lease));
  }
  EXPECT_EQ(queue.try_get(kMe, lease, payload), Get::empty);
  EXPECT_EQ(queue.dead_letters(), 1U);
  std::uint32_t attempts = 0;
  ASSERT_TRUE(queue.collect_dead(kMe, payload, attempts));
  EXPECT_EQ(payload, bytes_of("poison"));
  EXPECT_EQ(attempts, 3U);
  EXPECT_FALSE(queue.collect_dead(kMe, payload, attempts));
  EXPECT_EQ(queue.occupancy().free, 4U);
}

TEST(Queue, ClosedItGivesWhatItHasAndThenEnds) {
  SharedQueue queue = make();
  put_text(queue, "last");
  queue.close();
  EXPECT_TRUE(queue.closed());
  EXPECT_EQ(put_text(queue, "late"), Put::closed);
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
  SharedQueue::Lease none;
  EXPECT_EQ(queue.try_get(kOther, none, payload), Get::empty) << "it may be given back";
  EXPECT_EQ(queue.try_get(kMe, none, payload), Get::ended) << "but only by oneself";
  EXPECT_TRUE(queue.give_back(kMe, lease));
  ASSERT_EQ(queue.try_get(kOther, lease, payload), Get::item);
  EXPECT_TRUE(queue.acknowledge(kOther, lease));
  EXPECT_EQ(queue.try_get(kMe, lease, payload), Get::ended);
}

TEST(Queue, AbortedItRefusesEverythingButTheEndOfALease) {
  SharedQueue queue = make();
  put_text(queue, "a");
  put_text(queue, "b");
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
  queue.abort();
  EXPECT_EQ(put_text(queue, "c"), Put::aborted);
  SharedQueue::Lease none;
  EXPECT_EQ(queue.try_get(kMe, none, payload), Get::aborted);
  EXPECT_TRUE(queue.acknowledge(kMe, lease));
  queue.close();
  EXPECT_EQ(put_text(queue, "c"), Put::aborted) << "closing does not bring it back";
}

TEST(Queue, MentionsABlockUntilTheItemIsGone) {
  SharedQueue queue = make({.records = 4, .attempts = 1});
  const std::vector<BlockName> names = {{.segment = 7, .block = 1, .generation = 2},
                                        {.segment = 7, .block = 5, .generation = 0xFFFFFFFF}};
  const std::uint64_t moves = queue.reference_moves();
  EXPECT_EQ(queue.try_put(kMe, {}, names), Put::done);
  EXPECT_NE(queue.reference_moves(), moves);
  EXPECT_TRUE(queue.mentions(names[0]));
  EXPECT_TRUE(queue.mentions(names[1]));
  EXPECT_FALSE(queue.mentions({.segment = 7, .block = 1, .generation = 3}));
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
  EXPECT_TRUE(queue.mentions(names[1])) << "while it is worked on";
  EXPECT_TRUE(queue.give_back(kMe, lease));
  EXPECT_TRUE(queue.mentions(names[1])) << "as a dead letter";
  std::uint32_t attempts = 0;
  ASSERT_TRUE(queue.collect_dead(kMe, payload, attempts));
  EXPECT_FALSE(queue.mentions(names[0]));
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(put_text(queue, "reuses its record"), i < 4 ? Put::done : Put::full);
  }
  EXPECT_FALSE(queue.mentions(names[0]));
}

TEST(Queue, AnotherProcessAttachesByDescriptor) {
  SharedQueue queue = make({.records = 2});
  Result<SharedQueue> other = SharedQueue::attach(sys::Fd(::fcntl(queue.fd(), F_DUPFD_CLOEXEC, 3)));
  ASSERT_TRUE(other);
  put_text(*other, "hello", kOther);
  EXPECT_EQ(take_text(queue), "hello");
}

TEST(Queue, RefusesSettingsThatMakeNoSense) {
  for (const QueueSettings& settings : std::vector<QueueSettings>{{.records = 0},
                                                                  {.records = 65536},
                                                                  {.inline_bytes = 1 << 30},
                                                                  {.page_bytes = 100},
                                                                  {.page_bytes = 0},
                                                                  {.pages = 1U << 30},
                                                                  {.attempts = 0},
                                                                  {.attempts = 256},
                                                                  {.references = 256}}) {
    EXPECT_FALSE(SharedQueue::create(settings));
  }
}

TEST(Queue, RefusesToAttachWhatIsNoQueueOfThisVersion) {
  const auto attach_after = [](const auto& scribble) {
    SharedQueue queue = make({.records = 2});
    scribble(Scribbler(queue).memory.header());
    return static_cast<bool>(SharedQueue::attach(sys::Fd(::fcntl(queue.fd(), F_DUPFD_CLOEXEC, 3))));
  };
  EXPECT_TRUE(attach_after([](QueueHeader&) {}));
  EXPECT_FALSE(attach_after([](QueueHeader& header) { ++header.magic; }));
  EXPECT_FALSE(attach_after([](QueueHeader& header) { ++header.version; }));
  EXPECT_FALSE(attach_after([](QueueHeader& header) { header.records = 60000; }));
  EXPECT_FALSE(attach_after([](QueueHeader& header) { header.pages = 1 << 24; }));
  EXPECT_FALSE(attach_after([](QueueHeader& header) { header.attempts = 0; }));
}

TEST(QueueRepair, GivesADeadConsumersItemsToOthersAndChargesThem) {
  SharedQueue queue = make({.records = 8, .attempts = 2});
  put_text(queue, "a");
  put_text(queue, "b");
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kOther, lease, payload), Get::item);
  RepairCounts counts = queue.repair(kOther, kKeeper);
  EXPECT_EQ(counts.requeued, 1U);
  EXPECT_EQ(take_text(queue), "b");
  ASSERT_EQ(queue.try_get(kOther, lease, payload), Get::item);
  EXPECT_EQ(lease.attempts, 2U);
  counts = queue.repair(kOther, kKeeper);
  EXPECT_EQ(counts.quarantined, 1U);
  EXPECT_FALSE(queue.acknowledge(kOther, lease)) << "the dead do not speak";
  EXPECT_EQ(queue.dead_letters(), 1U);
  counts = queue.repair(kOther, kKeeper);
  EXPECT_EQ(counts.requeued + counts.quarantined + counts.freed + counts.pushed, 0U);
}

TEST(QueueRepair, LeavesTheLivingAlone) {
  SharedQueue queue = make();
  put_text(queue, "a", kOther);
  put_text(queue, "b");
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
  queue.repair(kOther, kKeeper);
  queue.repair(Participant::of(kMe.place(), kMe.tenant() + 1), kKeeper);  // a later tenant
  EXPECT_TRUE(queue.acknowledge(kMe, lease));
  EXPECT_EQ(take_text(queue), "b");
}

TEST(QueueRepair, ForgetsSleepersThatAreNoMore) {
  SharedQueue queue = make();
  const QueueMemory memory = Scribbler(queue).memory;
  memory.header().not_empty.waiters.fetch_add(3);  // killed asleep
  const std::uint32_t sequence = memory.header().not_empty.sequence.load();
  queue.repair(kOther, kKeeper);
  EXPECT_EQ(memory.header().not_empty.waiters.load() & 0xFFFF, 0U);
  EXPECT_NE(memory.header().not_empty.sequence.load(), sequence) << "everybody looks again";
  put_text(queue, "x");
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  EXPECT_EQ(queue.get(kMe, lease, payload, {}), Get::item);
  EXPECT_EQ(queue.get(kMe, lease, payload, {}), Get::timed_out);
  EXPECT_EQ(memory.header().not_empty.waiters.load() & 0xFFFF, 0U) << "who leaves is counted off";
}

TEST(QueueNonsense, AnItemThatLiesAboutItsLengthOrPagesIsQuarantined) {
  for (int lie = 0; lie < 4; ++lie) {
    SharedQueue queue = make({.records = 1, .inline_bytes = 8, .page_bytes = 64, .pages = 4});
    const QueueMemory memory = Scribbler(queue).memory;
    ASSERT_EQ(queue.try_put(kMe, pattern(100, 1)), Put::done);
    RecordFormat& record = memory.record(0);
    if (lie == 0) record.length.store(~0ULL);
    if (lie == 1) record.length.store(8 + 4 * 64);  // longer than its chain
    if (lie == 2) record.first_page = 0xFFFFFFFF;
    if (lie == 3) memory.page_entry(record.first_page - 1).next = 0x7FFFFFFF;
    SharedQueue::Lease lease;
    std::vector<std::byte> payload;
    EXPECT_EQ(queue.try_get(kMe, lease, payload), Get::corrupt) << lie;
    std::uint32_t attempts = 0;
    EXPECT_TRUE(queue.collect_dead(kMe, payload, attempts)) << lie;
    EXPECT_TRUE(payload.empty());
    EXPECT_EQ(put_text(queue, "x"), Put::done);
  }
}

TEST(QueueNonsense, ARingOfNonsenseIsReportedAndNeverWaitedFor) {
  const auto both_after = [](const auto& scribble) {
    SharedQueue queue = make({.records = 4});
    put_text(queue, "x");
    scribble(Scribbler(queue).memory);
    SharedQueue::Lease lease;
    std::vector<std::byte> payload;
    const Get got = queue.try_get(kMe, lease, payload);
    return std::pair(got, put_text(queue, "y"));
  };
  EXPECT_EQ(both_after([](const QueueMemory& m) { m.header().head.store(1ULL << 20); }).first,
            Get::corrupt);
  EXPECT_EQ(both_after([](const QueueMemory& m) { m.header().tail.store(1ULL << 30); }).second,
            Put::corrupt);
  EXPECT_EQ(both_after([](const QueueMemory& m) { m.slot(0).fetch_or(0xFFFF); }).first,
            Get::corrupt)
      << "an index beyond the records";
  EXPECT_EQ(both_after([](const QueueMemory& m) {
              for (std::uint64_t i = 0; i < m.ring_slots(); ++i) m.slot(i).store(~0ULL);
            }).first,
            Get::corrupt);
}

// Whatever stands in the memory, no call reads outside of it or goes on for ever. Deterministic: a
// fixed sequence of numbers.
TEST(QueueNonsense, ScribblingEverywhereNeverHangsOrCrashesACaller) {
  std::uint64_t state = 12345;
  const auto random = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state >> 16;
  };
  for (int round = 0; round < 60; ++round) {
    SharedQueue queue =
        make({.records = 8, .inline_bytes = 40, .page_bytes = 64, .pages = 6, .references = 2});
    const QueueMemory memory = Scribbler(queue).memory;
    for (int i = 0; i < 4; ++i) (void)queue.try_put(kMe, pattern(60, 1));
    auto* words = reinterpret_cast<std::uint64_t*>(&memory.header());
    const std::uint64_t count = queue.settings().total().value / 8;
    for (int i = 0; i < 200; ++i) {
      // The header and records more often than the rest.
      const std::uint64_t limit = i % 2 == 0 ? 64 + 8 * 16 : count;
      words[random() % limit] = round % 2 == 0 ? random() << 32 | random() : random() % 70;
      SharedQueue::Lease lease;
      std::vector<std::byte> payload;
      std::uint32_t attempts = 0;
      if (i % 20 == 0) {
        (void)queue.try_put(kMe, pattern(random() % 300, 1));
        if (queue.try_get(kMe, lease, payload) == Get::item) (void)queue.give_back(kMe, lease);
        (void)queue.collect_dead(kMe, payload, attempts);
        (void)queue.repair(kMe, kKeeper);
        (void)queue.mentions({.segment = 1, .block = 1, .generation = 1});
      }
    }
  }
}

}  // namespace
}  // namespace headrace::queue
