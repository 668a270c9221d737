// The bytes of a segment of arrays: a header, a table of blocks, and the data of the blocks.
//
// A file format between processes: fixed sizes and offsets, no pointers. Any process may be killed
// between any two stores, and may write nonsense; every word is checked by its reader.
//
//   header | table: one entry a block | data, from data_offset to the end
//
// A block is alive while anything refers to it: a process (its bit in `holders`), a record of a
// queue or a task (found by asking them). Whoever moves a reference first makes the new one, then
// raises `touched`, then ends the old one. So a reader who found no reference anywhere, and
// `touched` as it was before it looked, knows that there is none.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/participant.h"

namespace headrace::array {

inline constexpr std::uint64_t kSegmentMagic = 0x3159415252415248;  // "HRARRAY1", little-endian
inline constexpr std::uint32_t kSegmentVersion = 1;
inline constexpr std::uint32_t kMaxBlocks = 65536;      // in one segment
inline constexpr std::uint64_t kDataAlignment = 65536;  // a multiple of every page size
inline constexpr std::uint32_t kHolderWords = shm::kMaxParticipants / 64;

struct SegmentFormat {
  // Written once by the creator, before anybody else sees the segment.
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t blocks;  // entries of the table
  std::uint64_t id;      // random, never 0
  std::uint64_t data_offset;
  std::uint64_t data_bytes;
  std::uint32_t creator;  // a Participant
  std::uint32_t unused[5];
};

enum BlockState : std::uint32_t { kFree = 0, kUsed = 1 };

// Values of BlockEntry::writer that are no participant.
inline constexpr std::uint32_t kInTransit = 0;        // given away, not yet claimed
inline constexpr std::uint32_t kParts = 0xFFFFFFFE;   // its parts have owners of their own
inline constexpr std::uint32_t kFrozen = 0xFFFFFFFF;  // nobody writes until it is freed

struct alignas(128) BlockEntry {
  // The creator alone writes these; the others compare and range-check.
  std::atomic<std::uint32_t> generation;  // rises when the block is freed
  std::atomic<std::uint32_t> state;       // a BlockState
  std::atomic<std::uint64_t> offset;      // into the data
  std::atomic<std::uint64_t> bytes;       // as asked for
  std::atomic<std::uint32_t> writer;      // whoever holds the exclusive array
  std::uint32_t unused[9];
  // Everybody writes these; each sets and clears no bit but its own.
  std::atomic<std::uint64_t> touched;
  std::array<std::atomic<std::uint64_t>, kHolderWords> holders;  // a bit a participant's place
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(SegmentFormat) == 64);
static_assert(offsetof(BlockEntry, touched) == 64 && offsetof(BlockEntry, holders) == 72);
static_assert(sizeof(BlockEntry) == 128);

inline constexpr std::uint64_t kTableOffset = 4096;

}  // namespace headrace::array
