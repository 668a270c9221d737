// In which order the queued records are taken: a ring of entries, filled and emptied by one swap
// each, whose ends anybody moves on who finds them behind.
//
// The ring knows nothing of records. An entry that no longer counts is the caller's to recognise and
// retire.
#pragma once

#include <cstdint>

#include "queue/queue_format.h"
#include "queue/queue_memory.h"

namespace headrace::queue {

// Any thread of any process.
class IndexRing {
 public:
  explicit IndexRing(const QueueMemory& memory) : memory_(memory) {}

  // Adds RingWord::entry_of(...) at the end; visible from one swap on. False: the ring holds
  // nonsense (it has twice as many slots as there are records, so it is never full).
  bool push(std::uint64_t entry);

  struct Front {
    enum Kind : std::uint8_t { entry, empty, corrupt } kind = empty;
    std::uint64_t position = 0;
    RingWord word{};
  };
  // The oldest entry.
  Front front();
  // Removes that entry, if nobody else has. Never two different ones.
  void retire(const Front& front);

 private:
  std::uint64_t most_steps() const { return (1U << 20) + 4ULL * memory_.ring_slots(); }
  const QueueMemory& memory_;
};

}  // namespace headrace::queue
