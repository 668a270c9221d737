// What a run tells people: progress while it runs, a summary at its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "pipeline/pipeline.h"
#include "supervisor/fleet.h"
#include "supervisor/watch.h"

namespace headrace::cli {

using Clock = std::chrono::steady_clock;

// One moment of a run.
struct Snapshot {
  pipeline::Counts counts;
  std::optional<std::uint64_t> total;  // inputs in all, once known
  std::string workers{};               // one letter a worker: . loading, = ready, # working, x dead
  supervisor::Readings readings{};
  std::string waiting{};  // "12 s for out.jsonl", or nothing
};
std::string worker_letters(const supervisor::Fleet& fleet);

// Writes to standard error, at its own pace. A bar redraws one line; plain adds a line every few
// seconds.
class Progress {
 public:
  // `results_on_terminal`: lines of results go to the same terminal, so a bar would be in their
  // way.
  Progress(ProgressStyle style, bool results_on_terminal, Clock::time_point start);
  void show(const Snapshot& snapshot, Clock::time_point now);
  // Wipes a bar off the line.
  void clear();
  bool is_bar() const { return style_ == ProgressStyle::bar; }

 private:
  std::string bar_line(const Snapshot& snapshot, Clock::time_point now) const;
  std::string plain_line(const Snapshot& snapshot, Clock::time_point now) const;
  double rate(const Snapshot& snapshot, Clock::time_point now) const;

  ProgressStyle style_;
  Clock::time_point start_;
  Clock::time_point next_;
  bool drawn_ = false;
};

// All that is known at the end of a run.
struct Summary {
  std::string model;
  std::string equipment;  // engine, version, threads
  pipeline::Counts counts;
  std::uint64_t not_kept = 0;  // of these, lines that are not known to be in the results
  double seconds = 0;
  double first_answer_seconds = 0;            // from the start of the command; 0: there was none
  double p50_ms = 0, p95_ms = 0, p99_ms = 0;  // of decode + infer
  unsigned workers = 0, threads = 0, batch = 0;
  double cpu_used = 0;  // cores, on average
  supervisor::Readings readings;
  std::vector<supervisor::Intervention> interventions;  // the first of them
  std::uint64_t acts = 0;                               // all of them
  std::uint64_t supervisor_peak_bytes = 0;
  supervisor::FleetCounts fleet;
  bool complete = false;
  std::string stopped;  // why it is not complete
};

std::string to_text(const Summary& summary);  // a few lines for people
std::string to_json(const Summary& summary);

}  // namespace headrace::cli
