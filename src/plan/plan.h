// From a budget to numbers: how many workers, threads, slots, and why each.
//
// Pure arithmetic, no I/O, the same answer every time. Everything is limited, and the limits are
// what the command prints before it starts. `plan` is made twice in a run: with an estimate of a
// worker's memory, and again when the first worker was measured.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "plan/budget.h"

namespace headrace::plan {

inline constexpr unsigned kMostWorkers = 256;
inline constexpr unsigned kMostThreads = 1024;
// Also of items that a worker has in work at once, in all its streams.
inline constexpr unsigned kMostBatch = 128;
inline constexpr unsigned kMostStreams = 128;
inline constexpr unsigned kMostSlots = 65'535;
// Enough that a worker with items of microseconds never waits for the dispatcher.
inline constexpr unsigned kFullMailbox = 256;
// Less is enough for all but those; it is what is left when slots are large or many.
inline constexpr unsigned kUsualMailbox = 64;
inline constexpr Bytes kDeepMailboxMemory = 64_MiB;

// A throughput job uses a paid-for fraction of a core by one worker more, since being throttled
// costs it nothing but latency; a latency job, and threads that wait for each other, stay below the
// quota.
enum class Job { throughput, latency };

struct Request {
  Job job = Job::throughput;
  // What the user asked for; unset means auto.
  std::optional<unsigned> workers{};
  std::optional<unsigned> threads{};  // of each worker, in all its streams
  std::optional<unsigned> streams{};  // batches that a worker works on at once; auto is 1
  std::optional<unsigned> batch{};    // items that the model takes at once; auto is 1

  Bytes worker_memory = 256_MiB;  // private to one worker
  bool worker_memory_measured = false;
  Bytes supervisor_memory = 48_MiB;
  Bytes shared_memory{};  // mapped once for all workers, slots not counted (weights, say)
  Bytes slot_bytes = 64_KiB;
};

template <class T>
struct Reasoned {
  T value{};
  std::string why;  // one sentence
};

struct Plan {
  Reasoned<unsigned> workers;
  Reasoned<unsigned> threads;
  Reasoned<unsigned> streams;  // at most `threads`
  Reasoned<unsigned> batch;
  Reasoned<unsigned>
      mailbox;  // items that a worker may have been given at once; a power of two >= at_once()
  Reasoned<unsigned> slots;   // workers x mailbox
  Reasoned<Bytes> in_flight;  // slots x slot_bytes
  Reasoned<Bytes> memory;     // expected use of all processes together
  std::vector<std::string> warnings;

  // Items that a worker works on at once: a batch in each stream.
  unsigned at_once() const { return streams.value * batch.value; }
};

// An error when a request lies outside of the limits above (0 workers, 300 workers).
Result<Plan> make_plan(const Budget& budget, const Request& request);

// After a change of workers, threads or slots: what they are expected to take, and the warnings.
void conclude(const Budget& budget, const Request& request, Plan& plan);

// What the slots of one worker take at least.
Bytes fewest_slots(const Request& request, unsigned at_once);

// What a memory limit must be, reserve included, for one worker with the fewest slots to have room.
Bytes least_limit(const Request& request, unsigned at_once);

// How many processors to fill: the fraction rounded by the rule above, at least 1. `lockstep`:
// several threads that wait for each other.
unsigned whole_cpus(Cpus cpus, Job job, bool lockstep);

// The plan for people: a line a number with its why, then warnings and notes. Ends with a line end.
std::string plan_text(const Budget& budget, const Plan& plan);

}  // namespace headrace::plan
