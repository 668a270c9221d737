// What waits in a queue, and what wakes it. Threads stand for processes, over the same code and
// memory, for the thread sanitizer to look at; each is a participant of its own.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "queue/queue.h"

namespace headrace::queue {
namespace {

using Put = SharedQueue::Put;
using Get = SharedQueue::Get;
using shm::Participant;

constexpr auto kForever = SharedQueue::kForever;
constexpr auto kNow = SharedQueue::Clock::time_point{};  // long ago
constexpr Participant kMe = Participant::of(1, 1);
constexpr Participant kOther = Participant::of(2, 1);
constexpr Participant kKeeper = Participant::of(0, 1);

SharedQueue make(const QueueSettings& settings) {
  return std::move(*SharedQueue::create(settings));
}

std::span<const std::byte> bytes_of(const std::uint64_t& number) {
  return std::as_bytes(std::span(&number, 1));
}

std::uint64_t number_in(const std::vector<std::byte>& payload) {
  std::uint64_t number = 0;
  if (payload.size() >= sizeof(number)) std::memcpy(&number, payload.data(), sizeof(number));
  return number;
}

// Takes and acknowledges until the queue has ended; the sum of what it took.
std::uint64_t take_all(SharedQueue& queue, Participant who) {
  std::uint64_t sum = 0;
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  while (queue.get(who, lease, payload, kForever) == Get::item) {
    sum += number_in(payload);
    EXPECT_TRUE(queue.acknowledge(who, lease));
  }
  return sum;
}

TEST(QueueWaiting, ADeadlineInThePastOnlyLooks) {
  SharedQueue queue = make({.records = 1});
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  EXPECT_EQ(queue.get(kMe, lease, payload, kNow), Get::timed_out);
  EXPECT_EQ(queue.put(kMe, bytes_of(1), {}, kNow), Put::done);
  EXPECT_EQ(queue.put(kMe, bytes_of(2), {}, kNow), Put::timed_out);
  EXPECT_EQ(queue.get(kMe, lease, payload, kNow), Get::item);
}

TEST(QueueWaiting, ADeadlineEndsASleep) {
  SharedQueue queue = make({.records = 1});
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  const auto deadline = SharedQueue::Clock::now() + std::chrono::milliseconds(5);
  EXPECT_EQ(queue.get(kMe, lease, payload, deadline), Get::timed_out);
  EXPECT_GE(SharedQueue::Clock::now(), deadline);
}

TEST(QueueWaiting, AConsumerAndAProducerTakeTurnsAsleep) {
  SharedQueue queue = make({.records = 1, .pages = 0});  // so that each waits for the other
  constexpr std::uint64_t kItems = 5'000;
  std::jthread producer([&] {
    for (std::uint64_t i = 1; i <= kItems; ++i) {
      ASSERT_EQ(queue.put(kOther, bytes_of(i), {}, kForever), Put::done);
    }
    queue.close();
  });
  EXPECT_EQ(take_all(queue, kMe), kItems * (kItems + 1) / 2);
}

TEST(QueueWaiting, ABatchLargerThanTheQueueGoesThroughIt) {
  SharedQueue queue = make({.records = 7, .inline_bytes = 4, .page_bytes = 64, .pages = 5});
  std::jthread producer([&] {
    std::vector<std::uint64_t> numbers(3'000);
    std::vector<SharedQueue::Item> items;
    for (std::uint64_t& number : numbers) {
      number = 3;
      items.push_back({.payload = bytes_of(number)});
    }
    std::size_t count = 0;
    EXPECT_EQ(queue.put_many(kOther, items, count, kForever), Put::done);
    EXPECT_EQ(count, items.size());
    queue.close();
  });
  EXPECT_EQ(take_all(queue, kMe), 9'000U);
}

// Some need pages and some do not: a wake that reaches one whose wish is not yet fulfilled must not
// be lost for the others.
TEST(QueueWaiting, ProducersOfLargeAndSmallItemsDoNotStarveEachOther) {
  SharedQueue queue = make({.records = 3, .inline_bytes = 8, .page_bytes = 64, .pages = 3});
  constexpr int kEach = 300;
  {
    std::vector<std::jthread> producers;
    for (std::uint32_t p = 0; p < 4; ++p) {
      producers.emplace_back([&queue, p] {
        const std::vector<std::byte> payload(p % 2 == 0 ? 8 : 64 * (1 + p));
        for (int i = 0; i < kEach; ++i) {
          ASSERT_EQ(queue.put(Participant::of(10 + p, 1),
                              std::span(payload).first(p == 3 ? 190 : 8), {}, kForever),
                    Put::done);
        }
      });
    }
    SharedQueue::Lease lease;
    std::vector<std::byte> payload;
    for (int i = 0; i < 4 * kEach; ++i) {
      ASSERT_EQ(queue.get(kMe, lease, payload, kForever), Get::item);
      ASSERT_TRUE(queue.acknowledge(kMe, lease));
    }
  }
  EXPECT_EQ(queue.occupancy().pages, 0U);
}

TEST(QueueWaiting, CloseEndsWhoeverWaits) {
  SharedQueue full = make({.records = 1});
  SharedQueue empty = make({.records = 1});
  ASSERT_EQ(full.try_put(kMe, {}), Put::done);
  std::vector<std::jthread> waiters;
  for (std::uint32_t i = 0; i < 4; ++i) {
    waiters.emplace_back([&full, i] {
      EXPECT_EQ(full.put(Participant::of(10 + i, 1), {}, {}, kForever), Put::closed);
    });
    waiters.emplace_back([&empty, i] {
      SharedQueue::Lease lease;
      std::vector<std::byte> payload;
      EXPECT_EQ(empty.get(Participant::of(20 + i, 1), lease, payload, kForever), Get::ended);
    });
  }
  full.close();
  empty.close();
}

TEST(QueueWaiting, AbortEndsWhoeverWaits) {
  SharedQueue queue = make({.records = 1});
  std::jthread waiter([&queue] {
    SharedQueue::Lease lease;
    std::vector<std::byte> payload;
    EXPECT_EQ(queue.get(kOther, lease, payload, kForever), Get::aborted);
  });
  queue.abort();
}

TEST(QueueWaiting, AClosedQueueEndsWhenTheLastItemIsAcknowledgedElsewhere) {
  SharedQueue queue = make({.records = 2});
  ASSERT_EQ(queue.try_put(kMe, {}), Put::done);
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
  queue.close();
  std::jthread waiter([&queue] { EXPECT_EQ(take_all(queue, kOther), 0U); });
  EXPECT_TRUE(queue.acknowledge(kMe, lease));
}

TEST(QueueWaiting, ARepairWakesWhoeverCanGoOn) {
  SharedQueue queue = make({.records = 1});
  ASSERT_EQ(queue.try_put(kMe, bytes_of(5)), Put::done);
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  ASSERT_EQ(queue.try_get(kMe, lease, payload), Get::item);
  queue.close();
  std::jthread waiter([&queue] { EXPECT_EQ(take_all(queue, kOther), 5U); });
  EXPECT_EQ(queue.repair(kMe, kKeeper).requeued, 1U);
}

// The same place is given to one tenant after the other; each leaves an item half done.
TEST(QueueWaiting, APlaceIsUsedAgainByLaterTenants) {
  SharedQueue queue = make({.records = 4, .attempts = 255});
  ASSERT_EQ(queue.try_put(kMe, bytes_of(1)), Put::done);
  SharedQueue::Lease lease;
  std::vector<std::byte> payload;
  for (std::uint32_t tenant = 1; tenant <= 200; ++tenant) {
    const Participant who = Participant::of(9, tenant);
    ASSERT_EQ(queue.get(who, lease, payload, kNow), Get::item);
    ASSERT_EQ(lease.attempts, tenant);
    ASSERT_EQ(queue.repair(Participant::of(9, tenant + 1), kKeeper).requeued, 0U);
    ASSERT_EQ(queue.repair(who, kKeeper).requeued, 1U);
  }
}

TEST(QueueWaiting, EveryPlaceWorksOnOneQueueAtOnce) {
  SharedQueue queue = make({.records = 50, .inline_bytes = 16, .page_bytes = 64, .pages = 40});
  constexpr std::uint32_t kProducers = 128;
  constexpr std::uint64_t kEach = 40;
  std::atomic<std::uint64_t> sum{0};
  std::atomic<std::uint32_t> left{kProducers};
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t p = 0; p < shm::kMaxParticipants; ++p) {
      const Participant who = Participant::of(p, 1);
      if (p % 2 == 0) {
        threads.emplace_back([&queue, &left, who] {
          std::array<std::uint64_t, 8> long_item{};
          for (std::uint64_t i = 1; i <= kEach; ++i) {
            long_item[0] = i;
            const auto bytes = std::as_bytes(std::span(long_item));
            ASSERT_EQ(queue.put(who, bytes.first(i % 3 == 0 ? 64 : 8), {}, kForever), Put::done);
          }
          if (--left == 0) queue.close();
        });
      } else {
        threads.emplace_back([&queue, &sum, who] { sum += take_all(queue, who); });
      }
    }
  }
  EXPECT_EQ(sum.load(), kProducers * kEach * (kEach + 1) / 2);
  EXPECT_EQ(queue.occupancy().free, 50U);
}

// A keeper that repairs while others work must disturb nobody who lives.
TEST(QueueWaiting, RepairsGoOnBesideTheWork) {
  SharedQueue queue = make({.records = 16, .pages = 0});
  constexpr std::uint64_t kItems = 3'000;
  std::atomic<bool> done{false};
  std::jthread keeper([&] {
    while (!done) queue.repair(Participant::of(200, 7), kKeeper);
  });
  std::jthread producer([&] {
    for (std::uint64_t i = 1; i <= kItems; ++i) {
      ASSERT_EQ(queue.put(kOther, bytes_of(i), {}, kForever), Put::done);
    }
    queue.close();
  });
  EXPECT_EQ(take_all(queue, kMe), kItems * (kItems + 1) / 2);
  done = true;
}

}  // namespace
}  // namespace headrace::queue
