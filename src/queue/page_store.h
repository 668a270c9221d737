// Where payloads lie that are longer than a record: pages, chained, each naming its holder.
//
// Nobody ever frees a page: it is free when its table entry names no record, or a record that has
// since become FREE and so has another generation.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "queue/queue_format.h"
#include "queue/queue_memory.h"

namespace headrace::queue {

// Any thread of any process; a chain is written and read only by who holds its record.
class PageStore {
 public:
  explicit PageStore(const QueueMemory& memory) : memory_(memory) {}

  // Whether `count` pages are free at this moment, looked for from page `from` on.
  bool has_free(std::uint32_t count, std::uint32_t from) const;
  // Claims `count` > 0 pages for the holder; `hint` is where to look first, and is moved on. Index
  // + 1 of the first page of the chain; 0 when others were faster, and then what was claimed is
  // free again as soon as the holder's record is.
  std::uint32_t claim(const PageHolder& holder, std::uint32_t count,
                      std::atomic<std::uint32_t>& hint);
  // Fills a chain just claimed, which is long enough.
  void write(std::uint32_t first, std::span<const std::byte> bytes);
  // Appends `length` bytes of the holder's chain. False: the chain is not the holder's or too short.
  bool read(std::uint32_t first, const PageHolder& holder, std::uint64_t length,
            std::vector<std::byte>& out) const;
  // Pages that somebody holds.
  std::uint32_t held() const;

 private:
  bool is_free(std::uint64_t word) const;
  const QueueMemory& memory_;
};

}  // namespace headrace::queue
