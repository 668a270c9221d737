#include "cli/tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <csignal>
#include <optional>
#include <utility>

#include "cli/input_opening.h"
#include "cli/report.h"
#include "cli/sizing.h"
#include "cli/tuned.h"
#include "pipeline/file_source.h"
#include "plan/words.h"
#include "tune/sample.h"

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::milliseconds;

// Of the time: for finding out which inputs are any good, for one trial's window at most and usually.
constexpr double kPassShare = 0.1;
// Of the time, for it and for loading before it, at the very most.
constexpr double kFirstPassShare = 0.5;
// A trial that takes so many times what the first one did, and such a share of the time, is given up.
constexpr double kSlowTrial = 4;
constexpr double kSlowShare = 0.15;
// For the plan without tuning and two others.
constexpr double kFewestTrials = 3;
constexpr double kLongestWindow = 0.06;
constexpr double kUsualWindow = 1.0 / 70;
constexpr milliseconds kShortestWindow = 400ms;
// What a trial takes beside loading and its window: warming up and leaving.
constexpr double kAroundTrial = 0.6;
// So many items in a window, and so many arrivals for the 99th percentile to mean something.
constexpr double kItemsInWindow = 12;
constexpr double kArrivalsInWindow = 100;
constexpr unsigned kMostBatch = 32;
// The first of a batch waits for the last one's inference.
constexpr unsigned kMostLateBatch = 4;
// A plan that is held to a latency should keep some distance from it.
constexpr double kLatencyMargin = 0.9;
// More failures than this and a plan is no good: every input was fine in the first pass.
constexpr double kMostFailures = 0.05;

double seconds_in(std::chrono::steady_clock::duration time) {
  return duration<double>(time).count();
}

milliseconds in_ms(double seconds) {
  return milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

tune::Measured failed(const Error& error) {
  tune::Measured measured;
  measured.trouble = error;
  return measured;
}

// Memory was only guessed until now; a run looks again as soon as it is measured.
tune::Numbers untuned_plan(const JobOptions& options, Sizing& sizing, tune::Numbers first,
                           const tune::Measured& pass) {
  first.workers = sizing.plan.workers.value;
  if (pass.worker_memory.empty()) return first;
  const Bytes one = *std::max_element(pass.worker_memory.begin(), pass.worker_memory.end());
  if (const auto plan = plan_by_measure(options, sizing, one)) {
    first.workers = plan->workers.value;
    first.threads = plan->threads.value;
  }
  return first;
}

}  // namespace

Tuning::Tuning(const TuneOptions& options, std::string program, sys::Signals& signals, Talk& talk,
               spdlog::logger& log)
    : options_(options), program_(std::move(program)), signals_(signals), talk_(talk), log_(log) {}

// --- what there is

Status Tuning::prepare() {
  Result<tune::Place> place = place_here(options_);
  if (!place) return place.error();
  findings_.place = std::move(*place);
  const Result<plan::Budget> budget = read_budget(options_);
  if (!budget) return budget.error();
  const std::uint64_t usable = budget->memory.usable.value;
  findings_.usable = Bytes{usable - std::min(usable, plan::Request{}.supervisor_memory.value)};
  Result<Workload> first = load_workload(options_, program_);
  if (!first) return first.error();
  for (const std::string& guess : first->warnings) log_.warn("{}", guess);
  findings_.model = first->name;
  fixed_batch_ = first->fixed_batch;
  engines_ = first->engines;
  for (const std::string& engine : engines_) {
    JobOptions with = static_cast<const JobOptions&>(options_);
    with.engine = engine;
    Result<Workload> workload = load_workload(with, program_);
    if (!workload) return workload.error();
    workloads_.emplace(engine, std::move(*workload));
  }
  return Ok{};
}

Status Tuning::measure() {
  for (const auto step : {&Tuning::list_inputs, &Tuning::first_pass}) {
    if (Status done = (this->*step)(); !done) return done;
    if (stopped()) return Ok{};
  }
  search();
  findings_.seconds = seconds_gone();
  return Ok{};
}

Status Tuning::list_inputs() {
  tune::EvenSample sample(options_.sample);
  pipeline::FileSource source(options_.inputs, /*count_ahead=*/false);
  sys::Poller poller;
  poller.watch(source.fd(), 0);
  poller.watch(signals_.fd(), 1);
  for (;;) {
    pipeline::Input input;
    const auto pulled = source.next(input);
    if (pulled == pipeline::Source::Pulled::end) break;
    if (pulled == pipeline::Source::Pulled::item) {
      sample.add(std::move(input.name));
      continue;
    }
    poller.wait(1s);
    source.heard();
    if (look_for_signal()) return Ok{};
  }
  if (const auto trouble = source.trouble()) return *trouble;
  findings_.listed = sample.listed();
  inputs_ = sample.take();
  if (inputs_.empty()) return Error{"there are no inputs to tune with"};
  return Ok{};
}

