// The bytes of the slots: where inputs and results lie while they are in flight.
//
//   SlotsFormat | slot 0: RequestFormat, ReplyFormat, input bytes, result bytes | slot 1: ... | ... | bodies
//
// A file format between processes, like mailbox_format.h. The request half of a slot is written by
// the supervisor before its token is sent; the reply half by the one worker that holds the token.
// An input lies in its slot, or among the bodies when it has a size of its own; the request says
// where. Which bytes of the bodies are free stands nowhere in here: the supervisor knows.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/mailbox_format.h"

namespace headrace::shm {

inline constexpr std::uint64_t kSlotsMagic = 0x31544F4C53445248;  // "HRDSLOT1", little-endian
inline constexpr std::uint32_t kSlotsVersion = 2;

struct SlotsFormat {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t count;            // slots
  std::uint32_t stride;           // bytes from one slot to the next, a multiple of kLine
  std::uint32_t input_capacity;   // bytes, a multiple of kLine
  std::uint32_t result_capacity;  // bytes, a multiple of kLine
  // Supervisor: 0 while it is awake, else the number of this sleep, so that each worker rings its
  // bell only then, and once.
  alignas(kLine) std::atomic<std::uint32_t> supervisor_asleep;
};

struct alignas(kLine) RequestFormat {
  std::uint32_t generation;  // rises with each use of the slot
  std::uint32_t unused;
  std::uint64_t input_at;     // where the input begins, in bytes from the start of the memory
  std::uint64_t input_bytes;  // how long it is: a name, or as many bytes as a body has
};

struct alignas(kLine) ReplyFormat {
  std::uint32_t generation;    // copied from the request
  std::uint32_t error;         // 0, or an ItemError
  std::uint32_t result_bytes;  // JSON text of the result, or the error's message
  std::uint32_t decode_us;     // reading and decoding
  std::uint32_t infer_us;      // in the engine; of the whole batch when several ran together
  std::uint32_t unused;
  std::int64_t started_ns;  // steady clock
};

static_assert(sizeof(SlotsFormat) == 128 && offsetof(SlotsFormat, supervisor_asleep) == 64);
static_assert(sizeof(RequestFormat) == 64 && sizeof(ReplyFormat) == 64);
static_assert(offsetof(RequestFormat, input_at) == 8 && offsetof(RequestFormat, input_bytes) == 16);
static_assert(offsetof(ReplyFormat, started_ns) == 24);

}  // namespace headrace::shm
