// Who is charged when a worker dies.
//
// A worker holds several items: the ones it works on and the ones queued behind them. Only the
// former can have killed it. When it was alone in the worker's hands, the item is charged an
// attempt. When several ran in the engine together, nobody knows which of them it was: none is
// charged, and each is tried again alone, so that the second death names the culprit. Everything
// queued behind is sent again and never charged.
#pragma once

#include <cstdint>

#include "shm/mailbox.h"

namespace headrace::supervisor {

// Offsets count from the oldest item in flight; [begin, end) with begin == end for none.
struct Blame {
  std::uint32_t charged = 0;  // offset of the one item to charge
  bool any_charged = false;
  std::uint32_t suspects_begin = 0;  // items to try again alone
  std::uint32_t suspects_end = 0;
};

// `doing` is what the worker last wrote, `oldest` the ring position of the oldest item in flight,
// `in_flight` how many there are. A word that makes no sense charges the oldest item: something
// killed the worker, and an item that makes its worker write nonsense must not be tried for ever.
Blame apportion(const shm::Doing& doing, std::uint32_t oldest, std::uint32_t in_flight);

}  // namespace headrace::supervisor