bool Tuning::look_for_signal() {
  while (const auto signal = signals_.next()) {
    if (*signal != SIGCHLD) findings_.stopped_by = *signal;
  }
  return stopped();
}

// --- trials

JobOptions Tuning::with_numbers(const tune::Numbers& numbers) const {
  JobOptions with = static_cast<const JobOptions&>(options_);
  with.engine = numbers.engine;
  with.workers = numbers.workers;
  with.threads = numbers.threads;
  with.streams = numbers.streams;
  with.batch = numbers.batch;
  return with;
}

double Tuning::seconds_gone() const {
  return seconds_in(Clock::now() - start_);
}
double Tuning::seconds_left() const {
  return std::max(0.0, seconds_in(end() - Clock::now()));
}

// So long from now at most, and never past the end.
Tuning::Clock::time_point Tuning::within(double seconds) const {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            duration<double>(std::min(seconds, seconds_left())));
}

tune::Measured Tuning::run(const tune::Numbers& numbers, tune::TrialRequest request) {
  const JobOptions options = with_numbers(numbers);
  const Workload& workload = workloads_.at(numbers.engine);
  const Result<Sizing> sizing = size_job(options, workload);
  if (!sizing) return failed(sizing.error());
  if (Status room = check_room(*sizing); !room) return failed(room.error());
  request.fleet = fleet_settings(options, workload, *sizing, program_);
  request.fleet.workers = numbers.workers;
  request.fleet.attempts = 1;
  if (options_.latency) request.fleet.max_depth = 2 * std::bit_ceil(sizing->plan.at_once());
  request.slots = sizing->slots;
  Result<InputOpening> opening = input_opening(options, workload, *sizing);
  if (!opening) return failed(opening.error());
  request.opening = std::move(*opening);
  const std::string what = tune::short_text(numbers);
  tune::Measured measured =
      tune::run_trial(request, signals_, log_, [&](const supervisor::Fleet& fleet) {
        const Clock::time_point now = Clock::now();
        talk_.live(
            fmt::format("tune: {:.0f} of {:.0f} s, {} [{}]{}", seconds_in(now - start_),
                        seconds_in(options_.time), what, worker_letters(fleet), best_so_far_),
            now);
      });
  if (measured.stopped_by) findings_.stopped_by = measured.stopped_by;
  return measured;
}

// The plan that `headrace run` would make, over every input once: those that fail are left out of
// everything that follows, or a plan that refuses quickly would look fast.
Status Tuning::first_pass() {
  std::optional<Error> trouble;
  for (const std::string& engine : engines_) {
    const Workload& workload = workloads_.at(engine);
    JobOptions with = static_cast<const JobOptions&>(options_);
    with.engine = engine;
    Result<Sizing> sizing = size_job(with, workload);
    if (!sizing) return sizing.error();
    const tune::Numbers numbers{engine, sizing->first_workers, sizing->plan.threads.value, 1, 1};
    const auto window = std::max(1.0, kPassShare * seconds_in(options_.time));
    const auto before = Clock::now();
    tune::Measured pass = run(numbers, {.inputs = inputs_,
                                        .window = in_ms(window),
                                        .one_pass = true,
                                        .deadline = within(kFirstPassShare * seconds_left())});
    if (stopped()) return Ok{};
    if (pass.trouble) {
      trouble = trouble ? trouble : pass.trouble;
      continue;
    }
    if (Status good = keep_good_inputs(pass); !good) return good;
    untuned_ = untuned_plan(with, *sizing, numbers, pass);
    // As the plan command and a run do: what has no room for one worker is not worth a search.
    if (auto lack = lack_of_room(sizing->budget, sizing->request, sizing->plan))
      return Error{*std::move(lack)};
    load_seconds_ = pass.load_seconds > 0 ? pass.load_seconds : seconds_in(Clock::now() - before);
    item_seconds_ = (pass.decode.p50_ms + pass.infer.p50_ms) / 1000;
    return enough_time();
  }
  return trouble.value_or(Error{"no worker did anything"});
}

double Tuning::trial_seconds() const {
  return load_seconds_ + seconds_in(window()) + kAroundTrial;
}

Status Tuning::enough_time() const {
  const double least = kFewestTrials * trial_seconds();
  if (seconds_left() >= least) return Ok{};
  return Error{
      fmt::format("one trial takes about {:.1f} s here ({:.1f} s of it loading), so --time is too "
                  "short for a comparison; make it {:.0f}s or more",
                  trial_seconds(), load_seconds_, std::ceil(seconds_gone() + 2 * least))};
}

