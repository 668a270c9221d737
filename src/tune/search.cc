#include "tune/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/words.h"

namespace headrace::tune {
namespace {

// Shares of the time: for the first look at all shapes, and until the finals begin.
constexpr double kFirstLook = 0.3;
constexpr double kExploring = 0.6;
constexpr std::size_t kFewest = 3;        // survivors of a round
constexpr std::size_t kFinalists = 3;     // besides the untuned plan
constexpr std::size_t kFewestFinals = 4;  // rounds, or a lucky moment decides
// As exactly as this the finals need not know.
constexpr double kExactEnough = 0.01;
// Differences below this are never worth a larger plan, those above always are.
constexpr double kTrifle = 0.005;
constexpr double kNoTrifle = 0.03;
// Below this share of the processors in use, items wait for something else.
constexpr double kIdle = 0.85;
// Memory that differs by less is the same.
constexpr double kSameMemory = 1.05;

}  // namespace

std::string short_text(const Numbers& n) {
  std::string text = n.engine.empty() ? "" : n.engine + " ";
  text += fmt::format("{}x{}", n.workers, n.threads);
  if (n.streams > 1) text += fmt::format(", {} streams", n.streams);
  if (n.batch > 1) text += fmt::format(", batch {}", n.batch);
  return text;
}

Search::Search(Space space, double seconds, double trial_seconds)
    : space_(std::move(space)), seconds_(seconds), trial_seconds_(std::max(trial_seconds, 0.01)) {}

unsigned Search::whole_cpus() const {
  return static_cast<unsigned>(std::max(1.0, std::ceil(space_.cpus.value - 0.005)));
}

std::optional<std::size_t> Search::find(const Numbers& numbers) const {
  const auto found = std::find_if(candidates_.begin(), candidates_.end(),
                                  [&](const Candidate& c) { return c.numbers == numbers; });
  if (found == candidates_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - candidates_.begin());
}

// Whether so many workers have room, by the largest one that was seen of that engine.
bool Search::fits(const Numbers& numbers) {
  Bytes one{};
  for (const Candidate& candidate : candidates_) {
    if (candidate.numbers.engine == numbers.engine && candidate.numbers.batch <= numbers.batch)
      one = std::max(one, candidate.worker_memory);
  }
  if (one * numbers.workers <= space_.memory) return true;
  not_tried_.emplace(
      numbers,
      fmt::format("{} of {} {} more than the {} there are", plan::count(numbers.workers, "worker"),
                  plan::mib(one), numbers.workers == 1 ? "is" : "are", plan::mib(space_.memory)));
  return false;
}

bool Search::add(const Numbers& numbers) {
  if (find(numbers)) return false;
  if (numbers != space_.untuned && !fits(numbers)) return false;
  candidates_.push_back({.numbers = numbers});
  return true;
}

// Shapes, one item at a time: full machines from many workers to many threads, and smaller ones.
void Search::first_round() {
  const unsigned cpus = whole_cpus();
  const auto limited = [&](unsigned workers) { return std::min(workers, space_.most_workers); };
  std::vector<Numbers> shapes;
  const auto propose = [&](unsigned workers, unsigned threads, unsigned streams) {
    for (const std::string& engine : space_.engines)
      shapes.push_back({engine, limited(workers), threads, streams, 1});
  };
  propose(cpus, 1, 1);
  propose(1, cpus, 1);
  if (space_.streams && cpus > 1) propose(1, cpus, cpus);
  propose(std::max(1U, cpus / 2), 1, 1);
  propose(std::max(1U, cpus / 2), std::max(1U, cpus / std::max(1U, cpus / 2)), 1);
  propose(1, 1, 1);
  for (unsigned threads = 4; threads < cpus; threads *= 2) {
    propose(cpus / threads, threads, 1);
    if (space_.streams) propose(cpus / threads, threads, threads);
  }
  const auto affordable =
      static_cast<std::size_t>(std::max(2.0, kFirstLook * seconds_ / trial_seconds_));
  add(space_.untuned);
  for (const Numbers& shape : shapes) {
    if (candidates_.size() > affordable) break;
    add(shape);
  }
  // The plan without tuning first: nothing that was not compared with it is worth a change. Then few
  // workers first: what one takes in memory is known before many are started.
  queue_ = in_the_race();
  std::stable_sort(queue_.begin() + 1, queue_.end(), [&](std::size_t a, std::size_t b) {
    return candidates_[a].numbers.workers > candidates_[b].numbers.workers;
  });
  std::rotate(queue_.begin(), queue_.begin() + 1, queue_.end());
}

std::vector<std::size_t> Search::in_the_race() const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].running && candidates_[i].lost_for.empty()) out.push_back(i);
  }
  return out;
}

