// What a dead participant left behind, set right (see SharedQueue::repair).
//
// Each record is changed by one swap to a state from which another repair would go on, so it does not
// matter where a repairer dies: what it requeued bears its own name until it is in the ring, and the
// repair of the dead repairer finds it there and pushes it.
#include "queue/eventcount.h"
#include "queue/index_ring.h"
#include "queue/queue.h"

namespace headrace::queue {

// A record that `dead` had queued stays as it is, if it was pushed, until somebody takes it; and
// nobody can push it any more. So what is not found here was not pushed.
std::vector<bool> SharedQueue::records_in_ring() const {
  std::vector<bool> found(settings().records, false);
  for (std::uint64_t i = 0; i < memory_.ring_slots(); ++i) {
    const RingWord word = RingWord::from(memory_.slot(i).load());
    const std::uint32_t index = word.index();
    if (word.entry == 0 || index >= settings().records) continue;
    const Control control = Control::from(memory_.record(index).control.load());
    if (control.state == State::queued && RingWord::entry_of(index, control) == word.entry) {
      found[index] = true;
    }
  }
  return found;
}

void SharedQueue::repair_record(std::uint32_t index, shm::Participant dead,
                                shm::Participant repairer, bool in_ring, RepairCounts& counts) {
  std::atomic<std::uint64_t>& word = memory_.record(index).control;
  std::uint64_t seen = word.load();
  const Control left = Control::from(seen);
  if (left.owner != dead) return;
  switch (left.state) {
    case State::writing:
      if (word.compare_exchange_strong(seen, left.freed().word())) ++counts.freed;
      return;
    case State::queued:
      if (in_ring) return;
      ++counts.pushed;
      if (!IndexRing(memory_).push(RingWord::entry_of(index, left))) counts.corrupt = true;
      return;
    case State::running: {
      Wakes unused;  // everybody is woken in the end
      const Requeued done = requeue(index, left, repairer, unused);
      if (done == Requeued::queued) ++counts.requeued;
      if (done == Requeued::quarantined) ++counts.quarantined;
      if (done == Requeued::corrupt) counts.corrupt = true;
      return;
    }
    case State::collecting:
      if (word.compare_exchange_strong(seen, left.as(State::quarantined, shm::kNobody).word())) {
        ++counts.returned;
      }
      return;
    default:
      return;  // free and quarantined ones have no owner
  }
}

RepairCounts SharedQueue::repair(shm::Participant dead, shm::Participant repairer) {
  RepairCounts counts;
  if (!dead) return counts;
  const std::vector<bool> in_ring = records_in_ring();
  for (std::uint32_t i = 0; i < settings().records; ++i) {
    repair_record(i, dead, repairer, in_ring[i], counts);
  }
  // Always, even if nothing was found: it may have died between an event and its wake, or have been
  // given a wake that was meant for another.
  QueueHeader& header = memory_.header();
  for (EventFormat* event : {&header.not_empty, &header.record_free, &header.page_free}) {
    recount(*event);
  }
  return counts;
}

}  // namespace headrace::queue
