#include "supervisor/blame.h"

#include <gtest/gtest.h>

namespace headrace::supervisor {
namespace {

using shm::Doing;

void expect_charged(const Blame& blame, std::uint32_t offset) {
  EXPECT_TRUE(blame.any_charged);
  EXPECT_EQ(blame.charged, offset);
  EXPECT_EQ(blame.suspects_begin, blame.suspects_end);
}

void expect_nobody(const Blame& blame) {
  EXPECT_FALSE(blame.any_charged);
  EXPECT_EQ(blame.suspects_begin, blame.suspects_end);
}

void expect_suspects(const Blame& blame, std::uint32_t begin, std::uint32_t end) {
  EXPECT_FALSE(blame.any_charged);
  EXPECT_EQ(blame.suspects_begin, begin);
  EXPECT_EQ(blame.suspects_end, end);
}

TEST(Blame, NobodyWhenTheWorkerWasBetweenItems) {
  expect_nobody(apportion({Doing::idle, 10, 0}, 10, 5));
}

TEST(Blame, NobodyWhenNothingWasInFlight) {
  expect_nobody(apportion({Doing::run, 10, 1}, 10, 0));
}

TEST(Blame, TheOneItemThatWasBeingPrepared) {
  expect_charged(apportion({Doing::prepare, 10, 1}, 10, 5), 0);
  expect_charged(apportion({Doing::prepare, 12, 1}, 10, 5), 2);
}

TEST(Blame, TheOneItemThatRanAlone) {
  expect_charged(apportion({Doing::run, 10, 1}, 10, 3), 0);
}

TEST(Blame, ItemsThatRanTogetherAreSuspects) {
  expect_suspects(apportion({Doing::run, 10, 4}, 10, 8), 0, 4);
}

TEST(Blame, OfABatchOnlyWhatIsNotFinished) {
  expect_suspects(apportion({Doing::run, 8, 4}, 10, 8), 0, 2);
  expect_charged(apportion({Doing::run, 8, 3}, 10, 8), 0);
}

TEST(Blame, NobodyWhenTheWholeBatchIsFinished) {
  expect_nobody(apportion({Doing::run, 8, 2}, 10, 8));
}

TEST(Blame, WorksAcrossTheWrapOfPositions) {
  expect_suspects(apportion({Doing::run, 0xFFFFFFFE, 4}, 0xFFFFFFFF, 8), 0, 3);
  expect_charged(apportion({Doing::prepare, 1, 1}, 0xFFFFFFFF, 8), 2);
}

TEST(Blame, NonsenseChargesTheOldest) {
  expect_charged(apportion({Doing::run, 500, 4}, 10, 8), 0);
  expect_charged(apportion({Doing::run, 10, 0}, 10, 8), 0);
  expect_charged(apportion({Doing::run, 10, 0xFFFFFF}, 10, 8), 0);
  expect_charged(apportion({Doing::prepare, 0x80000000, 1}, 10, 8), 0);
}

TEST(Blame, NeverPointsBeyondWhatIsInFlight) {
  for (std::uint32_t phase = 0; phase < 3; ++phase) {
    for (std::uint32_t in_flight = 0; in_flight < 6; ++in_flight) {
      for (std::uint32_t position = 0; position < 40; ++position) {
        for (std::uint32_t count = 0; count < 12; ++count) {
          const Blame b =
              apportion({static_cast<Doing::Phase>(phase), position - 10, count}, 5, in_flight);
          EXPECT_TRUE(!b.any_charged || b.charged < in_flight);
          EXPECT_LE(b.suspects_begin, b.suspects_end);
          EXPECT_LE(b.suspects_end, in_flight);
        }
      }
    }
  }
}

}  // namespace
}  // namespace headrace::supervisor
