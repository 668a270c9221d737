// A bounded queue in shared memory that every participant may put into and get from, and that no
// death can break.
//
// Queues under a lock end with the first process that is killed while it holds the lock; queues with
// a feeder thread lose what the thread had not sent. Here nobody holds anything that cannot be read
// off a record's control word (queue_format.h), and whatever a dead participant held is set right
// by one call of repair(), which only the keeper makes, and only after that death was reaped.
//
// Promises: a put that returned `done` is delivered until it is acknowledged, once; a put whose
// process died before it returned is delivered or not, whole either way. An item that a dead
// consumer held is delivered again, at most `attempts` times; then it is a dead letter.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "queue/queue_format.h"
#include "queue/queue_memory.h"
#include "queue/queue_settings.h"
#include "shm/participant.h"
#include "sys/fd.h"

namespace headrace::queue {

// What one repair did.
struct RepairCounts {
  std::uint32_t freed = 0;        // half-written items
  std::uint32_t pushed = 0;       // complete, but not yet in the order of the ring
  std::uint32_t requeued = 0;     // were being worked on, and have attempts left
  std::uint32_t quarantined = 0;  // were being worked on for the last time
  std::uint32_t returned = 0;     // dead letters that were being collected
  bool corrupt = false;           // the ring holds nonsense, something could not be pushed
};

// How many records are in each state at about this moment; exact while nobody works on the queue.
struct Occupancy {
  std::uint32_t free = 0;
  std::uint32_t writing = 0;
  std::uint32_t queued = 0;
  std::uint32_t running = 0;
  std::uint32_t quarantined = 0;
  std::uint32_t collecting = 0;
  std::uint32_t nonsense = 0;  // states that do not exist
  std::uint32_t pages = 0;     // held by any of them
  Bytes payload{};             // of all records that are neither free nor being written
};

// Thread-safe, except for moving it: any thread of any participant. A process that forked is
// another participant. Every call that takes a Participant is told the caller's own.
class SharedQueue {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point kForever = Clock::time_point::max();

  // The caller has compared settings.total() with the memory that is left (sys/memory.h).
  static Result<SharedQueue> create(const QueueSettings& settings);
  // Maps a queue that another process made.
  static Result<SharedQueue> attach(sys::Fd fd);

  SharedQueue(SharedQueue&&) noexcept;
  SharedQueue& operator=(SharedQueue&&) noexcept;
  ~SharedQueue();

  int fd() const { return memory_.fd(); }
  const QueueSettings& settings() const { return memory_.settings(); }
  // The longest payload that this queue can ever take.
  Bytes longest_payload() const;

  // What to put. The names in `references` count as mentioned until the item is acknowledged,
  // given up, or collected.
  struct Item {
    std::span<const std::byte> payload{};
    std::span<const shm::BlockName> references{};  // at most settings().references
  };
  enum class Put : unsigned char {
    done,
    full,       // no record or not enough pages now
    closed,     // by close()
    aborted,    // by abort()
    too_large,  // more bytes or more references than this queue can ever take
    timed_out,
    corrupt,  // the shared memory holds nonsense
  };
  Put try_put(shm::Participant who, std::span<const std::byte> payload,
              std::span<const shm::BlockName> references = {});
  // Waits for room.
  Put put(shm::Participant who, std::span<const std::byte> payload,
          std::span<const shm::BlockName> references, Clock::time_point deadline);
  // In order, as many as fit; sleepers are woken once. `done` when all of them are in, else why the
  // one after the first `count` is not.
  Put try_put_many(shm::Participant who, std::span<const Item> items, std::size_t& count);
  Put put_many(shm::Participant who, std::span<const Item> items, std::size_t& count,
               Clock::time_point deadline);

  // An item in the hands of a consumer, until it is acknowledged or given back.
  struct Lease {
    std::uint32_t record = 0;
    std::uint32_t generation = 0;
    std::uint32_t attempts = 0;  // which try this is, from 1
  };
  enum class Get : unsigned char {
    item,
    empty,
    ended,  // closed, and nothing is or can come back into the queue but from the caller itself
    aborted,
    timed_out,
    corrupt,  // the shared memory holds nonsense; a record that did is quarantined
  };
  // `payload` is filled anew; its storage is reused. Throws std::bad_alloc after giving the item
  // back.
  Get try_get(shm::Participant who, Lease& lease, std::vector<std::byte>& payload);
  Get get(shm::Participant who, Lease& lease, std::vector<std::byte>& payload,
          Clock::time_point deadline);
  struct Taken {
    Lease lease{};
    std::vector<std::byte> payload{};
  };
  // Waits for the first item, then takes what is there, up to out.size(). `item` when count > 0.
  Get get_many(shm::Participant who, std::span<Taken> out, std::size_t& count,
               Clock::time_point deadline);

