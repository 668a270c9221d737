// What one worker of a job costs: time to load, memory once warm, time of an item. Found out by
// starting one, as a run would, and letting it work for two seconds.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "cli/options.h"
#include "cli/sizing.h"
#include "cli/workload.h"
#include "plan/plan.h"
#include "tune/trial.h"

namespace headrace::cli {

struct FirstWorker {
  std::string inputs{};  // where they came from: given, generated, or none
  double load_seconds = 0;
  Bytes proportional{};              // memory, what is shared counted in parts; 0: unreadable
  Bytes unique{};                    // memory that comes back when it ends
  std::optional<plan::Plan> plan{};  // that a run would make of it
  std::string equipment{};           // engine and version
  unsigned threads = 0;
  std::uint64_t items = 0;
  std::uint64_t failed = 0;
  std::uint64_t deaths = 0;  // of the worker
  std::string failure{};     // the first
  double rate = 0;           // items a second
  tune::Latency decode{}, infer{};
  std::optional<int> stopped_by{};
  // The kernel killed it for its memory, and nothing was measured: what to do about it.
  std::optional<std::string> no_room{};
};

// Without inputs it makes its own, where it knows what the model takes; of a handler nobody knows.
// Leaves the measured memory in `sizing.request`. On the main thread, with no other one running. The
// error is one for the user.
Result<FirstWorker> measure_first_worker(const JobOptions& options, const Workload& workload,
                                         Sizing& sizing, const std::string& program,
                                         spdlog::logger& log);

}  // namespace headrace::cli
