#include "queue/index_ring.h"

namespace headrace::queue {
namespace {

// How many laps `lap` is ahead of `of`, in a number that wraps at 2^28.
std::int32_t ahead(std::uint32_t lap, std::uint32_t of) {
  return static_cast<std::int32_t>((lap - of) << 4) >> 4;
}

}  // namespace

bool IndexRing::push(std::uint64_t entry) {
  std::atomic<std::uint64_t>& tail = memory_.header().tail;
  for (std::uint64_t step = 0; step < most_steps(); ++step) {
    std::uint64_t position = tail.load();
    const std::uint32_t lap = memory_.lap(position);
    std::atomic<std::uint64_t>& slot = memory_.slot(position);
    std::uint64_t empty = RingWord{.lap = lap, .entry = 0}.word();
    const bool mine =
        slot.compare_exchange_strong(empty, RingWord{.lap = lap, .entry = entry}.word());
    // A slot of an earlier lap would mean a full ring.
    if (!mine && ahead(RingWord::from(empty).lap, lap) < 0) return false;
    // Filled, by us or by somebody who has not come to this line yet.
    tail.compare_exchange_strong(position, position + 1);
    if (mine) return true;
  }
  return false;
}

IndexRing::Front IndexRing::front() {
  std::atomic<std::uint64_t>& head = memory_.header().head;
  for (std::uint64_t step = 0; step < most_steps(); ++step) {
    std::uint64_t position = head.load();
    const RingWord word = RingWord::from(memory_.slot(position).load());
    const std::int32_t laps = ahead(word.lap, memory_.lap(position));
    if (laps == 0) {
      return {word.entry == 0 ? Front::empty : Front::entry, position, word};
    }
    if (laps < 0) break;  // head never passes a slot that was not retired
    head.compare_exchange_strong(position, position + 1);  // retired by somebody who stopped there
  }
  return {.kind = Front::corrupt};
}

void IndexRing::retire(const Front& front) {
  std::uint64_t filled = front.word.word();
  const RingWord next{.lap = (front.word.lap + 1) % RingWord::kLaps, .entry = 0};
  memory_.slot(front.position).compare_exchange_strong(filled, next.word());
  std::uint64_t position = front.position;
  memory_.header().head.compare_exchange_strong(position, position + 1);
}

}  // namespace headrace::queue
