// How long things took, in constant memory.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace headrace::pipeline {

// Counts durations in buckets whose width is about 3 % of their value (32 to a doubling), from 1 us
// to 19 hours.
class Histogram {
 public:
  void add(std::chrono::microseconds time);
  std::uint64_t count() const { return count_; }
  // What has come in since it was `earlier`; all of it when that was another one.
  Histogram since(const Histogram& earlier) const;
  // The duration that `share` (0..1) of all do not exceed, exact to the bucket; 0 when there are
  // none.
  std::chrono::microseconds quantile(double share) const;

 private:
  static constexpr unsigned kSteps = 32;  // buckets in a doubling
  static constexpr unsigned kDoublings = 36;
  static unsigned bucket(std::uint64_t us);
  static std::uint64_t upper_end(unsigned bucket);

  std::array<std::uint64_t, std::size_t{kDoublings + 1} * kSteps> counts_{};
  std::uint64_t count_ = 0;
};

}  // namespace headrace::pipeline
