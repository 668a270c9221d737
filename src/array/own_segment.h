// A segment and the private knowledge of the process that made it: which blocks are used.
//
// Allocating and freeing happen here alone. The table in shared memory only repeats what is known
// here, so a peer that writes nonsense into it can lose arrays, but never make two of one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "array/segment.h"
#include "shm/free_ranges.h"

namespace headrace::array {

// Not thread-safe; ArrayStore guards it.
class OwnSegment {
 public:
  static Result<OwnSegment> create(shm::Participant self, Bytes data, std::uint32_t blocks = 4096);

  const std::shared_ptr<Segment>& segment() const { return segment_; }

  struct Allocation {
    shm::BlockName name;
    std::uint64_t offset = 0;
    bool fresh = false;  // never used before: still all zeros
  };
  // A block of `bytes`, 64-byte aligned (page-aligned if it is as large as a page), held and
  // writable by its creator. Nothing if there is no room.
  std::optional<Allocation> allocate(std::uint64_t bytes);
  // Frees every block that nothing refers to. Returns how many.
  std::size_t collect(const Mentions& mentions);

  std::size_t used_blocks() const { return used_; }
  std::uint64_t free_bytes() const { return free_ranges_.total(); }

 private:
  OwnSegment(shm::Participant self, std::shared_ptr<Segment> segment);
  struct Block {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;  // taken from the free ranges; 0 if the block is free
    std::uint32_t generation = 1;
  };
  void release(std::uint32_t index);

  shm::Participant self_;
  std::shared_ptr<Segment> segment_;
  shm::FreeRanges free_ranges_;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> free_blocks_;
  std::size_t used_ = 0;
  std::uint64_t fresh_from_ = 0;  // no block reached beyond this yet
};

}  // namespace headrace::array
