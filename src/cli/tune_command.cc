#include "cli/tune_command.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include "cli/report.h"
#include "cli/sizing.h"
#include "cli/tuned.h"
#include "cli/workload.h"
#include "pipeline/file_source.h"
#include "plan/words.h"
#include "sys/files.h"
#include "sys/host.h"
#include "sys/process.h"
#include "tune/report.h"
#include "tune/sample.h"
#include "tune/search.h"
#include "tune/trial.h"

#ifndef HEADRACE_VERSION
#error "HEADRACE_VERSION comes from the build"
#endif

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::milliseconds;

constexpr int kStandardError = 2;
constexpr auto kBarPace = 200ms;
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

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return duration<double>(to - from).count();
}

milliseconds in_ms(double seconds) {
  return milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

// What tells people how it goes.
class Talk {
 public:
  explicit Talk(ProgressStyle style) : style_(style) {
    if (style_ == ProgressStyle::automatic)
      style_ = sys::is_terminal(kStandardError) ? ProgressStyle::bar : ProgressStyle::plain;
  }
  bool is_bar() const { return style_ == ProgressStyle::bar; }
  void say(const std::string& line) {
    if (style_ == ProgressStyle::none) return;
    sys::write_text(kStandardError, (is_bar() ? "\r\033[K" : "") + line + "\n");
  }
  void live(const std::string& line, Clock::time_point now) {
    if (!is_bar() || now < next_) return;
    next_ = now + kBarPace;
    const std::size_t columns = sys::terminal_size(kStandardError).columns;
    sys::write_text(kStandardError, "\r\033[K" + line.substr(0, columns - 1));
  }
  void clear() {
    if (is_bar()) sys::write_text(kStandardError, "\r\033[K");
  }

 private:
  ProgressStyle style_;
  Clock::time_point next_{};
};

// One tuning from its inputs to its plan.
class Tuning {
 public:
  Tuning(const TuneOptions& options, std::string program, sys::Signals& signals, Talk& talk,
         spdlog::logger& log)
      : options_(options),
        program_(std::move(program)),
        signals_(signals),
        talk_(talk),
        log_(log) {}

  int operator()() {
    for (const auto step : {&Tuning::prepare, &Tuning::list_inputs, &Tuning::first_pass}) {
      if (Status done = (this->*step)(); !done) {
        talk_.clear();
        log_.error("{}", done.error().message);
        return kCannotRun;
      }
      if (stopped_by_) return without_result();
    }
    search();
    talk_.clear();
    return conclude();
  }

 private:
  // --- what there is

  Status prepare() {
    Result<tune::Place> place = place_here(options_);
    if (!place) return place.error();
    place_ = std::move(*place);
    const Result<plan::Budget> budget = read_budget(options_);
    if (!budget) return budget.error();
    const std::uint64_t usable = budget->memory.usable.value;
    usable_ = Bytes{usable - std::min(usable, plan::Request{}.supervisor_memory.value)};
    Result<Workload> first = load_workload(options_, program_);
    if (!first) return first.error();
    for (const std::string& guess : first->warnings) log_.warn("{}", guess);
    name_ = first->name;
    fixed_batch_ = first->fixed_batch;
    engines_ = first->engines;
    for (const std::string& engine : engines_) {
      JobOptions with = static_cast<const JobOptions&>(options_);
      with.engine = engine;
      Result<Workload> workload = load_workload(with, program_);
      if (!workload) return workload.error();
      workloads_.emplace(engine, std::move(*workload));
    }
    return find_places();
  }

  // Where plan and page shall go: tried now, for at the end it is too late.
  Status find_places() {
    plan_file_ = options_.out.empty() ? tune::plan_path(options_.model).string() : options_.out;
    Status writable = try_place(plan_file_);
    if (!writable && options_.out.empty()) {
      const std::string here = fallback();
      log_.warn("{}; the plan goes to {}", writable.error().message, here);
      plan_file_ = here;
      writable = try_place(plan_file_);
    }
    if (!writable) return writable;
    std::error_code ignored;
    if (std::filesystem::exists(plan_file_, ignored) && !read_plan(plan_file_) &&
        !headed_as_plan(plan_file_)) {
      return Error{plan_file_ +
                   " exists and is no plan: it would be lost; name another file with "
                   "--out, or remove it"};
    }
    if (options_.report == "none") return Ok{};
    if (Status page = try_place(options_.report); !page) {
      log_.warn("{}; there will be no page with plots", page.error().message);
    } else {
      page_file_ = options_.report;
    }
    return Ok{};
  }

  static Status try_place(const std::string& file) {
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored))
      return Error{"cannot write " + file + ": it is a folder"};
    const std::string beside = file + ".try";
    Status written = sys::replace_file(beside, "");
    std::filesystem::remove(beside, ignored);
    return written;
  }

  // A plan that was edited by hand, and not well, is still one to be replaced.
  static bool headed_as_plan(const std::string& file) {
    const Result<std::string> text = sys::read_text(file, 1 << 20);
    return text && text->starts_with(tune::kPlanHeading);
  }

  // In the current folder, for a model in a place where nothing can be written.
  std::string fallback() const {
    namespace fs = std::filesystem;
    fs::path model = fs::absolute(options_.model).lexically_normal();
    if (model.filename().empty() || model.filename() == "model.toml") model = model.parent_path();
    return model.filename().string() + ".plan.toml";
  }

  Status list_inputs() {
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
    listed_ = sample.listed();
    inputs_ = sample.take();
    if (inputs_.empty()) return Error{"there are no inputs to tune with"};
    return Ok{};
  }

  bool look_for_signal() {
    while (const auto signal = signals_.next()) {
      if (*signal != SIGCHLD) stopped_by_ = *signal;
    }
    return stopped_by_.has_value();
  }

  // --- trials

  JobOptions with_numbers(const tune::Numbers& numbers) const {
    JobOptions with = static_cast<const JobOptions&>(options_);
    with.engine = numbers.engine;
    with.workers = numbers.workers;
    with.threads = numbers.threads;
    with.streams = numbers.streams;
    with.batch = numbers.batch;
    return with;
  }

  Clock::time_point end() const { return start_ + options_.time; }
  double seconds_left() const { return std::max(0.0, seconds_between(Clock::now(), end())); }
  // So long from now at most, and never past the end.
  Clock::time_point within(double seconds) const {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                              duration<double>(std::min(seconds, seconds_left())));
  }

  tune::Measured run(const tune::Numbers& numbers, tune::TrialRequest request) {
    const Workload& workload = workloads_.at(numbers.engine);
    const Result<Sizing> sizing = size_job(with_numbers(numbers), workload);
    if (!sizing) return failed(sizing.error());
    if (Status room = check_room(*sizing); !room) return failed(room.error());
    const unsigned at_once = sizing->plan.at_once();
    request.fleet = {
        .program = program_,
        .arguments = {"headrace", "--worker"},
        .start = workload.start(numbers.threads, numbers.streams),
        .workers = numbers.workers,
        .batch = at_once,
        .attempts = 1,
        .item_timeout = options_.timeout,
        .load_timeout = options_.load_timeout,
        .max_depth = options_.latency ? 2 * std::bit_ceil(at_once) : sizing->plan.mailbox.value};
    request.slots = sizing->slots;
    const std::string what = tune::short_text(numbers);
    tune::Measured measured =
        tune::run_trial(request, signals_, log_, [&](const supervisor::Fleet& fleet) {
          const Clock::time_point now = Clock::now();
          talk_.live(
              fmt::format("tune: {:.0f} of {:.0f} s, {} [{}]{}", seconds_between(start_, now),
                          duration<double>(options_.time).count(), what, worker_letters(fleet),
                          best_so_far_),
              now);
        });
    if (measured.stopped_by) stopped_by_ = measured.stopped_by;
    return measured;
  }

  static tune::Measured failed(const Error& error) {
    tune::Measured measured;
    measured.trouble = error;
    return measured;
  }

  // The plan that `headrace run` would make, over every input once: those that fail are left out of
  // everything that follows, or a plan that refuses quickly would look fast.
  Status first_pass() {
    std::optional<Error> trouble;
    for (const std::string& engine : engines_) {
      const Workload& workload = workloads_.at(engine);
      JobOptions with = static_cast<const JobOptions&>(options_);
      with.engine = engine;
      Result<Sizing> sizing = size_job(with, workload);
      if (!sizing) return sizing.error();
      const tune::Numbers numbers{engine, sizing->first_workers, sizing->plan.threads.value, 1, 1};
      const auto window = std::max(1.0, kPassShare * duration<double>(options_.time).count());
      const auto before = Clock::now();
      tune::Measured pass = run(numbers, {.inputs = inputs_,
                                          .window = in_ms(window),
                                          .one_pass = true,
                                          .deadline = within(kFirstPassShare * seconds_left())});
      if (stopped_by_) return Ok{};
      if (pass.trouble) {
        trouble = trouble ? trouble : pass.trouble;
        continue;
      }
      if (Status good = keep_good_inputs(pass); !good) return good;
      untuned_ = untuned_plan(with, *sizing, numbers, pass);
      // As the plan command and a run do: what has no room for one worker is not worth a search.
      if (auto lack = lack_of_room(sizing->budget, sizing->request, sizing->plan))
        return Error{*std::move(lack)};
      load_seconds_ =
          pass.load_seconds > 0 ? pass.load_seconds : seconds_between(before, Clock::now());
      item_seconds_ = (pass.decode.p50_ms + pass.infer.p50_ms) / 1000;
      return enough_time();
    }
    return trouble.value_or(Error{"no worker did anything"});
  }

  double trial_seconds() const {
    return load_seconds_ + duration<double>(window()).count() + kAroundTrial;
  }

  Status enough_time() const {
    const double least = kFewestTrials * trial_seconds();
    if (seconds_left() >= least) return Ok{};
    const double gone = seconds_between(start_, Clock::now());
    return Error{
        fmt::format("one trial takes about {:.1f} s here ({:.1f} s of it loading), so --time is "
                    "too short for a "
                    "comparison; make it {:.0f}s or more",
                    trial_seconds(), load_seconds_, std::ceil(gone + 2 * least))};
  }

  Status keep_good_inputs(const tune::Measured& pass) {
    std::vector<std::string> good;
    std::size_t bad = 0;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (pass.verdicts[i] == tune::Verdict::ok) good.push_back(inputs_[i]);
      if (pass.verdicts[i] == tune::Verdict::failed) ++bad;
    }
    for (const tune::Failure& failure : pass.failures)
      failures_.push_back(inputs_[failure.input] + ": " + failure.message);
    if (bad > 0 && good.empty())
      return Error{fmt::format("all inputs that were tried failed, {} of them; the first: {}", bad,
                               failures_.empty() ? "?" : failures_.front())};
    if (good.empty()) return Error{"not one input was done in time; give it more with --time"};
    sampled_ = good.size() + bad;
    left_out_ = bad;
    if (bad > 0)
      log_.warn("{} of {} inputs failed and are left out, such as {}", bad, sampled_,
                failures_.front());
    inputs_ = std::move(good);
    return Ok{};
  }

  // Memory was only guessed until now; a run looks again as soon as it is measured.
  static tune::Numbers untuned_plan(const JobOptions& options, Sizing& sizing, tune::Numbers first,
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

  milliseconds window() const {
    const double time = duration<double>(options_.time).count();
    double window = std::max(kUsualWindow * time, kItemsInWindow * item_seconds_);
    // Not more loading than measuring.
    window = std::max(window, load_seconds_);
    if (options_.latency) window = std::max(window, kArrivalsInWindow / *options_.rate);
    return std::max(in_ms(std::min(window, kLongestWindow * time)), kShortestWindow);
  }

  tune::Space space() const {
    return {.engines = engines_,
            .cpus = place_.cpus,
            .memory = usable_,
            .untuned = untuned_,
            .most_batch = fixed_batch_ > 0 ? 1U : (options_.latency ? kMostLateBatch : kMostBatch),
            .paced = options_.latency,
            .streams = !engines_.front().empty(),
            .most_workers = plan::kMostWorkers};
  }

  void search() {
    const double time = duration<double>(options_.time).count();
    const double left = seconds_left();
    const double window = duration<double>(this->window()).count();
    search_.emplace(space(), left, trial_seconds());
    if (const double arrivals = options_.rate.value_or(0) * window;
        options_.latency && arrivals < kArrivalsInWindow)
      log_.warn(
          "only about {:.0f} items arrive in a trial, few for the 99th percentile; with --time "
          "{:.0f}s "
          "it would be {:.0f}",
          arrivals, std::ceil(kArrivalsInWindow / *options_.rate / kLongestWindow),
          kArrivalsInWindow);
    while (!stopped_by_) {
      const auto numbers = search_->next(time - seconds_between(start_, Clock::now()));
      if (!numbers) return;
      const Clock::time_point before = Clock::now();
      tune::Measured measured =
          run(*numbers,
              {.inputs = inputs_,
               .window = this->window(),
               .arrivals = options_.rate,
               .deadline = within(std::max(kSlowTrial * trial_seconds(), kSlowShare * time))});
      // What the end of the time cut off says nothing about the plan.
      if (stopped_by_ || (measured.trouble && Clock::now() >= end())) return;
      search_->saw(observe(measured, seconds_between(before, Clock::now())));
      say(*numbers, measured);
      measured_[*numbers].push_back(std::move(measured));
    }
  }

  tune::Observation observe(const tune::Measured& m, double seconds) const {
    tune::Observation seen{.score = m.rate, .cpu_used = m.cpu_used, .seconds = seconds};
    for (const Bytes one : m.worker_memory) seen.worker_memory = std::max(seen.worker_memory, one);
    if (options_.latency && m.ok > 0) {
      const double least = kLatencyMargin * p99_ms();
      seen.score = 1 / std::max({m.whole.p99_ms, least, 1e-3});
    }
    const auto items = static_cast<double>(m.ok + m.failed);
    if (m.memory() > usable_) {
      seen.lost_for = fmt::format("its workers took {}, more than the {} there are",
                                  plan::mib(m.memory()), plan::mib(usable_));
    } else if (m.oom_kills > 0) {
      seen.lost_for = "a worker was killed for want of memory";
    } else if (m.trouble) {
      seen.lost_for = m.trouble->message;
    } else if (m.restarts > 0) {
      seen.lost_for = fmt::format("{} worker(s) died", m.restarts);
    } else if (m.ok == 0) {
      seen.lost_for = m.failures.empty() ? "not one item was done" : m.failures.front().message;
    } else if (static_cast<double>(m.failed) > kMostFailures * items) {
      seen.lost_for = fmt::format("{} of {:.0f} items failed, such as: {}", m.failed, items,
                                  m.failures.empty() ? "?" : m.failures.front().message);
    }
    return seen;
  }

  void say(const tune::Numbers& numbers, const tune::Measured& measured) {
    std::string best;
    if (const auto decision = search_->decide()) {
      best = tune::short_text(search_->candidates()[decision->chosen].numbers);
      best_so_far_ = "; best so far: " + best;
    }
    talk_.say(fmt::format("headrace: tune {:>3.0f} s: {:<36} {:>9.1f} items/s, p99 {:.1f} ms{}",
                          seconds_between(start_, Clock::now()), tune::short_text(numbers),
                          measured.rate, measured.whole.p99_ms, best_so_far_));
  }

  // --- the end

  int without_result() {
    talk_.clear();
    log_.error("stopped before anything was measured; there is no plan");
    return 128 + *stopped_by_;
  }

  int conclude() {
    const auto decision = search_->decide();
    if (!decision) {
      if (stopped_by_) return without_result();
      std::string why = "no time was left for a trial; give it more with --time";
      for (const tune::Candidate& candidate : search_->candidates()) {
        if (!candidate.lost_for.empty())
          why = tune::short_text(candidate.numbers) + ": " + candidate.lost_for;
      }
      log_.error("no plan worked: {}", why);
      return kCannotRun;
    }
    tune::Report report = make_report(*decision);
    const Status written = write(report);
    std::cerr << tune::to_text(report);
    if (!written) {
      log_.error("{}", written.error().message);
      return stopped_by_ ? 128 + *stopped_by_ : kCannotRun;
    }
    return stopped_by_ ? 128 + *stopped_by_ : kDone;
  }

  tune::Row row_of(std::size_t place, const tune::Standing& standing,
                   const tune::Decision& decision) const {
    const tune::Candidate& candidate = search_->candidates()[place];
    tune::Row row{.numbers = candidate.numbers, .lost_for = candidate.lost_for};
    row.chosen = place == decision.chosen;
    row.untuned = decision.untuned == place;
    const auto found = measured_.find(candidate.numbers);
    if (found == measured_.end()) return row;
    const std::vector<tune::Measured>& trials = found->second;
    row.trials = trials.size();
    row.finalist = candidate.running && row.trials > 1;
    std::vector<float> times;
    sys::Throttling throttling;
    bool counted = false;
    double load = 0;
    double items = 0;
    double seconds = 0;
    for (const tune::Measured& one : trials) {
      row.equipment = one.equipment;
      times.insert(times.end(), one.whole_ms.begin(), one.whole_ms.end());
      row.cpu_used += one.cpu_used / static_cast<double>(trials.size());
      row.memory = std::max(row.memory, one.memory());
      load += one.load_seconds / static_cast<double>(trials.size());
      items += static_cast<double>(one.ok);
      seconds += one.seconds;
      if (!one.throttling) continue;
      counted = true;
      throttling.periods += one.throttling->periods;
      throttling.throttled += one.throttling->throttled;
    }
    row.load_seconds = load;
    if (counted && throttling.periods > 0) {
      row.throttled =
          static_cast<double>(throttling.throttled) / static_cast<double>(throttling.periods);
    }
    row.whole = tune::latency_of(times);
    row.rate = seconds > 0 ? items / seconds : 0;
    row.rate_low = row.rate_high = row.rate;
    if (!options_.latency && standing.of(place).samples > 0) {
      const double half = standing.half_width(place);
      row.rate = std::exp(standing.of(place).value);
      row.rate_low = row.rate * std::exp(-half);
      row.rate_high = row.rate * std::exp(half);
    }
    return row;
  }

  tune::Report make_report(const tune::Decision& decision) {
    const tune::Standing standing = search_->standing();
    tune::Report report{.model = name_,
                        .command = command(),
                        .made_by = std::string("headrace ") + HEADRACE_VERSION,
                        .made_at = utc_now(),
                        .goal = goal(),
                        .place = place_,
                        .usable_memory = usable_,
                        .inputs = sampled_,
                        .listed = listed_,
                        .left_out = left_out_,
                        .failures = failures_,
                        .seconds = seconds_between(start_, Clock::now())};
    if (stopped_by_) report.stopped = *stopped_by_ == SIGINT ? "interrupted" : "asked to stop";
    std::vector<std::size_t> places(search_->candidates().size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
      const auto rank = [&](std::size_t i) {
        const bool lost = !search_->candidates()[i].lost_for.empty();
        const bool seen = standing.of(i).samples > 0;
        return std::pair(lost || !seen, seen ? -standing.of(i).value : 0);
      };
      return rank(a) < rank(b);
    });
    for (const std::size_t place : places) {
      tune::Row row = row_of(place, standing, decision);
      if (row.trials > 0) report.rows.push_back(std::move(row));
    }
    for (const auto& [numbers, why] : search_->not_tried())
      report.not_tried.push_back(tune::short_text(numbers) + ": " + why);
    report.decision = words(decision, report.rows);
    return report;
  }

  double p99_ms() const { return duration<double, std::milli>(options_.p99).count(); }

  tune::Goal goal() const {
    tune::Goal goal{.latency = options_.latency, .arrivals = options_.rate};
    if (options_.p99.count() > 0) goal.p99_ms = p99_ms();
    return goal;
  }

  std::string command() const {
    const TuneOptions usual;
    std::string text = "headrace tune";
    const auto word = [&](const std::string& given) { text += " " + shell_word(given); };
    const auto add = [&](const char* option, const std::string& value, bool differs) {
      if (!differs) return;
      word(option);
      word(value);
    };
    const auto time = [](std::chrono::microseconds value) {
      return fmt::format("{:g}ms", duration<double, std::milli>(value).count());
    };
    const TuneOptions& o = options_;
    word(o.model);
    for (const std::string& input : o.inputs) word(input);
    add("--for", "latency", o.latency);
    add("--rate", fmt::format("{:g}", o.rate.value_or(0)), o.rate.has_value());
    add("--p99", time(o.p99), o.p99 != usual.p99);
    add("--time", fmt::format("{:g}s", duration<double>(o.time).count()), true);
    add("--sample", fmt::format("{}", o.sample), true);
    add("--engine", o.engine, !o.engine.empty());
    add("--cpus", o.cpus, !o.cpus.empty());
    add("--memory-mb", o.memory_mb, !o.memory_mb.empty());
    add("--handler-settings", o.handler_settings, !o.handler_settings.empty());
    add("--timeout", time(o.timeout), o.timeout != usual.timeout);
    add("--load-timeout", time(o.load_timeout), o.load_timeout != usual.load_timeout);
    add("--max-bytes", fmt::format("{}", o.max_bytes), o.max_bytes != usual.max_bytes);
    add("--max-pixels", fmt::format("{}", o.max_pixels), o.max_pixels != usual.max_pixels);
    add("--result-bytes", fmt::format("{}", o.result_bytes.value_or(0)),
        o.result_bytes.has_value());
    add("--out", o.out, !o.out.empty());
    add("--report", o.report, o.report != usual.report);
    return text;
  }

  std::string words(const tune::Decision& decision, const std::vector<tune::Row>& rows) const {
    const tune::Row* chosen = nullptr;
    const tune::Row* untuned = nullptr;
    for (const tune::Row& row : rows) {
      if (row.chosen) chosen = &row;
      if (row.untuned) untuned = &row;
    }
    std::string text =
        fmt::format("the plan: {}: {}", tune::short_text(chosen->numbers), decision.why);
    if (options_.p99.count() > 0) {
      const bool kept = chosen->whole.p99_ms <= p99_ms();
      text += fmt::format("; p99 is {:.1f} ms, {} the {} ms asked for", chosen->whole.p99_ms,
                          kept ? "within" : "NOT within", plan::decimal(p99_ms()));
    }
    if (untuned == nullptr) return text;
    text += fmt::format("\nthe plan without tuning ({}): ", tune::short_text(untuned->numbers));
    if (decision.untuned == decision.chosen)
      return text + fmt::format("{:.1f} items/s, is this very plan", untuned->rate);
    const tune::Comparison& less = decision.untuned_to_chosen;
    const auto percent = [&](double half) { return 100 * std::exp(less.difference + half); };
    if (options_.latency)
      return text + fmt::format("p99 {:.1f} ms against {:.1f} ms", untuned->whole.p99_ms,
                                chosen->whole.p99_ms);
    return text + fmt::format("{:.1f} items/s, {:.0f}-{:.0f} % of the best", untuned->rate,
                              percent(-less.half_width), percent(less.half_width));
  }

  tune::PlanFile plan_of(const tune::Report& report) const {
    tune::PlanFile plan{.made_by = report.made_by,
                        .made_at = report.made_at,
                        .place = place_,
                        .model_name = name_,
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

  // The plan, if it is one to trust, and the page. The error says why there is no plan file.
  Status write(tune::Report& report) {
    report.plan_text = tune::to_toml(plan_of(report));
    Status kept = write_plan(report);
    if (!kept) report.decision += "\nnot written: " + kept.error().message;
    if (page_file_.empty()) return kept;
    if (const Status page = sys::replace_file(page_file_, tune::to_html(report)); !page) {
      log_.warn("{}", page.error().message);
    } else {
      report.decision += "\nall of it with plots: " + page_file_;
    }
    return kept;
  }

  Status write_plan(tune::Report& report) {
    if (!search_->compared()) {
      return Error{
          "too little was measured to trust a plan: the one without tuning and another must have "
          "been "
          "tried; give it more with --time"};
    }
    if (const auto read = tune::parse_plan_file(report.plan_text, plan_file_); !read)
      return Error{"the plan cannot be read back: " + read.error().message};
    if (Status written = sys::replace_file(plan_file_, report.plan_text); !written) {
      std::cout << report.plan_text << std::flush;
      return written;
    }
    report.plan_file = plan_file_;
    const bool found = std::filesystem::path(plan_file_) == tune::plan_path(options_.model);
    report.decision += "\nwritten to " + plan_file_;
    if (found && !options_.latency) {
      report.decision += ", which headrace run takes up by itself";
    } else {
      report.decision += "; give it to headrace run as --plan " + shell_word(plan_file_);
    }
    return Ok{};
  }

  const TuneOptions& options_;
  std::string program_;
  sys::Signals& signals_;
  Talk& talk_;
  spdlog::logger& log_;
  Clock::time_point start_ = Clock::now();

  tune::Place place_;
  std::string name_;
  std::uint32_t fixed_batch_ = 0;
  std::vector<std::string> engines_;
  std::map<std::string, Workload> workloads_;  // by engine
  std::string plan_file_;
  std::string page_file_;            // empty: none
  std::vector<std::string> inputs_;  // those that are good, once known
  std::size_t listed_ = 0, sampled_ = 0, left_out_ = 0;
  std::vector<std::string> failures_;
  tune::Numbers untuned_;
  double load_seconds_ = 0;
  double item_seconds_ = 0;
  Bytes usable_{};
  std::optional<tune::Search> search_;
  std::map<tune::Numbers, std::vector<tune::Measured>> measured_;
  std::string best_so_far_;
  std::optional<int> stopped_by_;
};

}  // namespace

int tune_command(const TuneOptions& options) {
  sys::Signals signals;
  sys::adopt_orphans();
  Talk talk(options.progress);
  auto log = std::make_shared<spdlog::logger>("headrace",
                                              std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_level(spdlog::level::from_str(options.log_level));
  log->set_pattern(talk.is_bar() ? "\r\033[Kheadrace: %l: %v" : "headrace: %l: %v");
  Result<std::string> program = sys::own_program();
  if (!program) {
    log->error("{}", program.error().message);
    return kCannotRun;
  }
  return Tuning(options, std::move(*program), signals, talk, *log)();
}

}  // namespace headrace::cli
