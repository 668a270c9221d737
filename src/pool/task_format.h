// The bytes of a chunk of tasks in a slot: what the pool asks, and what the worker answers.
//
//   input half    ChunkRequest | offsets (unless stride) | the tasks' arguments, one after the other
//   result half   ChunkReply   | results, each 0 and a value or 1, a type and a message | BlockNames
//
// A file format between processes, like shm/slots_format.h. Everything in the result half is the
// worker's word: it is copied first and then checked.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/participant.h"
#include "shm/slots_format.h"

namespace headrace::pool {

enum ChunkFlag : std::uint32_t {
  kTable = 1,   // `count` offsets (u32, from the first task) come before the arguments
  kPadded = 2,  // each result begins at a multiple of detail::kCodecAlignment
};

struct alignas(shm::kLine) ChunkRequest {
  std::uint64_t function;  // detail::key_of()
  std::uint32_t use;     // rises with each chunk that was ever sent: which use of the slot this is
  std::uint32_t count;   // tasks
  std::uint64_t bytes;   // offsets and arguments
  std::uint32_t stride;  // bytes from one task's arguments to the next, without a table
  // Pool: the tasks are of no use any more; what is not begun need not be.
  std::atomic<std::uint32_t> cancelled;
  // Pool: equals `use` once it holds the blocks that the reply names.
  std::atomic<std::uint32_t> taken;
  std::uint32_t flags;       // of ChunkFlag
  shm::BlockName elsewhere;  // the block that holds the arguments; segment 0: they follow here
};
static_assert(sizeof(ChunkRequest) == 64 && offsetof(ChunkRequest, elsewhere) == 40);

struct alignas(shm::kLine) ChunkReply {
  // Copied from the request when the worker begins, after `running` and `accepted` were set to 0.
  std::atomic<std::uint32_t> use;
  // Which task it is at. Read after its death: that one is to blame.
  std::atomic<std::uint32_t> running;
  // How many tasks of the front are done with results that count, whatever becomes of the worker.
  std::atomic<std::uint32_t> accepted;
  std::uint32_t done;    // all that were run; fewer than `count` when it was cancelled
  std::uint64_t bytes;   // of the results
  std::uint64_t run_ns;  // what they took
  std::uint32_t blocks;  // names of blocks that the results refer to, behind the results
  std::uint32_t unused;
  shm::BlockName elsewhere;  // the block that holds results and names; segment 0: they follow here
};
static_assert(sizeof(ChunkReply) == 64 && offsetof(ChunkReply, elsewhere) == 40);

}  // namespace headrace::pool
