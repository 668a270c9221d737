#include "tune/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace headrace::tune {
namespace {

// What is believed of the noise before there is much to go by, and how many measurements that
// belief is worth.
constexpr double kUsualNoise = 0.04;
constexpr double kBelief = 3;
// The model has two sets of unknowns that are settled in turns; this many are plenty.
constexpr int kTurns = 30;

struct Mean {
  double sum = 0;
  std::size_t count = 0;
  double value() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
};

}  // namespace

double student(double freedom) {
  // Read off a table up to ten, then the usual approximation by the normal distribution.
  static constexpr std::array<double, 10> kTable = {12.71, 4.30, 3.18, 2.78, 2.57,
                                                    2.45,  2.36, 2.31, 2.26, 2.23};
  if (freedom <= 10)
    return kTable[static_cast<std::size_t>(std::clamp(std::floor(freedom), 1.0, 10.0)) - 1];
  return 1.96 + 2.4 / freedom;
}

Standing::Standing(const std::vector<Sample>& samples, std::size_t candidates)
    : estimates_(candidates) {
  std::size_t rounds = 0;
  for (const Sample& sample : samples) rounds = std::max(rounds, sample.round + 1);
  std::vector<double> of_round(rounds, 0);
  for (int turn = 0; turn < kTurns; ++turn) {
    std::vector<Mean> own(candidates);
    for (const Sample& s : samples) {
      own[s.candidate].sum += s.value - of_round[s.round];
      ++own[s.candidate].count;
    }
    for (std::size_t i = 0; i < candidates; ++i) estimates_[i] = {own[i].value(), own[i].count};
    std::vector<Mean> shared(rounds);
    for (const Sample& s : samples) {
      shared[s.round].sum += s.value - estimates_[s.candidate].value;
      ++shared[s.round].count;
    }
    // Only differences between rounds can be known: the rounds as a whole are neither fast nor slow.
    Mean all;
    for (const Sample& s : samples) {
      all.sum += shared[s.round].value();
      ++all.count;
    }
    for (std::size_t r = 0; r < rounds; ++r) of_round[r] = shared[r].value() - all.value();
  }
  double squares = 0;
  for (const Sample& s : samples) {
    const double rest = s.value - estimates_[s.candidate].value - of_round[s.round];
    squares += rest * rest;
  }
  const auto measured = static_cast<double>(std::count_if(
      estimates_.begin(), estimates_.end(), [](const Estimate& e) { return e.samples > 0; }));
  const double left = std::max(
      0.0, static_cast<double>(samples.size()) - measured - static_cast<double>(rounds) + 1);
  freedom_ = left + kBelief;
  noise_ = std::sqrt((squares + kBelief * kUsualNoise * kUsualNoise) / freedom_);
}

std::size_t Standing::best(const std::vector<std::size_t>& candidates) const {
  std::size_t found = candidates.front();
  for (const std::size_t one : candidates) {
    const bool better = estimates_[one].value > estimates_[found].value;
    if (estimates_[one].samples > 0 && (estimates_[found].samples == 0 || better)) found = one;
  }
  return found;
}

Comparison Standing::compare(std::size_t first, std::size_t second) const {
  const Estimate& a = estimates_[first];
  const Estimate& b = estimates_[second];
  if (first == second) return {};
  const double spread =
      std::sqrt(1 / static_cast<double>(a.samples) + 1 / static_cast<double>(b.samples));
  return {a.value - b.value, student(freedom_) * noise_ * spread};
}

double Standing::half_width(std::size_t candidate) const {
  return student(freedom_) * noise_ /
         std::sqrt(static_cast<double>(std::max<std::size_t>(1, estimates_[candidate].samples)));
}

}  // namespace headrace::tune