Status Tuning::keep_good_inputs(const tune::Measured& pass) {
  std::vector<std::string> good;
  std::size_t bad = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (pass.verdicts[i] == tune::Verdict::ok) good.push_back(inputs_[i]);
    if (pass.verdicts[i] == tune::Verdict::failed) ++bad;
  }
  std::vector<std::string>& failures = findings_.failures;
  for (const tune::Failure& failure : pass.failures)
    failures.push_back(inputs_[failure.input] + ": " + failure.message);
  if (bad > 0 && good.empty())
    return Error{fmt::format("all inputs that were tried failed, {} of them; the first: {}", bad,
                             failures.empty() ? "?" : failures.front())};
  if (good.empty()) return Error{"not one input was done in time; give it more with --time"};
  findings_.sampled = good.size() + bad;
  findings_.left_out = bad;
  if (bad > 0)
    log_.warn("{} of {} inputs failed and are left out, such as {}", bad, findings_.sampled,
              failures.front());
  inputs_ = std::move(good);
  return Ok{};
}

milliseconds Tuning::window() const {
  const double time = seconds_in(options_.time);
  double window = std::max(kUsualWindow * time, kItemsInWindow * item_seconds_);
  // Not more loading than measuring.
  window = std::max(window, load_seconds_);
  if (options_.latency) window = std::max(window, kArrivalsInWindow / *options_.rate);
  return std::max(in_ms(std::min(window, kLongestWindow * time)), kShortestWindow);
}

// --- the search

tune::Space Tuning::space() const {
  return {.engines = engines_,
          .cpus = findings_.place.cpus,
          .memory = findings_.usable,
          .untuned = untuned_,
          .most_batch = fixed_batch_ > 0 ? 1U : (options_.latency ? kMostLateBatch : kMostBatch),
          .paced = options_.latency,
          .streams = !engines_.front().empty(),
          .most_workers = plan::kMostWorkers};
}

void Tuning::search() {
  const double time = seconds_in(options_.time);
  tune::Search& search = findings_.search.emplace(space(), seconds_left(), trial_seconds());
  if (const double arrivals = options_.rate.value_or(0) * seconds_in(window());
      options_.latency && arrivals < kArrivalsInWindow)
    log_.warn(
        "only about {:.0f} items arrive in a trial, few for the 99th percentile; with --time "
        "{:.0f}s it would be {:.0f}",
        arrivals, std::ceil(kArrivalsInWindow / *options_.rate / kLongestWindow),
        kArrivalsInWindow);
  while (!stopped()) {
    const auto numbers = search.next(time - seconds_gone());
    if (!numbers) return;
    const Clock::time_point before = Clock::now();
    tune::Measured measured = run(
        *numbers, {.inputs = inputs_,
                   .window = window(),
                   .arrivals = options_.rate,
                   .deadline = within(std::max(kSlowTrial * trial_seconds(), kSlowShare * time))});
    // What the end of the time cut off says nothing about the plan.
    if (stopped() || (measured.trouble && Clock::now() >= end())) return;
    search.saw(observe(measured, seconds_in(Clock::now() - before)));
    say(*numbers, measured);
    findings_.measured[*numbers].push_back(std::move(measured));
  }
}

tune::Observation Tuning::observe(const tune::Measured& m, double seconds) const {
  tune::Observation seen{.score = m.rate, .cpu_used = m.cpu_used, .seconds = seconds};
  for (const Bytes one : m.worker_memory) seen.worker_memory = std::max(seen.worker_memory, one);
  if (options_.latency && m.ok > 0) {
    const double least = kLatencyMargin * duration<double, std::milli>(options_.p99).count();
    seen.score = 1 / std::max({m.whole.p99_ms, least, 1e-3});
  }
  seen.lost_for = lost_for(m);
  return seen;
}

// Why it is no plan to run with; empty: it is one.
std::string Tuning::lost_for(const tune::Measured& m) const {
  const std::string failure = m.failures.empty() ? "" : m.failures.front().message;
  if (m.memory() > findings_.usable)
    return fmt::format("its workers took {}, more than the {} there are", plan::mib(m.memory()),
                       plan::mib(findings_.usable));
  if (m.oom_kills > 0) return "a worker was killed for want of memory";
  if (m.trouble) return m.trouble->message;
  if (m.restarts > 0) return fmt::format("{} worker(s) died", m.restarts);
  if (m.ok == 0) return failure.empty() ? "not one item was done" : failure;
  const auto items = static_cast<double>(m.ok + m.failed);
  if (static_cast<double>(m.failed) > kMostFailures * items)
    return fmt::format("{} of {:.0f} items failed, such as: {}", m.failed, items,
                       failure.empty() ? "?" : failure);
  return "";
}

void Tuning::say(const tune::Numbers& numbers, const tune::Measured& measured) {
  const tune::Search& search = *findings_.search;
  if (const auto decision = search.decide()) {
    best_so_far_ =
        "; best so far: " + tune::short_text(search.candidates()[decision->chosen].numbers);
  }
  talk_.say(fmt::format("headrace: tune {:>3.0f} s: {:<36} {:>9.1f} items/s, p99 {:.1f} ms{}",
                        seconds_gone(), tune::short_text(numbers), measured.rate,
                        measured.whole.p99_ms, best_so_far_));
}

}  // namespace headrace::cli
