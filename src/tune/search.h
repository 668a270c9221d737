// Which plan to measure next, and which one to take in the end.
//
// A grid of engines, workers, threads, streams and batch sizes has hundreds of points, and most of
// them are hopeless after one look. So all promising shapes are measured for a moment, the best
// third is kept, what is left is measured again beside its neighbours (other batch sizes, more
// workers when processors idle), and the last few take turns until the difference between them is
// known or the time is up. The plan that would be used without tuning stays in to the end, for the
// comparison.
//
// Pure: it is told what was measured and says what to measure; the same measurements give the same
// choice.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "tune/statistics.h"

namespace headrace::tune {

// What a plan decides.
struct Numbers {
  std::string engine{};  // empty for a handler
  unsigned workers = 1;
  unsigned threads = 1;  // of each worker
  unsigned streams = 1;  // in each worker, which share its threads
  unsigned batch = 1;
  auto operator<=>(const Numbers&) const = default;
  unsigned running() const { return workers * threads; }
};
// "openvino 2x1, batch 4"; streams only when there are several.
std::string short_text(const Numbers& numbers);

// What there is to choose from.
struct Space {
  std::vector<std::string> engines{};  // one empty name for a handler
  Cpus cpus{};
  Bytes memory{};            // for all workers together
  Numbers untuned{};         // what would be used without tuning
  unsigned most_batch = 32;  // 1: the model leaves no choice
  bool paced = false;        // items arrive at a rate: processors that idle are no sign of anything
  bool streams = false;      // whether a worker may have several
  unsigned most_workers = 256;
};

// What one trial came to.
struct Observation {
  double score = 0;        // larger is better; only ratios count
  double cpu_used = 0;     // cores
  Bytes worker_memory{};   // the largest of one worker
  double seconds = 0;      // that the whole trial took
  std::string lost_for{};  // why it is no plan to run with; empty: it is one
};

struct Candidate {
  Numbers numbers{};
  std::vector<Observation> seen{};
  bool running = true;     // still in the race
  std::string lost_for{};  // why it is out for good
  Bytes worker_memory{};   // the largest seen
  double cpu_used = 0;     // of the last trial
};

struct Decision {
  std::size_t chosen = 0;   // places in Search::candidates()
  std::size_t fastest = 0;  // by the mean alone
  std::optional<std::size_t> untuned{};
  Comparison chosen_to_fastest{};
  Comparison untuned_to_chosen{};
  std::string why{};  // one sentence
};

class Search {
 public:
  // `seconds` is the time for all trials together, `trial_seconds` what one may take.
  Search(Space space, double seconds, double trial_seconds);

  // The next to measure; nothing when it is known enough, or the time that is left is too short.
  std::optional<Numbers> next(double seconds_left);
  // The result of the last next().
  void saw(Observation observation);

  const std::vector<Candidate>& candidates() const { return candidates_; }
  // How many trials this round still has, the one under way included; for a progress line.
  std::size_t round() const { return round_; }
  bool finals() const { return finals_; }
  Standing standing() const;
  // Whether the plan without tuning was tried, and another one, if there is any.
  bool compared() const;
  // Nothing when no trial came to anything.
  std::optional<Decision> decide() const;
  // Plans that were never tried for want of memory, with the reason.
  const std::map<Numbers, std::string>& not_tried() const { return not_tried_; }

 private:
  void first_round();
  void next_round(double seconds_left);
  void drop_losers();
  void grow();
  void grow_batch(const Numbers& from);
  void grow_workers(const Candidate& from);
  bool settled() const;
  bool add(const Numbers& numbers);
  bool fits(const Numbers& numbers);
  std::optional<std::size_t> find(const Numbers& numbers) const;
  std::vector<std::size_t> in_the_race() const;
  std::vector<std::size_t> ranking() const;
  bool smaller(const Candidate& a, const Candidate& b) const;
  unsigned whole_cpus() const;

  Space space_;
  double seconds_;
  double trial_seconds_;
  std::vector<Candidate> candidates_;
  std::vector<Sample> samples_;
  std::vector<std::size_t> queue_;  // of this round, the next one last
  std::size_t under_way_ = 0;
  std::size_t round_ = 0;  // the one under way, from 1
  std::size_t final_rounds_ = 0;
  bool finals_ = false;
  double spent_ = 0;
  std::size_t trials_ = 0;
  std::map<Numbers, std::string> not_tried_;
};

}  // namespace headrace::tune
