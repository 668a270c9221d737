// The bytes of a shared queue: one sealed memfd that any number of processes map.
//
// Any of them may be killed between any two instructions, so the format is made such that whoever
// holds something can be read off one word, and that word changes by one compare-and-swap:
//
//   header   | records[N]        | ring[R]              | page table[P]     | pages[P]
//   settings | control + payload | the order of records | page -> its record| payload that is long
//
// Record. Its control word holds state, owner and generation. The generation rises when the record
// becomes FREE, and only then.
//
//   FREE -> WRITING -> QUEUED -> RUNNING -> FREE
//              |          ^         |
//              v          `---------+--> QUARANTINED <-> COLLECTING -> FREE
//            FREE        (attempts left) (none left)
//
// Ring. An order hint: it says which QUEUED record is next. An entry counts only while its record is
// QUEUED with the entry's stamp; every other entry is stale and anybody may retire it.
//
// Page. It belongs to the record and generation that its table entry names, so that the one swap
// that frees a record frees its pages too: there is no second step at which a death could leak them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/participant.h"

namespace headrace::queue {

inline constexpr std::uint64_t kQueueMagic = 0x3151454555514848;  // "HHQUEEQ1", little-endian
inline constexpr std::uint32_t kQueueVersion = 1;
inline constexpr std::size_t kLine = 64;
inline constexpr std::uint32_t kMaxRecords = 65535;  // a ring entry has 16 bits for index + 1
inline constexpr std::uint32_t kMaxPages = 1U << 24;
inline constexpr std::uint32_t kMaxInlineBytes = 1U << 20;
inline constexpr std::uint32_t kMaxPageBytes = 1U << 30;
inline constexpr std::uint32_t kMaxReferences = 255;

enum class State : std::uint8_t {
  free = 0,         // nobody's
  writing = 1,      // owner: the producer that fills it
  queued = 2,       // owner: the last who pushed it or is about to
  running = 3,      // owner: the consumer
  quarantined = 4,  // nobody's: its attempts are used up
  collecting = 5,   // owner: who takes a quarantined one away
};

// [generation:28][attempts:8][state:4][owner:24]
struct Control {
  static constexpr std::uint32_t kGenerations = 1U << 28;
  std::uint32_t generation = 0;
  std::uint32_t attempts = 0;  // how many tries have failed
  State state = State::free;
  shm::Participant owner{};

  constexpr std::uint64_t word() const {
    return std::uint64_t{generation} << 36 | std::uint64_t{attempts & 0xFF} << 28 |
           std::uint64_t{static_cast<std::uint8_t>(state)} << 24 | (owner.word & 0xFFFFFF);
  }
  static constexpr Control from(std::uint64_t word) {
    return {.generation = static_cast<std::uint32_t>(word >> 36),
            .attempts = static_cast<std::uint32_t>(word >> 28 & 0xFF),
            .state = static_cast<State>(word >> 24 & 0xF),
            .owner = {static_cast<std::uint32_t>(word & 0xFFFFFF)}};
  }
  // The same record in another state.
  constexpr Control as(State next, shm::Participant by) const {
    return {.generation = generation, .attempts = attempts, .state = next, .owner = by};
  }
  constexpr Control freed() const { return {.generation = (generation + 1) % kGenerations}; }
};

// [lap:28][generation:12][attempts:8][index+1:16]; the lower 36 bits are 0 in an empty slot, which
// waits for the position of that lap.
struct RingWord {
  static constexpr std::uint32_t kLaps = 1U << 28;
  std::uint32_t lap = 0;
  std::uint64_t entry = 0;  // the lower 36 bits

  constexpr std::uint64_t word() const { return std::uint64_t{lap} << 36 | entry; }
  static constexpr RingWord from(std::uint64_t word) {
    return {.lap = static_cast<std::uint32_t>(word >> 36), .entry = word & 0xF'FFFF'FFFF};
  }
  // What an entry for this record says. The generation is cut to 12 bits: a false match can only
  // lead to a record that is indeed queued, and the swap that takes it compares all of its control.
  static constexpr std::uint64_t entry_of(std::uint32_t index, const Control& control) {
    return std::uint64_t{control.generation & 0xFFF} << 24 |
           std::uint64_t{control.attempts & 0xFF} << 16 | (index + 1);
  }
  // The record's index; 2^32 - 1 in an empty slot.
  constexpr std::uint32_t index() const { return static_cast<std::uint32_t>(entry & 0xFFFF) - 1; }
};

// [0:20][generation:28][index+1:16]; 0 is nobody.
struct PageHolder {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  constexpr std::uint64_t word() const { return std::uint64_t{generation} << 16 | (index + 1); }
  static constexpr PageHolder from(std::uint64_t word) {
    return {.index = static_cast<std::uint32_t>(word & 0xFFFF) - 1,
            .generation = static_cast<std::uint32_t>(word >> 16 & 0xFFFFFFF)};
  }
};

enum QueueState : std::uint32_t { kOpen = 0, kClosed = 1, kAborted = 2 };

// See eventcount.h.
struct EventFormat {
  alignas(kLine) std::atomic<std::uint32_t> sequence;
  std::atomic<std::uint32_t> waiters;
};

struct QueueHeader {
  // Written once by the maker. Every process checks them and keeps a copy when it attaches.
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t header_bytes;  // sizeof(QueueHeader)
  std::uint32_t records;
  std::uint32_t inline_bytes;
  std::uint32_t page_bytes;
  std::uint32_t pages;
  std::uint32_t attempts;
  std::uint32_t references;
  std::uint64_t total_bytes;

  alignas(kLine) std::atomic<std::uint32_t> state;            // a QueueState, only ever rising
  alignas(kLine) std::atomic<std::uint64_t> head;             // ring position to take next
  alignas(kLine) std::atomic<std::uint64_t> tail;             // ring position to fill next
  alignas(kLine) std::atomic<std::uint64_t> reference_moves;  // see SharedQueue::mentions
  EventFormat not_empty;                                      // consumers sleep here
  EventFormat record_free;                                    // producers that lack a record
  EventFormat page_free;                                      // producers that lack pages
};

struct RecordFormat {
  std::atomic<std::uint64_t> control;
  std::atomic<std::uint64_t> length;      // of the payload, bytes
  std::uint32_t first_page;               // index + 1; 0: the payload is all inline
  std::atomic<std::uint32_t> references;  // how many names stand in the list
  // inline_bytes of payload, then the list of ReferenceFormat; the next record at a whole line
};

// Atomic, because mentions() reads lists that are being written.
struct ReferenceFormat {
  std::atomic<std::uint64_t> segment;
  std::atomic<std::uint64_t> block;  // [generation:32][block:32]
};

struct PageFormat {
  std::atomic<std::uint64_t> holder;  // a PageHolder
  std::uint32_t next;  // index + 1 of the next page of the same payload; the holder's
  std::uint32_t unused;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(EventFormat) == 64);
static_assert(offsetof(QueueHeader, state) == 64 && offsetof(QueueHeader, head) == 128);
static_assert(offsetof(QueueHeader, tail) == 192 && offsetof(QueueHeader, not_empty) == 320);
static_assert(sizeof(QueueHeader) == 512);
static_assert(sizeof(RecordFormat) == 24 && sizeof(ReferenceFormat) == 16);
static_assert(sizeof(PageFormat) == 16);

}  // namespace headrace::queue
