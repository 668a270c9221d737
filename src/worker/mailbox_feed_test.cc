#include "worker/mailbox_feed.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace headrace::worker {
namespace {

using shm::Doing;
using testing::ElementsAre;
using testing::IsEmpty;

sys::Fd again(int fd) {
  return sys::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

// Both ends of a mailbox in one process.
class MailboxFeedTest : public testing::Test {
 protected:
  void send(int count) {
    for (int i = 0; i < count; ++i) {
      tokens_.push_back(*slots_.claim(std::to_string(sent_++)));
      supervisor_.send(tokens_.back());
    }
  }
  Portion taken(std::size_t most = 1) {
    Portion portion;
    EXPECT_TRUE(feed_.take(portion, most));
    return portion;
  }
  static std::vector<std::string> names(const Portion& portion) {
    std::vector<std::string> all;
    for (const Item& item : portion.items) all.emplace_back(item.input);
    return all;
  }
  // What has come back since the last call, by the number of the item.
  std::vector<int> back() {
    std::vector<int> all;
    while (next_ < tokens_.size() &&
           supervisor_.take(tokens_[next_]) == shm::SupervisorEnd::Taken::token)
      all.push_back(static_cast<int>(next_++));
    return all;
  }
  void expect_doing(std::uint32_t position, std::uint32_t count) {
    const Doing doing = supervisor_.doing();
    EXPECT_EQ(doing.phase, count == 0 ? Doing::idle : Doing::run);
    EXPECT_EQ(doing.position, position);
    EXPECT_EQ(doing.count, count);
  }

  shm::SupervisorEnd supervisor_ = *shm::SupervisorEnd::create();
  shm::SlotArea slots_ =
      *shm::SlotArea::create({.count = 64, .input_capacity = 32, .result_capacity = 32});
  shm::WorkerEnd mailbox_ = *shm::WorkerEnd::attach(again(supervisor_.fd()));
  shm::SlotView view_ = *shm::SlotView::attach(again(slots_.fd()));
  sys::Bell bell_;
  MailboxFeed feed_{mailbox_, view_, bell_, /*at_once=*/2};
  std::vector<shm::Token> tokens_;
  std::size_t next_ = 0;
  int sent_ = 0;
};

TEST_F(MailboxFeedTest, GivesBackInTheOrderOfTheMailbox) {
  feed_.open();
  send(3);
  const Portion first = taken(), second = taken(), third = taken();
  EXPECT_THAT(names(second), ElementsAre("1"));
  feed_.give_back(third);
  feed_.give_back(second);
  EXPECT_THAT(back(), IsEmpty());
  expect_doing(0, 3);
  feed_.give_back(first);
  EXPECT_THAT(back(), ElementsAre(0, 1, 2));
  expect_doing(0, 0);
}

TEST_F(MailboxFeedTest, SaysWhatIsStillBeingDone) {
  feed_.open();
  send(4);
  const Portion first = taken(), rest = taken(2);
  expect_doing(0, 3);
  feed_.give_back(first);
  expect_doing(1, 2);
  EXPECT_THAT(back(), ElementsAre(0));
  const Portion last = taken();
  expect_doing(1, 3);
  feed_.give_back(rest);
  expect_doing(3, 1);
  feed_.give_back(last);
  EXPECT_THAT(back(), ElementsAre(1, 2, 3));
}

TEST_F(MailboxFeedTest, KeepsTheQuickFromGettingFarAheadOfTheSlow) {
  feed_.open();
  send(20);
  const Portion slow = taken(), quick = taken(100);
  EXPECT_EQ(quick.items.size(), 7U);  // a window of four times what is in work at once, less one
  feed_.give_back(slow);
  EXPECT_THAT(names(taken(100)), ElementsAre("8"));
}

TEST_F(MailboxFeedTest, EndsForAllWhenNothingWaitsAndNothingIsInWork) {
  feed_.open();
  send(1);
  feed_.give_back(taken());
  Portion none;
  EXPECT_FALSE(feed_.take(none, 1));
  send(1);
  EXPECT_FALSE(feed_.take(none, 1)) << "whoever left would not come back for it";
  feed_.open();
  EXPECT_THAT(names(taken()), ElementsAre("1"));
}

TEST_F(MailboxFeedTest, AStreamWithoutWorkWaitsForMoreWhileAnotherWorks) {
  feed_.open();
  send(1);
  const Portion first = taken();
  std::jthread other([this] {
    const Portion second = taken();
    EXPECT_THAT(names(second), ElementsAre("1"));
    feed_.give_back(second);
  });
  send(1);
  other.join();
  feed_.give_back(first);
  EXPECT_THAT(back(), ElementsAre(0, 1));
}

TEST_F(MailboxFeedTest, ManyStreamsGiveBackEveryItemOnce) {
  feed_.open();
  send(64);
  std::vector<std::jthread> streams;
  for (std::size_t most = 1; most <= 4; ++most) {
    streams.emplace_back([this, most] {
      for (Portion portion; feed_.take(portion, most);) feed_.give_back(portion);
    });
  }
  streams.clear();
  EXPECT_EQ(back().size(), 64U);
  expect_doing(0, 0);
}

}  // namespace
}  // namespace headrace::worker
