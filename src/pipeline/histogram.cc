#include "pipeline/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace headrace::pipeline {

// Exact below kSteps; above, the highest bit picks the doubling and the next five bits the step in
// it.
unsigned Histogram::bucket(std::uint64_t us) {
  if (us < kSteps) return static_cast<unsigned>(us);
  const auto doubling = static_cast<unsigned>(std::bit_width(us)) - 6;  // 32..63 -> 0
  const auto step = static_cast<unsigned>(us >> doubling) - kSteps;
  return std::min((doubling + 1) * kSteps + step, (kDoublings + 1) * kSteps - 1);
}

std::uint64_t Histogram::upper_end(unsigned bucket) {
  if (bucket < kSteps) return bucket;
  const unsigned doubling = bucket / kSteps - 1;
  return (std::uint64_t{kSteps + bucket % kSteps + 1} << doubling) - 1;
}

void Histogram::add(std::chrono::microseconds time) {
  ++counts_[bucket(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)))];
  ++count_;
}

Histogram Histogram::since(const Histogram& earlier) const {
  Histogram rest;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] < earlier.counts_[i]) return *this;
    rest.counts_[i] = counts_[i] - earlier.counts_[i];
  }
  rest.count_ = count_ - earlier.count_;
  return rest;
}

std::chrono::microseconds Histogram::quantile(double share) const {
  if (count_ == 0) return std::chrono::microseconds(0);
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (unsigned i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= std::max<std::uint64_t>(rank, 1)) return std::chrono::microseconds(upper_end(i));
  }
  return std::chrono::microseconds(0);
}

}  // namespace headrace::pipeline
