// How fast each of several candidates is, from few measurements on a machine that others use too.
//
// A neighbour's work makes everything slower for some seconds, and a comparison of two single
// measurements then says who was unlucky. So candidates are measured in rounds, and each value is
// taken for a candidate's own speed, times what the whole round had in common, times noise. The
// rounds' part drops out of every comparison.
#pragma once

#include <cstddef>
#include <vector>

namespace headrace::tune {

// One measurement: logarithms, so that a difference is a ratio.
struct Sample {
  std::size_t candidate = 0;
  std::size_t round = 0;
  double value = 0;
};

struct Estimate {
  double value = 0;
  std::size_t samples = 0;  // 0: nothing is known
};

struct Comparison {
  double difference = 0;  // of the first over the second
  double half_width = 0;  // of its 95 % interval
};

class Standing {
 public:
  // `candidates` and rounds are numbered from 0.
  Standing(const std::vector<Sample>& samples, std::size_t candidates);

  const Estimate& of(std::size_t candidate) const { return estimates_[candidate]; }
  // The candidate with the largest value; `candidates` must hold one that was measured.
  std::size_t best(const std::vector<std::size_t>& candidates) const;
  // Both must have been measured.
  Comparison compare(std::size_t first, std::size_t second) const;
  // Half of the 95 % interval of one candidate's own value.
  double half_width(std::size_t candidate) const;
  // The standard deviation of one measurement.
  double noise() const { return noise_; }

 private:
  std::vector<Estimate> estimates_;
  double noise_ = 0;
  double freedom_ = 1;  // degrees of it, behind noise_
};

// The 97.5 % point of Student's distribution.
double student(double freedom);

}  // namespace headrace::tune
