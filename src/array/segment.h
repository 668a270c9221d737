// A segment of arrays as any process sees it: find a block by name, hold it, let go of it.
//
// One memfd holds many arrays, because one descriptor an array ends in "too many open files". Which
// of its blocks are free is known in the private memory of the process that made it, and only there
// (see own_segment.h); the others set and clear their own bit in a block's holders, no more.
// Nothing read from the table is believed: a name of a wrong generation, or a block that lies
// outside the data, is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "array/segment_format.h"
#include "base/result.h"
#include "base/units.h"
#include "shm/participant.h"
#include "sys/fd.h"
#include "sys/memory.h"

namespace headrace::array {

// Whether any record of any queue, or any task, names the block.
using Mentions = std::function<bool(const shm::BlockName&)>;

// Where a block lies in the data; checked against the segment's size.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// Thread-safe. Kept by shared_ptr, because addresses in it are in use for as long as arrays are.
class Segment {
 public:
  // Makes a segment with `data` bytes for blocks, reserved, its pages entered into this process's
  // page table. The caller has compared `data` with what memory has left.
  static Result<std::shared_ptr<Segment>> create(shm::Participant creator, Bytes data,
                                                 std::uint32_t blocks = 4096);
  // Another process's view of it.
  static Result<std::shared_ptr<Segment>> attach(sys::Fd fd);

  int fd() const { return fd_.get(); }
  std::uint64_t id() const { return id_; }
  shm::Participant creator() const { return creator_; }
  Bytes data_bytes() const { return data_bytes_; }
  Bytes total_bytes() const { return data_offset_ + data_bytes_; }
  std::uint32_t blocks() const { return blocks_; }

  // The first byte of the data in this process. Mapped at the first call; the mapping for reading
  // is apart, so that the hardware refuses a store to a frozen array.
  Result<std::byte*> data(sys::Access access);
  // Where the block lies; an error when the name is not that of a used block of this segment.
  Result<Extent> find(const shm::BlockName& name) const;

  // Sets the participant's bit. The caller got the name from something that mentions it and goes on
  // doing so until this returns: a lease, a task. Holding twice is holding once.
  Status hold(shm::Participant me, const shm::BlockName& name);
  // Clears it, and gives up being the writer. Nothing happens to a name that is not of a used
  // block.
  void drop(shm::Participant me, const shm::BlockName& name);
  // Between making a new reference and ending the old one, when neither is a participant's bit.
  void touch(const shm::BlockName& name);
  // The word that says who may write; only for a block that is held.
  std::atomic<std::uint32_t>& writer(std::uint32_t block) { return entry(block).writer; }

  // True if this used block had no reference of any kind at some moment during this call. As
  // references come from references, it will have none again.
  bool unreferenced(const shm::BlockName& name, const Mentions& mentions) const;

  // For the keeper. Ends all that a reaped participant held; before its place gets a new tenant.
  void forget(shm::Participant dead);
  // For the keeper, of a segment whose creator died: no block is referred to, so it can be dropped.
  bool empty(const Mentions& mentions) const;

 private:
  friend class OwnSegment;  // writes the creator's words of the table
  Segment(sys::Fd fd, sys::Mapping head, const SegmentFormat& format);
  BlockEntry& entry(std::uint32_t block) const { return table_[block]; }
  bool is(const shm::BlockName& name) const;

  // Private copies of the header, so that nobody can change them later.
  sys::Fd fd_;
  sys::Mapping head_;  // header and table
  std::span<BlockEntry> table_;
  std::uint64_t id_ = 0;
  shm::Participant creator_;
  std::uint32_t blocks_ = 0;
  Bytes data_offset_;
  Bytes data_bytes_;

  std::mutex mapping_;
  sys::Mapping
      readable_;  // guarded by mapping_, as is the next; neither is ever unmapped before *this
  sys::Mapping writable_;
};

}  // namespace headrace::array
