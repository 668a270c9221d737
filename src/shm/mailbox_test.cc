#include "shm/mailbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <thread>

namespace headrace::shm {
namespace {

using namespace std::chrono_literals;
using Taken = SupervisorEnd::Taken;

struct Ends {
  SupervisorEnd supervisor;
  WorkerEnd worker;
};

Ends make_ends() {
  Result<SupervisorEnd> supervisor = SupervisorEnd::create();
  Result<WorkerEnd> worker =
      WorkerEnd::attach(sys::Fd(::fcntl(supervisor->fd(), F_DUPFD_CLOEXEC, 3)));
  return {std::move(*supervisor), std::move(*worker)};
}

// Another process that scribbles into the mailbox.
MailboxFormat& scribble(const SupervisorEnd& end, sys::SharedMemory& keep) {
  keep = std::move(*sys::SharedMemory::attach(sys::Fd(::fcntl(end.fd(), F_DUPFD_CLOEXEC, 3)),
                                              Bytes{sizeof(MailboxFormat)}));
  return *reinterpret_cast<MailboxFormat*>(keep.bytes().data());
}

TEST(Mailbox, TokensComeBackInTheOrderInWhichTheyWereSent) {
  Ends ends = make_ends();
  for (Token token = 100; token < 110; ++token) ends.supervisor.send(token);
  ASSERT_EQ(ends.worker.waiting(), 10U);
  EXPECT_EQ(ends.supervisor.take(100), Taken::nothing);
  for (std::uint32_t i = 0; i < 10; ++i) ends.worker.finish(ends.worker.peek(i));
  ends.worker.end(10);
  EXPECT_EQ(ends.worker.waiting(), 0U);
  for (Token token = 100; token < 110; ++token)
    EXPECT_EQ(ends.supervisor.take(token), Taken::token);
  EXPECT_EQ(ends.supervisor.take(110), Taken::nothing);
}

TEST(Mailbox, GoesRoundItsRingsManyTimesFullEachTime) {
  Ends ends = make_ends();
  Token next = 0;
  for (int round = 0; round < 5; ++round) {
    for (std::uint32_t i = 0; i < kRingCapacity; ++i) ends.supervisor.send(next + i);
    for (std::uint32_t i = 0; i < kRingCapacity; ++i) {
      ends.worker.finish(ends.worker.peek(0));
      ends.worker.end(1);
    }
    for (std::uint32_t i = 0; i < kRingCapacity; ++i) {
      ASSERT_EQ(ends.supervisor.take(next + i), Taken::token);
    }
    next += kRingCapacity - 1;  // so that places and tokens shift against each other
  }
}

TEST(Mailbox, SaysWhatTheWorkerIsDoing) {
  Ends ends = make_ends();
  ends.supervisor.send(1);
  ends.worker.begin({Doing::prepare, ends.worker.position(), 1});
  EXPECT_EQ(ends.supervisor.doing().phase, Doing::prepare);
  EXPECT_EQ(ends.supervisor.doing().position, ends.supervisor.oldest_position());
  EXPECT_EQ(ends.supervisor.doing().count, 1U);
  ends.worker.finish(1);
  ends.worker.end(1);
  EXPECT_EQ(ends.supervisor.doing().phase, Doing::idle);
}

TEST(Mailbox, DoingSurvivesItsWordAndRefusesPhasesThatDoNotExist) {
  const Doing doing{Doing::run, 0xFFFFFFF0, 0x123456};
  const Doing back = Doing::from(doing.word());
  EXPECT_EQ(back.phase, Doing::run);
  EXPECT_EQ(back.position, 0xFFFFFFF0U);
  EXPECT_EQ(back.count, 0x123456U);
  EXPECT_EQ(Doing::from(~0ULL).phase, Doing::idle);
}

TEST(Mailbox, AResultThatWasNeverSentIsABreach) {
  Ends ends = make_ends();
  ends.supervisor.send(7);
  ends.worker.finish(7);
  ends.worker.finish(8);
  EXPECT_EQ(ends.supervisor.take(7), Taken::breach) << "two results for one token";
}

TEST(Mailbox, AResultOutOfOrderIsABreach) {
  Ends ends = make_ends();
  ends.supervisor.send(7);
  ends.supervisor.send(8);
  ends.worker.finish(8);
  EXPECT_EQ(ends.supervisor.take(7), Taken::breach);
}

TEST(Mailbox, AHeadThatRunsBackwardsIsABreach) {
  Ends ends = make_ends();
  sys::SharedMemory memory;
  MailboxFormat& format = scribble(ends.supervisor, memory);
  for (const std::uint32_t nonsense : {0xFFFFFFFFU, 0x80000000U, 2U, kRingCapacity + 1}) {
    ends.supervisor = std::move(*SupervisorEnd::create());
    MailboxFormat& fresh = scribble(ends.supervisor, memory);
    ends.supervisor.send(1);
    fresh.out_head.store(nonsense);
    EXPECT_EQ(ends.supervisor.take(1), Taken::breach) << nonsense;
  }
  (void)format;
}

TEST(Mailbox, RefusesAMailboxOfAnotherLayout) {
  Result<SupervisorEnd> supervisor = SupervisorEnd::create();
  sys::SharedMemory memory;
  scribble(*supervisor, memory).version = kMailboxVersion + 1;
  const auto worker = WorkerEnd::attach(sys::Fd(::fcntl(supervisor->fd(), F_DUPFD_CLOEXEC, 3)));
  ASSERT_FALSE(worker);
  EXPECT_NE(worker.error().message.find("another version"), std::string::npos);
}

// The threads stand for two processes over the same code, for the thread sanitizer to look at.
TEST(Mailbox, ASleepingWorkerNeverMissesAWake) {
  Ends ends = make_ends();
  constexpr Token kItems = 20'000;
  std::jthread worker([&] {
    for (Token done = 0; done < kItems;) {
      if (ends.worker.waiting() == 0) {
        ends.worker.sleep_until(std::chrono::steady_clock::now() + 60s);
        continue;
      }
      ends.worker.finish(ends.worker.peek(0));
      ends.worker.end(1);
      ++done;
    }
  });
  for (Token token = 0; token < kItems; ++token) {
    ends.supervisor.send(token);
    ends.supervisor.wake();
    // One in flight at a time, so that the worker goes to sleep over and over.
    while (ends.supervisor.take(token) == Taken::nothing) std::this_thread::yield();
  }
}

TEST(Mailbox, ASleepingWorkerHearsThatItShallLeave) {
  Ends ends = make_ends();
  std::jthread worker([&] {
    while (!ends.worker.told_to_leave()) {
      ends.worker.sleep_until(std::chrono::steady_clock::now() + 60s);
    }
  });
  ends.supervisor.ask_to_leave();
}

}  // namespace
}  // namespace headrace::shm
