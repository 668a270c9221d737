// Times and what is said of them, the same in every program of the library's part: nanoseconds of one clock for
// all processes, medians and 99th percentiles of single times.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace bench {

// CLOCK_MONOTONIC, so that a time taken in one process can be subtracted from one taken in another.
inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline double seconds_since(std::int64_t begin_ns) {
  return static_cast<double>(now_ns() - begin_ns) / 1e9;
}

struct Micros {
  double p50 = 0;
  double p99 = 0;
};
inline Micros percentiles(std::vector<std::int64_t> ns) {
  if (ns.empty()) throw std::runtime_error("nothing was timed");
  std::ranges::sort(ns);
  const auto at = [&](std::size_t percent) {
    return static_cast<double>(ns[(ns.size() - 1) * percent / 100]) / 1e3;
  };
  return {at(50), at(99)};
}

// Each of so many calls by itself, after some that are not counted.
template <class F>
Micros time_each(std::size_t times, F call) {
  for (std::size_t i = 0; i < times / 10 + 1; ++i) call();
  std::vector<std::int64_t> ns;
  ns.reserve(times);
  for (std::size_t i = 0; i < times; ++i) {
    const std::int64_t begin = now_ns();
    call();
    ns.push_back(now_ns() - begin);
  }
  return percentiles(std::move(ns));
}

}  // namespace bench
