// The two ends of a mailbox.
//
// SupervisorEnd believes nothing that the worker wrote: positions are compared with what the
// supervisor itself remembers having sent, and anything impossible is reported as a breach, upon
// which the worker is killed. After a death the whole mailbox is thrown away; nothing in it is
// repaired.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "shm/mailbox_format.h"
#include "sys/memory.h"

namespace headrace::shm {

// What a worker does at this moment, in one word, so that a reader never sees a half.
struct Doing {
  enum Phase : std::uint8_t {
    idle = 0,     // between items: a death here is nobody's fault
    prepare = 1,  // one item is read and decoded: `count` is 1
    run = 2,      // `count` items are in the engine together
  };
  Phase phase = idle;
  std::uint32_t position = 0;  // ring position of the first of them
  std::uint32_t count = 0;     // below 2^24

  std::uint64_t word() const {
    return std::uint64_t{phase} << 56 | std::uint64_t{count} << 32 | position;
  }
  static Doing from(std::uint64_t word) {
    const auto phase = static_cast<std::uint8_t>(word >> 56);
    return {.phase = phase > run ? idle : static_cast<Phase>(phase),
            .position = static_cast<std::uint32_t>(word),
            .count = static_cast<std::uint32_t>(word >> 32 & 0xFFFFFF)};
  }
};

// Used by the supervisor's one thread.
class SupervisorEnd {
 public:
  static Result<SupervisorEnd> create();

  int fd() const { return memory_.fd(); }

  // Puts a token into the in-ring. The caller never has more than kRingCapacity in flight, so there
  // is room.
  void send(Token token);
  // Tells the worker, if it sleeps, that there is something; once per batch of send().
  void wake();
  // Asks the worker to end when its in-ring is empty.
  void ask_to_leave();

  enum class Taken : unsigned char { token, nothing, breach };
  // Takes one finished token, which must be `expected`, the oldest that was sent and not yet taken.
  // A breach means that the worker wrote what it cannot have done.
  Taken take(Token expected);
  // Whether take() would find something.
  bool has_result() const;
  // What the worker says it is doing. To be checked against what is in flight.
  Doing doing() const;
  // Ring position of the oldest token not yet taken back.
  std::uint32_t oldest_position() const { return taken_; }

 private:
  explicit SupervisorEnd(sys::SharedMemory memory);
  MailboxFormat& format() const;
  sys::SharedMemory memory_;
  std::uint32_t sent_ = 0;   // private truth; in_head only repeats it
  std::uint32_t taken_ = 0;  // results taken from the out-ring
};

// Used by the worker's one thread.
class WorkerEnd {
 public:
  static Result<WorkerEnd> attach(sys::Fd fd);

  // How many tokens wait, at most kRingCapacity.
  std::uint32_t waiting() const;
  // The token `offset` places behind the next one; offset < waiting().
  Token peek(std::uint32_t offset) const;
  std::uint32_t position() const { return tail_; }

  // The order of these three makes blame exact: begin() before an item is touched, finish() when
  // its result is complete, end() when so many items are finished, with what is still being done.
  void begin(const Doing& doing);
  void finish(Token token);  // publishes one result
  void end(std::uint32_t count, const Doing& still = {});

  bool told_to_leave() const;
  // Looks for a token or an order for as long as `time`, without sleeping; whether there is one.
  bool spin(std::chrono::microseconds time) const;
  // Sleeps until there is a token or an order, or until `deadline`.
  void sleep_until(std::chrono::steady_clock::time_point deadline);

 private:
  explicit WorkerEnd(sys::SharedMemory memory);
  MailboxFormat& format() const;
  sys::SharedMemory memory_;
  std::uint32_t tail_ = 0;
  std::uint32_t out_ = 0;
};

}  // namespace headrace::shm
