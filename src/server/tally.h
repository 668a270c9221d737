// What a line has done so far, for statistics and metrics.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "pipeline/histogram.h"

namespace headrace::server {

// How often something took place, and how long it took in all.
struct Spent {
  std::uint64_t count = 0;
  std::chrono::nanoseconds time{0};
  void add(std::chrono::nanoseconds more) {
    ++count;
    time += more;
  }
};

// Times by the upper ends that dashboards know.
class Distribution {
 public:
  static constexpr std::array<double, 15> kEnds = {0.001, 0.0025, 0.005, 0.01, 0.025,
                                                   0.05,  0.075,  0.1,   0.25, 0.5,
                                                   0.75,  1,      2.5,   5,    10};  // seconds
  void add(std::chrono::nanoseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    std::size_t at = 0;
    while (at < kEnds.size() && seconds > kEnds[at]) ++at;
    ++counts_[at];
    all_.add(time);
  }
  // How many took no longer than kEnds[end].
  std::uint64_t up_to(std::size_t end) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= end; ++i) sum += counts_[i];
    return sum;
  }
  const Spent& all() const { return all_; }

 private:
  std::array<std::uint64_t, kEnds.size() + 1> counts_{};
  Spent all_;
};

struct Tally {
  Spent success;                           // from being submitted to being answered
  Spent fail;                              // the same, for requests that got no result
  Spent queue;                             // until a worker began
  Spent decode;                            // compute_input
  Spent infer;                             // compute_infer
  std::uint64_t rows = 0;                  // of requests with a result
  std::uint64_t executions = 0;            // requests that ran
  std::array<std::uint64_t, 11> failed{};  // by ItemError
  std::uint64_t late = 0;                  // their deadline came first
  std::uint64_t cancelled = 0;             // their client left
  std::uint64_t refused_queue = 0;         // not admitted: full
  std::uint64_t refused_ever = 0;          // not admitted: too large
  std::uint64_t attempts = 0;              // beyond the first, of answered requests
  std::chrono::system_clock::time_point last_inference{};
  Distribution request_time;    // as `success` and `fail`
  pipeline::Histogram latency;  // the same, finer
};

}  // namespace headrace::server
