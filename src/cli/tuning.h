// The measuring of `headrace tune`: which inputs are any good, then trial after trial of what the search asks for, within
// the time that there is.
//
// Owns no result: what it finds is `Findings`, and what is made of that is findings.h. Starts workers through
// tune/trial.h, one set at a time, and leaves none.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/findings.h"
#include "cli/options.h"
#include "cli/talk.h"
#include "cli/workload.h"
#include "sys/poller.h"
#include "tune/search.h"
#include "tune/trial.h"

namespace headrace::cli {

// One tuning. On the main thread; options, signals, talk and log outlive it. The errors are for the user.
class Tuning {
 public:
  // Its time begins now. `program` is this very program.
  Tuning(const TuneOptions& options, std::string program, sys::Signals& signals, Talk& talk,
         spdlog::logger& log);

  // What there is to tune, and whether it can be: quick, starts nothing.
  Status prepare();
  // The rest of the time. Ends early, and well, when a signal comes: see `stopped_by`.
  Status measure();
  const Findings& findings() const { return findings_; }

 private:
  using Clock = std::chrono::steady_clock;

  Status list_inputs();
  bool look_for_signal();
  bool stopped() const { return findings_.stopped_by.has_value(); }

  JobOptions with_numbers(const tune::Numbers& numbers) const;
  tune::Measured run(const tune::Numbers& numbers, tune::TrialRequest request);
  Status first_pass();
  Status enough_time() const;
  Status keep_good_inputs(const tune::Measured& pass);

  void search();
  tune::Space space() const;
  tune::Observation observe(const tune::Measured& measured, double seconds) const;
  std::string lost_for(const tune::Measured& measured) const;
  void say(const tune::Numbers& numbers, const tune::Measured& measured);

  Clock::time_point end() const { return start_ + options_.time; }
  Clock::time_point within(double seconds) const;
  double seconds_left() const;
  double seconds_gone() const;
  double trial_seconds() const;
  std::chrono::milliseconds window() const;

  const TuneOptions& options_;
  std::string program_;
  sys::Signals& signals_;
  Talk& talk_;
  spdlog::logger& log_;
  Clock::time_point start_ = Clock::now();

  std::uint32_t fixed_batch_ = 0;
  std::vector<std::string> engines_;
  std::map<std::string, Workload> workloads_;  // by engine
  std::vector<std::string> inputs_;            // those that are good, once known
  tune::Numbers untuned_;
  double load_seconds_ = 0;
  double item_seconds_ = 0;
  std::string best_so_far_;
  Findings findings_;
};

}  // namespace headrace::cli
