// The items of a mailbox for a body that works in streams.
//
// Streams finish in any order, but a mailbox gives its items back in the order in which they came: that
// is how the supervisor knows what a dead worker held. So a finished item waits here for those before
// it, and the window of items that were taken and not yet given back is what the worker says it is
// doing. A death is blamed on all of them; they are tried again alone.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "shm/mailbox.h"
#include "shm/slots.h"
#include "sys/poller.h"
#include "worker/body.h"

namespace headrace::worker {

class MailboxFeed : public Feed {
 public:
  // `at_once`: how many items are in work when every stream has a batch. The others outlive the feed,
  // and are left to it between open() and the moment when take() is false.
  MailboxFeed(shm::WorkerEnd& mailbox, shm::SlotView& slots, sys::Bell& bell,
              std::uint32_t at_once);

  // Before each round, while no stream works.
  void open() { over_ = false; }
  bool take(Portion& portion, std::size_t most) override;
  void give_back(const Portion& portion) override;

 private:
  std::size_t available() const;
  void publish();

  struct Held {
    shm::Token token = 0;
    bool done = false;
  };
  shm::WorkerEnd& mailbox_;
  shm::SlotView& slots_;
  sys::Bell& bell_;
  std::size_t window_;
  std::mutex mutex_;  // over everything below, and over the mailbox
  std::condition_variable changed_;
  std::deque<Held> held_;  // from mailbox_.position() on
  unsigned in_work_ = 0;   // portions
  bool over_ = true;       // one stream has left, so all do
};

}  // namespace headrace::worker
