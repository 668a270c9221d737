// One worker as the supervisor sees it: a process, its mailbox, and what it was sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shm/mailbox.h"
#include "supervisor/worker_state.h"
#include "sys/process.h"

namespace headrace::supervisor {

class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Worker(std::uint32_t number) : number_(number), sent_(shm::kRingCapacity) {}

  std::uint32_t number() const { return number_; }
  WorkerState state() const { return state_; }
  // Throws std::logic_error on a move that the table does not have: the supervisor is wrong about
  // something.
  void move_to(WorkerState state);
  bool alive() const { return child.has_value(); }

  std::uint32_t in_flight() const { return in_flight_; }
  // The token `offset` places behind the oldest in flight.
  shm::Token sent(std::uint32_t offset) const {
    return sent_[(oldest_ + offset) % shm::kRingCapacity];
  }
  void remember(shm::Token token) {
    sent_[(oldest_ + in_flight_) % shm::kRingCapacity] = token;
    ++in_flight_;
  }
  void forget_oldest() {
    ++oldest_;
    --in_flight_;
  }
  // Back to an empty mailbox, for a new process.
  void forget_all() { in_flight_ = 0; }

  // The process, while there is one.
  std::optional<sys::Child> child;
  sys::Fd control;
  std::optional<shm::SupervisorEnd> mailbox;

  Clock::time_point since;                         // when it got into its state
  Clock::time_point front_since;                   // when its oldest item in flight became that
  Clock::time_point rest_until;                    // while resting
  bool exclusive = false;                          // holds one item that must stay alone
  bool unpassed = false;                           // the kernel once took no descriptors for it
  std::uint32_t chatter = 0;                       // messages from it that mean nothing after a few
  std::optional<Clock::time_point> stopped_since;  // by SIGSTOP or the like, not by us
  // Why we are killing it.
  enum class Offence : unsigned char {
    none,      // we are not, or it is just not needed any more
    late,      // past a deadline
    nonsense,  // it wrote what it cannot have done
    memory,    // it took so much that the container was nearly full
  };
  Offence offence = Offence::none;
  std::optional<shm::Token> late_at;  // at which item; what it came to since is not to blame
  std::string killed_for;             // the same in words
  std::string last_words;             // what it said itself before it died
  std::uint64_t finished = 0;         // items, over all its processes
  std::uint64_t finished_before = 0;  // of those: by earlier processes
  std::uint32_t restarts = 0;         // processes that ended unasked
  std::string last_end;               // how the last of those did, in words
  Clock::time_point last_end_at;      // and when

 private:
  std::uint32_t number_;
  WorkerState state_ = WorkerState::absent;
  std::vector<shm::Token> sent_;  // ring of what is in flight, oldest first
  std::uint32_t oldest_ = 0;
  std::uint32_t in_flight_ = 0;
};

}  // namespace headrace::supervisor