Standing Search::standing() const {
  return {samples_, candidates_.size()};
}

// Those in the race that were measured, best first.
std::vector<std::size_t> Search::ranking() const {
  const Standing standing = this->standing();
  std::vector<std::size_t> out = in_the_race();
  std::erase_if(out, [&](std::size_t i) { return standing.of(i).samples == 0; });
  std::stable_sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) {
    const double x = standing.of(a).value;
    const double y = standing.of(b).value;
    return x != y ? x > y : smaller(candidates_[a], candidates_[b]);
  });
  return out;
}

void Search::drop_losers() {
  const std::vector<std::size_t> ranked = ranking();
  if (ranked.empty()) return;
  const Standing standing = this->standing();
  const std::size_t places = finals_ ? kFinalists : std::max(kFewest, (ranked.size() + 2) / 3);
  // The smallest of those that may be as fast as the best would win: it stays, whatever its place.
  std::size_t smallest = ranked.front();
  for (const std::size_t i : ranked) {
    if (standing.compare(ranked.front(), i).difference <= kNoTrifle &&
        smaller(candidates_[i], candidates_[smallest]))
      smallest = i;
  }
  for (std::size_t place = 1; place < ranked.size(); ++place) {
    const std::size_t which = ranked[place];
    const Comparison behind = standing.compare(ranked.front(), which);
    const bool worse = behind.difference > std::max(kTrifle, behind.half_width);
    const bool outnumbered = place >= places && which != smallest;
    if ((worse || outnumbered) && candidates_[which].numbers != space_.untuned)
      candidates_[which].running = false;
  }
}

// Sizes between, below and above those that were tried for the same shape.
void Search::grow_batch(const Numbers& from) {
  unsigned below = 0;
  unsigned above = 0;
  for (const Candidate& candidate : candidates_) {
    Numbers shape = candidate.numbers;
    shape.batch = from.batch;
    if (shape != from) continue;
    const unsigned batch = candidate.numbers.batch;
    if (batch < from.batch) below = std::max(below, batch);
    if (batch > from.batch && (above == 0 || batch < above)) above = batch;
  }
  const auto propose = [&](unsigned batch) {
    Numbers numbers = from;
    numbers.batch = std::min(batch, space_.most_batch);
    if (numbers.batch > 1 && numbers.batch != from.batch) add(numbers);
  };
  if (above == 0) propose(from.batch * 4);
  if (above > from.batch * 2) propose(from.batch * 2);
  if (below > 0 && below * 2 < from.batch) propose(from.batch / 2);
}

void Search::grow_workers(const Candidate& from) {
  const Numbers& n = from.numbers;
  const auto propose = [&](unsigned workers) {
    Numbers numbers = n;
    numbers.workers = std::min(workers, space_.most_workers);
    if (numbers.workers >= 1) add(numbers);
  };
  // Workers that wait for something else than a processor: others can work meanwhile.
  const bool idle = !space_.paced && from.cpu_used < kIdle * space_.cpus.value;
  if (idle && n.running() >= whole_cpus()) return propose(n.workers * 2);
  if (whole_cpus() < 3) return;
  const unsigned step = std::max(1U, n.workers / 8);
  if ((n.workers + step) * n.threads <= whole_cpus()) propose(n.workers + step);
  if (n.workers > step) propose(n.workers - step);
}

void Search::grow() {
  const std::vector<std::size_t> ranked = ranking();
  for (std::size_t place = 0; place < std::min<std::size_t>(2, ranked.size()); ++place) {
    const Candidate from = candidates_[ranked[place]];  // a copy: adding moves them
    grow_batch(from.numbers);
    if (place == 0) grow_workers(from);
  }
}

// Whether every finalist is either worse than the best for certain, or as good as exactly known.
bool Search::settled() const {
  if (final_rounds_ < kFewestFinals) return false;
  const std::vector<std::size_t> ranked = ranking();
  const Standing standing = this->standing();
  return std::all_of(ranked.begin(), ranked.end(), [&](std::size_t i) {
    if (i == ranked.front()) return true;
    const Comparison behind = standing.compare(ranked.front(), i);
    return behind.half_width < kExactEnough || behind.difference > behind.half_width;
  });
}

void Search::next_round(double seconds_left) {
  drop_losers();
  const std::size_t before = candidates_.size();
  if (!finals_ && seconds_left > (1 - kExploring) * seconds_) grow();
  if (!finals_ && candidates_.size() == before) {
    finals_ = true;
    drop_losers();
  }
  if (finals_) {
    const std::vector<std::size_t> left = in_the_race();
    if (left.size() < 2 && final_rounds_ >= kFewestFinals / 2) return;
    if (settled()) return;
    ++final_rounds_;
  }
  queue_ = in_the_race();
  // There and back again: who comes first in one round comes last in the next.
  if (round_ % 2 == 1) std::reverse(queue_.begin(), queue_.end());
}

