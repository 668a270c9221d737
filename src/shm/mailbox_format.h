// The bytes of a mailbox: one worker's two rings.
//
// This is a file format between processes, not a class: fixed sizes and offsets, indices instead of
// pointers, one writer per word. Either side may be killed between any two stores, and the other
// side may write nonsense; so every word read from here is checked by its reader (see mailbox.h).
//
//   in ring    supervisor -> worker   tokens of items to do
//   out ring   worker -> supervisor   the same tokens, in the same order, done
//   current    worker -> supervisor   what it is doing at this moment: whom to blame when it dies
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace headrace::shm {

inline constexpr std::uint64_t kMailboxMagic = 0x31584F424C494D48;  // "HMAILBX1", little-endian
inline constexpr std::uint32_t kMailboxVersion = 1;
inline constexpr std::uint32_t kRingCapacity = 1024;  // a power of two
inline constexpr std::size_t kLine = 64;  // one cache line: what two writers must not share

// What travels: which slot, and which use of that slot.
using Token = std::uint64_t;  // [generation:32][slot:32]
constexpr Token make_token(std::uint32_t slot, std::uint32_t generation) {
  return std::uint64_t{generation} << 32 | slot;
}
constexpr std::uint32_t token_slot(Token token) {
  return static_cast<std::uint32_t>(token);
}
constexpr std::uint32_t token_generation(Token token) {
  return static_cast<std::uint32_t>(token >> 32);
}

// What the supervisor wants of the worker.
enum Control : std::uint32_t { kRun = 0, kLeave = 1 };

struct MailboxFormat {
  // Written once by the supervisor before the worker starts.
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t bytes;     // sizeof(MailboxFormat): a peer of another build is refused
  std::uint32_t capacity;  // kRingCapacity
  std::uint32_t unused[11];

  // Positions count items since the start and wrap at 2^32; a slot of a ring is position %
  // capacity.
  alignas(kLine) std::atomic<std::uint32_t> in_head;   // supervisor: next position to fill
  alignas(kLine) std::atomic<std::uint32_t> in_tail;   // worker: next position to take
  alignas(kLine) std::atomic<std::uint32_t> out_head;  // worker: next position to fill
  alignas(kLine) std::atomic<std::uint32_t> wake;  // supervisor: rises when the worker should look
  alignas(kLine) std::atomic<std::uint32_t> asleep;   // worker: 1 while it sleeps on `wake`
  alignas(kLine) std::atomic<std::uint64_t> current;  // worker: see mailbox.h, Doing
  alignas(kLine) std::atomic<std::uint32_t> control;  // supervisor: a Control
  alignas(kLine) Token in[kRingCapacity];
  alignas(kLine) Token out[kRingCapacity];
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<std::uint64_t>) == 8 && sizeof(std::atomic<std::uint32_t>) == 4);
static_assert(offsetof(MailboxFormat, in_head) == 64 && offsetof(MailboxFormat, in_tail) == 128);
static_assert(offsetof(MailboxFormat, out_head) == 192 && offsetof(MailboxFormat, wake) == 256);
static_assert(offsetof(MailboxFormat, asleep) == 320 && offsetof(MailboxFormat, current) == 384);
static_assert(offsetof(MailboxFormat, control) == 448 && offsetof(MailboxFormat, in) == 512);
static_assert(offsetof(MailboxFormat, out) == 512 + 8 * kRingCapacity);
static_assert(sizeof(MailboxFormat) == 512 + 16 * kRingCapacity);
static_assert((kRingCapacity & (kRingCapacity - 1)) == 0);

}  // namespace headrace::shm
