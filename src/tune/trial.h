// One set of workers, run for a while through the very pipeline that users take, and measured.
//
// Guesses about engines, caches and quotas are worth little; what counts is what the user's own
// inputs do on this machine now. So a trial starts a fleet like `headrace run` does, feeds it from
// a sample again and again, leaves out what happens before every worker is warm, and counts what
// comes back. Nothing of it outlives the call.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "pipeline/opened_source.h"
#include "shm/slots.h"
#include "supervisor/fleet.h"
#include "sys/cgroup.h"
#include "sys/poller.h"

namespace headrace::tune {

struct TrialRequest {
  supervisor::FleetSettings fleet{};      // workers, batch and the rest, as for a run
  shm::SlotSizes slots{};                 // as for a run
  std::span<const std::string> inputs{};  // names of items, at least one; taken round and round
  std::optional<pipeline::OpenedSource::Settings> opening{};  // when workers get files, not names
  std::chrono::milliseconds window{2'000};  // how long is measured, from when all are warm
  std::uint64_t most_items = 0;             // ends the window sooner; 0: no such end
  // Every input once and no warm-up: for finding out which inputs are any good. `window` still
  // bounds it.
  bool one_pass = false;
  // Items arrive at this rate (a second, at random moments, the same in every trial) whether they
  // are taken or not, and a late one counts as late; otherwise there is always one more.
  std::optional<double> arrivals{};
  // Whatever is not done by then never will be; none when unset.
  std::optional<std::chrono::steady_clock::time_point> deadline{};
};

// Of the items that were answered in the window.
struct Latency {
  double p50_ms = 0, p95_ms = 0, p99_ms = 0;
};

// Of times in any order, which it puts into another.
Latency latency_of(std::vector<float>& times);

enum class Verdict : unsigned char { untried, ok, failed };

struct Failure {
  std::size_t input = 0;  // its place in TrialRequest::inputs
  std::string message;    // "corrupt: ..."
};

struct Measured {
  double load_seconds = 0;  // from the start of the processes until all were ready
  double seconds = 0;       // the window's true length; 0: it never came to one
  std::uint64_t ok = 0;     // items in the window
  std::uint64_t failed = 0;
  double rate = 0;                // ok a second
  Latency whole{};                // from admission (with arrivals: from when it was due) to answer
  Latency decode{}, infer{};      // of which: in the worker; infer is an item's share of its batch
  std::vector<float> whole_ms{};  // one by one, so that several trials can be put together
  double cpu_used = 0;            // cores, of supervisor and workers together
  std::optional<sys::Throttling> throttling{};  // what was added in the window
  std::vector<Bytes> worker_memory{};           // proportional, of each worker, when it was warm
  Bytes container_memory{};     // of the own group, what the kernel could not take back; 0: unknown
  std::uint64_t restarts = 0;   // workers that died
  std::uint64_t oom_kills = 0;  // as the own group counts them; the first one ends the trial
  std::string equipment{};      // engine and version, as workers say
  std::vector<Verdict> verdicts{};  // by input
  std::vector<Failure> failures{};  // the first few

  std::optional<int> stopped_by{};  // the signal that ended it early
  std::optional<Error> trouble{};   // why nothing was measured

  Bytes memory() const;  // of all workers together
};

// Runs to its end, or until a signal comes, which nothing under way outlives; all processes are gone
// then. Gives up at once after a few deaths of workers, and, with `trouble`, at the first kill for want
// of memory in the own group and at the deadline. On the main thread: see
// supervisor/fleet.h. `tick` is called at least every second with the fleet.
Measured run_trial(const TrialRequest& request, sys::Signals& signals, spdlog::logger& log,
                   const std::function<void(const supervisor::Fleet&)>& tick);

}  // namespace headrace::tune
