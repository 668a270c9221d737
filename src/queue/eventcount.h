// Sleeping until something happens that any process may bring about, without a lock.
//
// A sleeper says that it waits, notes the sequence, looks once more, and sleeps only while the
// sequence is unchanged. Whoever brings the event about looks at the waiters afterwards, and bumps
// the sequence if there are any. All of it is sequentially consistent: either the waker sees the
// sleeper, or the sleeper's second look sees the event.
//
// A waker takes those whom it woke off the count, so that nobody else wakes them again while they
// are on their way: a wake takes long to arrive, and many events can happen meanwhile.
//
// A sleeper that is killed leaves its count behind, and each later event costs a system call. So the
// keeper's repair forgets all waiters and wakes them: `waiters` is [epoch:16][count:16], and one who
// was forgotten notices the new epoch and counts itself again.
#pragma once

#include <chrono>
#include <cstdint>

#include "queue/queue_format.h"

namespace headrace::queue {

// One stay in front of an event: constructed before the second look, gone after the sleep.
class Waiting {
 public:
  explicit Waiting(EventFormat& event);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  // Sleeps until the event, at most until `deadline`, and never longer than a fifth of a second: a
  // sleeper that is stopped may have been given the wake that was meant for this one.
  void sleep(std::chrono::steady_clock::time_point deadline);

 private:
  EventFormat& event_;
  std::uint32_t epoch_ = 0;
  std::uint32_t sequence_ = 0;
  bool counted_ = true;
};

// Whether somebody may be waiting for it.
bool waited_for(const EventFormat& event);
// After the event: wakes at most `count` of those who wait for it.
void wake(EventFormat& event, std::uint32_t count);
// Wakes everybody, also those whose count was lost.
void wake_all(EventFormat& event);
// The keeper, after a death: forgets who waits, and wakes everybody.
void recount(EventFormat& event);

}  // namespace headrace::queue