std::optional<Numbers> Search::next(double seconds_left) {
  const double usual = trials_ == 0 ? trial_seconds_ : spent_ / static_cast<double>(trials_);
  if (trials_ > 0 && seconds_left < usual) return std::nullopt;
  for (;;) {
    if (queue_.empty()) {
      if (round_ == 0) {
        first_round();
      } else {
        next_round(seconds_left);
      }
      if (queue_.empty()) return std::nullopt;
      ++round_;
    }
    under_way_ = queue_.back();
    queue_.pop_back();
    Candidate& candidate = candidates_[under_way_];
    if (candidate.seen.empty() && candidate.numbers != space_.untuned && !fits(candidate.numbers)) {
      candidate.running = false;
      continue;
    }
    return candidate.numbers;
  }
}

void Search::saw(Observation observation) {
  Candidate& candidate = candidates_[under_way_];
  ++trials_;
  spent_ += observation.seconds;
  candidate.worker_memory = std::max(candidate.worker_memory, observation.worker_memory);
  candidate.cpu_used = observation.cpu_used;
  if (observation.lost_for.empty() && !(observation.score > 0))
    observation.lost_for = "not one item was done";
  if (observation.lost_for.empty()) {
    samples_.push_back({under_way_, round_ - 1, std::log(observation.score)});
  } else {
    candidate.lost_for = observation.lost_for;
  }
  candidate.seen.push_back(std::move(observation));
}

bool Search::smaller(const Candidate& a, const Candidate& b) const {
  if (a.numbers.running() != b.numbers.running()) return a.numbers.running() < b.numbers.running();
  const auto memory = [](const Candidate& c) {
    return static_cast<double>(c.worker_memory.value) * c.numbers.workers;
  };
  if (memory(a) > kSameMemory * memory(b) || memory(b) > kSameMemory * memory(a))
    return memory(a) < memory(b);
  if (a.numbers.workers != b.numbers.workers) return a.numbers.workers < b.numbers.workers;
  if (a.numbers.batch != b.numbers.batch) return a.numbers.batch < b.numbers.batch;
  if (a.numbers.streams != b.numbers.streams) return a.numbers.streams < b.numbers.streams;
  return a.numbers == space_.untuned && b.numbers != space_.untuned;
}

bool Search::compared() const {
  const auto tried = [](const Candidate& c) { return !c.seen.empty(); };
  if (candidates_.empty() || !tried(candidates_.front())) return false;
  return std::count_if(candidates_.begin(), candidates_.end(), tried) >= 2 ||
         std::all_of(candidates_.begin(), candidates_.end(),
                     [&](const Candidate& c) { return tried(c) || !c.running; });
}

std::optional<Decision> Search::decide() const {
  const Standing standing = this->standing();
  std::vector<std::size_t> able;
  std::size_t most = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (!candidates_[i].lost_for.empty() || standing.of(i).samples == 0) continue;
    able.push_back(i);
    most = std::max(most, standing.of(i).samples);
  }
  if (able.empty()) return std::nullopt;
  // One lucky moment makes no winner while others were measured time and again.
  const std::size_t enough = std::min<std::size_t>(most, std::max<std::size_t>(2, most / 3));
  std::erase_if(able, [&](std::size_t i) { return standing.of(i).samples < enough; });
  Decision decision;
  decision.fastest = standing.best(able);
  decision.chosen = decision.fastest;
  for (const std::size_t i : able) {
    const Comparison behind = standing.compare(decision.fastest, i);
    if (behind.difference > std::clamp(behind.half_width, kTrifle, kNoTrifle)) continue;
    if (smaller(candidates_[i], candidates_[decision.chosen])) decision.chosen = i;
  }
  decision.chosen_to_fastest = standing.compare(decision.chosen, decision.fastest);
  if (const auto untuned = find(space_.untuned); untuned && standing.of(*untuned).samples > 0) {
    decision.untuned = untuned;
    decision.untuned_to_chosen = standing.compare(*untuned, decision.chosen);
  }
  if (decision.chosen == decision.fastest) {
    decision.why = "it is the fastest of all that were measured";
  } else {
    const double percent = 100 * std::expm1(-decision.chosen_to_fastest.difference);
    const std::string fastest = short_text(candidates_[decision.fastest].numbers);
    decision.why =
        percent < 0.05
            ? fastest + " was just as quick, and is larger"
            : fmt::format("{} was {:.1f} % faster, which is within the noise, and is larger",
                          fastest, percent);
  }
  return decision;
}

}  // namespace headrace::tune
