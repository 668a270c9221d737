#include "cli/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <numeric>
#include <utility>

#include "cli/command_line.h"
#include "plan/words.h"
#include "sys/cgroup.h"

#ifndef HEADRACE_VERSION
#error "HEADRACE_VERSION comes from the build"
#endif

namespace headrace::cli {
namespace {

double p99_ms(const TuneOptions& options) {
  return std::chrono::duration<double, std::milli>(options.p99).count();
}

tune::Goal goal_of(const TuneOptions& options) {
  tune::Goal goal{.latency = options.latency, .arrivals = options.rate};
  if (options.p99.count() > 0) goal.p99_ms = p99_ms(options);
  return goal;
}

// All trials of one candidate together.
void add_up(const std::vector<tune::Measured>& trials, tune::Row& row) {
  const auto count = static_cast<double>(trials.size());
  std::vector<float> times;
  sys::Throttling throttling;
  double items = 0;
  double seconds = 0;
  for (const tune::Measured& one : trials) {
    row.equipment = one.equipment;
    times.insert(times.end(), one.whole_ms.begin(), one.whole_ms.end());
    row.cpu_used += one.cpu_used / count;
    row.memory = std::max(row.memory, one.memory());
    row.load_seconds += one.load_seconds / count;
    items += static_cast<double>(one.ok);
    seconds += one.seconds;
    if (!one.throttling) continue;
    throttling.periods += one.throttling->periods;
    throttling.throttled += one.throttling->throttled;
  }
  if (throttling.periods > 0) {
    row.throttled =
        static_cast<double>(throttling.throttled) / static_cast<double>(throttling.periods);
  }
  row.whole = tune::latency_of(times);
  row.rate = seconds > 0 ? items / seconds : 0;
  row.rate_low = row.rate_high = row.rate;
}

tune::Row row_of(std::size_t place, bool latency, const Findings& findings,
                 const tune::Standing& standing, const tune::Decision& decision) {
  const tune::Candidate& candidate = findings.search->candidates()[place];
  tune::Row row{.numbers = candidate.numbers, .lost_for = candidate.lost_for};
  row.chosen = place == decision.chosen;
  row.untuned = decision.untuned == place;
  const auto found = findings.measured.find(candidate.numbers);
  if (found == findings.measured.end()) return row;
  row.trials = found->second.size();
  row.finalist = candidate.running && row.trials > 1;
  add_up(found->second, row);
  if (!latency && standing.of(place).samples > 0) {
    const double half = standing.half_width(place);
    row.rate = std::exp(standing.of(place).value);
    row.rate_low = row.rate * std::exp(-half);
    row.rate_high = row.rate * std::exp(half);
  }
  return row;
}

// The places of all candidates, the best first, then those that lost or were never seen.
std::vector<std::size_t> in_order(const tune::Search& search, const tune::Standing& standing) {
  std::vector<std::size_t> places(search.candidates().size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  const auto rank = [&](std::size_t i) {
    const bool lost = !search.candidates()[i].lost_for.empty();
    const bool seen = standing.of(i).samples > 0;
    return std::pair(lost || !seen, seen ? -standing.of(i).value : 0);
  };
  std::stable_sort(places.begin(), places.end(),
                   [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  return places;
}

std::string words(const TuneOptions& options, const tune::Decision& decision,
                  const std::vector<tune::Row>& rows) {
  const tune::Row* chosen = nullptr;
  const tune::Row* untuned = nullptr;
  for (const tune::Row& row : rows) {
    if (row.chosen) chosen = &row;
    if (row.untuned) untuned = &row;
  }
  std::string text =
      fmt::format("the plan: {}: {}", tune::short_text(chosen->numbers), decision.why);
  if (options.p99.count() > 0) {
    const bool kept = chosen->whole.p99_ms <= p99_ms(options);
    text += fmt::format("; p99 is {:.1f} ms, {} the {} ms asked for", chosen->whole.p99_ms,
                        kept ? "within" : "NOT within", plan::decimal(p99_ms(options)));
  }
  if (untuned == nullptr) return text;
  text += fmt::format("\nthe plan without tuning ({}): ", tune::short_text(untuned->numbers));
  if (decision.untuned == decision.chosen)
    return text + fmt::format("{:.1f} items/s, is this very plan", untuned->rate);
  if (options.latency)
    return text + fmt::format("p99 {:.1f} ms against {:.1f} ms", untuned->whole.p99_ms,
                              chosen->whole.p99_ms);
  const tune::Comparison& less = decision.untuned_to_chosen;
  const auto percent = [&](double half) { return 100 * std::exp(less.difference + half); };
  return text + fmt::format("{:.1f} items/s, {:.0f}-{:.0f} % of the best", untuned->rate,
                            percent(-less.half_width), percent(less.half_width));
}

}  // namespace

std::string utc(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

tune::Report make_report(const TuneOptions& options, const Findings& findings,
                         const tune::Decision& decision, const std::string& made_at) {
  tune::Report report{.model = findings.model,
                      .command = command_line(options),
                      .made_by = std::string("headrace ") + HEADRACE_VERSION,
                      .made_at = made_at,
                      .goal = goal_of(options),
                      .place = findings.place,
                      .usable_memory = findings.usable,
                      .inputs = findings.sampled,
                      .listed = findings.listed,
                      .left_out = findings.left_out,
                      .failures = findings.failures,
                      .seconds = findings.seconds};
  if (findings.stopped_by)
    report.stopped = *findings.stopped_by == SIGINT ? "interrupted" : "asked to stop";
  const tune::Standing standing = findings.search->standing();
  for (const std::size_t place : in_order(*findings.search, standing)) {
    tune::Row row = row_of(place, options.latency, findings, standing, decision);
    if (row.trials > 0) report.rows.push_back(std::move(row));
  }
  for (const auto& [numbers, why] : findings.search->not_tried())
    report.not_tried.push_back(tune::short_text(numbers) + ": " + why);
  report.decision = words(options, decision, report.rows);
  return report;
}

tune::PlanFile plan_of(const tune::Report& report) {
  tune::PlanFile plan{.made_by = report.made_by,
                      .made_at = report.made_at,
                      .place = report.place,
                      .model_name = report.model,
                      .goal = report.goal};
  for (const tune::Row& row : report.rows) {
    if (row.untuned) plan.untuned_rate = row.rate;
    if (!row.chosen) continue;
    plan.numbers = row.numbers;
    plan.equipment = row.equipment;
    plan.rate = row.rate;
    plan.rate_low = row.rate_low;
    plan.rate_high = row.rate_high;
    plan.p50_ms = row.whole.p50_ms;
    plan.p99_ms = row.whole.p99_ms;
    plan.memory = row.memory;
  }
  return plan;
}

std::string why_no_plan(const tune::Search& search) {
  std::string why = "no time was left for a trial; give it more with --time";
  for (const tune::Candidate& candidate : search.candidates()) {
    if (!candidate.lost_for.empty())
      why = tune::short_text(candidate.numbers) + ": " + candidate.lost_for;
  }
  return why;
}

}  // namespace headrace::cli