  // The item is done. False: the caller does not hold it (any more).
  bool acknowledge(shm::Participant who, const Lease& lease);
  // The same for several, with one wake; how many of them the caller did hold.
  std::size_t acknowledge(shm::Participant who, std::span<const Lease> leases);
  // The try failed: the item goes to the end of the queue, or is quarantined after its last attempt.
  // False: the caller does not hold it.
  bool give_back(shm::Participant who, const Lease& lease);

  // From now on puts are refused; gets go on until `ended`. A put that began before may still end
  // as `done`, and is delivered.
  void close();
  // From now on every put and get is refused. Leases can still be ended.
  void abort();
  bool closed() const;  // or aborted

  std::uint32_t size() const { return occupancy().queued; }
  Bytes bytes_in_use() const { return occupancy().payload; }
  std::uint32_t dead_letters() const { return occupancy().quarantined; }
  Occupancy occupancy() const;

  // A dead letter in the caller's hands: what it refers to stays mentioned until end_dead(), which
  // takes it away or puts it back. `attempts`: how many tries failed. False: there is none. One that
  // holds nonsense comes out empty.
  bool take_dead(shm::Participant who, Lease& letter, std::vector<std::byte>& payload);
  bool end_dead(shm::Participant who, const Lease& letter, bool done);
  // Both in one, for letters that refer to nothing.
  bool collect_dead(shm::Participant who, std::vector<std::byte>& payload, std::uint32_t& attempts);

  // Sets right what `dead` left behind, and wakes everybody. Only the keeper calls it, as
  // `repairer`, after the process of `dead` was reaped: never for one that is merely slow. Killed
  // at any point and done again, also for the first repairer, it comes to the same.
  RepairCounts repair(shm::Participant dead, shm::Participant repairer);

  // Whether any item names the block. True for sure while such an item stays in the queue; an item
  // that moves meanwhile can be missed, which reference_moves() tells: when it is the same before
  // and after, no item with references was put in between.
  bool mentions(const shm::BlockName& name) const;
  std::uint64_t reference_moves() const;

 private:
  // Whom to wake: collected while records change, acted upon once at the end, so that a batch costs
  // one system call.
  struct Wakes {
    std::uint32_t items = 0;    // pushed
    std::uint32_t records = 0;  // freed
    bool pages = false;         // some of them had pages
    bool fewer = false;         // something left the queue: it may have ended
  };
  struct Shortage;  // what a full queue is short of
  struct Hints;     // where to look first for something free
  enum class Requeued : unsigned char { not_held, queued, quarantined, corrupt };

  explicit SharedQueue(QueueMemory memory);

  Put put_until(shm::Participant who, std::span<const Item> items, std::size_t& count,
                Clock::time_point deadline, bool wait);
  Put place(shm::Participant who, const Item& item, Wakes& wakes, Shortage& shortage);
  bool claim_record(shm::Participant who, std::uint32_t& index, Control& control);
  Put fill(std::uint32_t index, const Control& mine, const Item& item, std::uint32_t pages,
           Wakes& wakes, Shortage& shortage);
  std::uint32_t pages_for(std::size_t bytes) const;

  Get pop(shm::Participant who, std::uint32_t& index, Control& control);
  bool read(std::uint32_t index, const Control& mine, std::vector<std::byte>& payload);
  bool nothing_to_come(shm::Participant caller) const;
  template <class Look>
  Get look_until(const Look& look, Clock::time_point deadline);

  bool release(std::uint32_t index, const Control& mine, Wakes& wakes);
  Requeued requeue(std::uint32_t index, const Control& running, shm::Participant by, Wakes& wakes);
  void tell(const Wakes& wakes);

  std::vector<bool> records_in_ring() const;
  void repair_record(std::uint32_t index, shm::Participant dead, shm::Participant repairer,
                     bool in_ring, RepairCounts& counts);

  QueueMemory memory_;
  std::unique_ptr<Hints> hints_;
};

}  // namespace headrace::queue
