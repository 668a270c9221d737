// How large a shared queue is. Chosen when it is made, never changed.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/units.h"

namespace headrace::queue {

struct QueueSettings {
  std::uint32_t records = 1024;      // 1 to 65535: how many items there can be, in whatever state
  std::uint32_t inline_bytes = 192;  // of a payload beside its record; the rest goes into pages
  std::uint32_t page_bytes = 4096;   // a multiple of 64
  std::uint32_t pages = 1024;        // may be 0: then no payload is longer than inline_bytes
  std::uint32_t attempts = 3;        // 1 to 255: tries before an item is a dead letter
  std::uint32_t references = 8;      // at most 255: blocks that one item can name

  // Nothing, or which setting is out of its range.
  Status check() const;
  // What the queue takes, all of it reserved when it is made. Only for settings that check() passes.
  Bytes total() const;
};

}  // namespace headrace::queue
