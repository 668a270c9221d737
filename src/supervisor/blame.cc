#include "supervisor/blame.h"

#include <algorithm>

namespace headrace::supervisor {

Blame apportion(const shm::Doing& doing, std::uint32_t oldest, std::uint32_t in_flight) {
  if (in_flight == 0 || doing.phase == shm::Doing::idle) return {};
  // Wraps for positions before `oldest`: items whose results were already taken.
  const std::uint32_t first = doing.position - oldest;
  const std::uint32_t last = first + doing.count;  // one past
  if (doing.count == 0 || doing.count > shm::kRingCapacity) return {.any_charged = true};
  if (first >= in_flight) {
    // Some or all of them are finished: only what is left of the range can be to blame.
    const bool before = first > ~shm::kRingCapacity;
    if (!before) return {.any_charged = true};
    if (last == 0 || last > in_flight) return {};
    return last == 1 ? Blame{.charged = 0, .any_charged = true}
                     : Blame{.suspects_begin = 0, .suspects_end = last};
  }
  const std::uint32_t end = std::min(last, in_flight);
  if (end - first == 1) return {.charged = first, .any_charged = true};
  return {.suspects_begin = first, .suspects_end = end};
}

}  // namespace headrace::supervisor
