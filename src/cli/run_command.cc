#include "cli/run_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/patience.h"
#include "cli/input_opening.h"
#include "cli/log.h"
#include "cli/report.h"
#include "cli/sizing.h"
#include "cli/tuned.h"
#include "cli/unhurried.h"
#include "cli/workload.h"
#include "pipeline/file_source.h"
#include "pipeline/jsonl_sink.h"
#include "pipeline/opened_source.h"
#include "pipeline/pipeline.h"
#include "pipeline/resume.h"
#include "pipeline/resumed_source.h"
#include "plan/budget.h"
#include "plan/words.h"
#include "supervisor/watch.h"
#include "sys/cgroup.h"
#include "sys/process.h"

namespace headrace::cli {
namespace {

// The file of results and what it already holds.
struct Results {
  sys::RecordFile file;
  pipeline::Answered answered;
};

// Of a run that was killed on another machine, the server holds the lock until it misses that one.
constexpr std::chrono::milliseconds kLockPatience{30'000};
// A FIFO's reader may come when it likes.
constexpr std::chrono::milliseconds kReaderLook{100};
// One call to the file of results that takes longer than this and than --patience hangs.
constexpr std::chrono::milliseconds kShortestHang{3'000};

Result<sys::RecordFile, sys::FileError> open_out(const RunOptions& options,
                                                 sys::RecordFile::Mode mode, spdlog::logger& log,
                                                 const Alive& alive) {
  using Awaits = sys::FileError::Awaits;
  Patience for_lock(std::min(kLockPatience, options.patience));
  for (bool said = false;;) {
    auto file = patiently(options.patience, alive,
                          [&] { return sys::RecordFile::open(options.out, mode); });
    if (file || file.error().awaits == Awaits::nothing) return file;
    const bool locked = file.error().awaits == Awaits::lock;
    const auto pause = locked ? for_lock.pause() : kReaderLook;
    if (!pause) return file;
    if (!std::exchange(said, true))
      log.warn("{}; waiting for {}", file.error().message, locked ? "the lock" : "a reader");
    std::this_thread::sleep_for(*pause);
  }
}

Result<Results> open_results(const RunOptions& options, spdlog::logger& log, const Alive& alive) {
  if (options.out == "-") return Results{sys::RecordFile::standard_output(), {}};
  using Mode = sys::RecordFile::Mode;
  const Mode mode = options.resume      ? Mode::extend
                    : options.overwrite ? Mode::overwrite
                                        : Mode::fresh;
  auto file = open_out(options, mode, log, alive);
  if (!file) return Error{file.error().message};
  if (file->regular() && !file->locked()) {
    log.warn("{}: this file system has no locks; no other run must write to it", options.out);
  }
  if (!options.resume) return Results{std::move(*file), {}};
  Result<pipeline::Answered> answered = pipeline::Answered::read(*file, options.patience, alive);
  if (!answered) return answered.error();
  if (answered->torn_bytes() > 0) {
    if (answered->lost()) {
      log.warn("{}: a write to it was lost; cutting off {} bytes from there on", options.out,
               answered->torn_bytes());
    } else {
      log.warn("{}: cutting off a torn last line of {} bytes", options.out, answered->torn_bytes());
    }
    const std::uint64_t whole = answered->whole_bytes();
    if (auto cut = patiently(options.patience, alive, [&] { return file->cut(whole); }); !cut)
      return Error{cut.error().message};
  }
  return Results{std::move(*file), std::move(*answered)};
}

// Errors of the summary are no reason to wait for long.
constexpr auto kSummaryPatience = std::chrono::seconds(10);
// What takes longer is worth a word in the progress.
constexpr double kMoment = 2;  // seconds
// And in the log, where there is no progress.
constexpr auto kSlowListing = std::chrono::seconds(10);

// There is a value, or a signal came, if there are `signals` to listen to.
Unhurried<Status> write_summary(const RunOptions& options, const Summary& summary,
                                sys::Signals* signals) {
  if (options.summary.empty()) return {.value = Ok{}};
  const std::function<Status(const Alive&)> write = [path = options.summary,
                                                     text = to_json(summary)](const Alive&) {
    return sys::replace_file(path, text);
  };
  auto written = unhurried(write, signals, kSummaryPatience, [] {});
  if (!written.value && !written.signal)
    written.value = Error{"cannot write " + options.summary + ": it did not answer in time"};
  return written;
}

// One run from its parts to its summary.
class Run {
 public:
  Run(const RunOptions& options, const Workload& workload, const std::string& program,
      Sizing sizing, Results results, const InputOpening& opening, shm::SlotArea slots,
      sys::Signals& signals, Progress& progress, spdlog::logger& log)
      : options_(options),
        workload_(workload),
        sizing_(std::move(sizing)),
        progress_(progress),
        log_(log),
        slots_(std::move(slots)),
        fleet_(settings_of_fleet(program), slots_, poller_, pipeline::Pipeline::kFirstFleetTag,
               log),
        watch_(watch_settings(), fleet_, log),
        source_(options.inputs, /*count_ahead=*/options.progress != ProgressStyle::none,
                options.patience),
        resumed_(source_, std::move(results.answered), slots_.input_capacity()),
        sink_(std::move(results.file),
              options.ordered ? pipeline::Order::of_inputs : pipeline::Order::as_they_come,
              /*window=*/4ULL * slots_.count(), {.patience = options.patience}),
        pipeline_({inputs(opening), sink_, fleet_, slots_, poller_, signals, log}) {}

  int operator()() {
    const pipeline::Outcome outcome =
        pipeline_.run([this](Clock::time_point now) { return tick(now); });
    progress_.clear();
    watch_.conclude(Clock::now());
    const Summary summary = summarize(outcome);
    std::cerr << to_text(summary);
    const Status written = *write_summary(options_, summary, nullptr).value;
    if (!written) log_.error("{}", written.error().message);
    if (outcome.error) {
      log_.error("{}", outcome.error->message);
      return kCannotRun;
    }
    if (!written) return kCannotRun;
    if (outcome.stopped_by) return 128 + *outcome.stopped_by;
    return options_.strict && summary.counts.failed() > 0 ? kSomeFailed : kDone;
  }

 private:
  pipeline::Source& inputs(const InputOpening& opening) {
    if (!opening) return resumed_;
    pipeline::OpenedSource::Settings settings = *opening;
    settings.patience = options_.patience;
    if (options_.ordered) settings.window = 4ULL * slots_.count();
    return opened_.emplace(resumed_, std::move(settings));
  }

  supervisor::FleetSettings settings_of_fleet(const std::string& program) const {
    supervisor::FleetSettings settings = fleet_settings(options_, workload_, sizing_, program);
    settings.attempts = options_.attempts;
    return settings;
  }

  supervisor::Watch::Settings watch_settings() {
    using Watch = supervisor::Watch;
    const auto planned = [this](const sys::CgroupFacts& facts) -> Watch::Settings::Planned {
      const Result<plan::Budget> budget = budget_of(options_, facts);
      const Result<plan::Plan> plan = plan_again(options_, sizing_, facts);
      if (!budget || !plan) {
        return {sizing_.budget.cpu.cpus, sizing_.budget.memory.limit, fleet_.wanted(),
                sizing_.plan.threads.value};
      }
      // By an estimate no worker is added; the first one is about to be measured.
      const bool known = options_.workers || sizing_.request.worker_memory_measured;
      const unsigned most = known ? plan->workers.value : fleet_.wanted();
      return {budget->cpu.cpus, budget->memory.limit, std::min(plan->workers.value, most),
              plan->threads.value};
    };
    const auto advice = [this](Bytes taken) { return no_room_advice(sizing_, taken); };
    Watch::Settings settings{
        .mode = options_.governor_acts ? Watch::Mode::act : Watch::Mode::look,
        .wishes = {.recycle_after = options_.recycle_after, .recycle_growth = {}},
        .threads = sizing_.plan.threads.value,
        .streams = sizing_.plan.streams.value,
        .plan = planned,

        .start =
            [this](unsigned threads) {
              return workload_.start(threads, sizing_.plan.streams.value);
            },
        .advice = advice,
        .own_limit = {}};
    if (options_.recycle_growth) settings.wishes.recycle_growth = Bytes{*options_.recycle_growth};
    if (sizing_.budget.memory.from == "HEADRACE_MEMORY_MB")
      settings.own_limit = sizing_.budget.memory.limit;
    return settings;
  }

  std::chrono::milliseconds tick(Clock::time_point now) {
    if (first_answer_ == Clock::time_point{} && pipeline_.counts().answered() > 0)
      first_answer_ = now;
    if (!measured_ && first_answer_ != Clock::time_point{}) measure(now);
    const auto patience = watch_.step(now, pipeline_.counts().answered());
    tell_of_trouble(now);
    if (options_.progress == ProgressStyle::none) tell_of_slow_listing(now);
    progress_.show({.counts = pipeline_.counts(),
                    .total = source_.total(),
                    .workers = worker_letters(fleet_),
                    .readings = watch_.readings(),
                    .waiting = waiting(now)},
                   now);
    return patience;
  }

  // Once when results cannot be written, and once when they can again.
  void tell_of_trouble(Clock::time_point now) {
    const auto trouble = sink_.trouble();
    const bool failing = trouble && !trouble->error.empty();
    if (failing && !failing_since_) {
      log_.warn("{}; trying again for {:g} s", trouble->error,
                std::chrono::duration<double>(options_.patience).count());
      failing_since_ = trouble->since;
    } else if (!failing && failing_since_) {
      log_.warn("{} is written again, after {:.1f} s", options_.out,
                std::chrono::duration<double>(now - *failing_since_).count());
      failing_since_.reset();
    }
  }

  // Once: nobody sees the progress that would say so.
  void tell_of_slow_listing(Clock::time_point now) {
    const auto listing = source_.waiting_since();
    if (told_of_listing_ || !listing || now - *listing < kSlowListing) return;
    told_of_listing_ = true;
    log_.warn("still waiting for the names of inputs");
  }

  // What nothing goes on without, once that takes longer than a moment.
  std::string waiting(Clock::time_point now) const {
    const auto since = [now](Clock::time_point start, const std::string& what) {
      const double seconds = std::chrono::duration<double>(now - start).count();
      return seconds < kMoment ? std::string() : fmt::format("{:.0f} s for {}", seconds, what);
    };
    const std::string place = options_.out == "-" ? "the reader of standard output" : options_.out;
    std::string text;
    if (const auto trouble = sink_.trouble()) text = since(trouble->since, place);
    if (!text.empty() || pipeline_.in_flight() > 0) return text;
    if (const auto opening = opened_ ? opened_->waiting() : std::nullopt)
      return since(opening->since, opening->name);
    if (const auto listing = source_.waiting_since()) return since(*listing, "the names of inputs");
    return text;
  }

  // The first worker has done an item: what it costs now is what every worker will cost.
  void measure(Clock::time_point now) {
    for (const auto& worker : fleet_.workers()) {
      if (worker->state() != supervisor::WorkerState::ready) continue;
      measured_ = true;
      auto plan =
          plan_by_measure(options_, sizing_, sys::proportional_memory(worker->child->pid()));
      if (plan) adopt(std::move(*plan), now);
      return;
    }
  }

  void adopt(plan::Plan plan, Clock::time_point now) {
    const unsigned threads = plan.threads.value;
    if (plan.workers.value == fleet_.wanted() && threads == sizing_.plan.threads.value) return;
    log_.info("now {} with {} each: {}", plan::count(plan.workers.value, "worker"),
              plan::count(threads, "thread"), plan.workers.why);
    if (threads != sizing_.plan.threads.value)
      fleet_.renew(workload_.start(threads, sizing_.plan.streams.value));
    fleet_.set_workers(plan.workers.value, now);
    sizing_.first_workers = plan.workers.value;
    sizing_.plan.threads = plan.threads;
    watch_.set_threads(threads);
  }

  Summary summarize(const pipeline::Outcome& outcome) const {
    const Clock::time_point end = Clock::now();
    const auto seconds = [&](Clock::time_point t) {
      return std::chrono::duration<double>(t - start_).count();
    };
    const auto ms = [&](double share) {
      return static_cast<double>(pipeline_.item_times().quantile(share).count()) / 1000.0;
    };
    Summary s;
    s.model = workload_.name;
    s.equipment = fleet_.equipment();
    s.counts = pipeline_.counts();
    s.not_kept = sink_.not_kept();
    s.seconds = seconds(end);
    if (first_answer_ != Clock::time_point{}) s.first_answer_seconds = seconds(first_answer_);
    s.p50_ms = ms(0.50);
    s.p95_ms = ms(0.95);
    s.p99_ms = ms(0.99);
    s.workers = fleet_.wanted();
    s.threads = watch_.threads();
    s.batch = sizing_.plan.batch.value;
    s.readings = watch_.readings();
    s.interventions = watch_.interventions();
    s.acts = watch_.acts();
    s.cpu_used = (sys::cpu_seconds_children() + sys::cpu_seconds_self() - cpu_before_) / s.seconds;
    s.supervisor_peak_bytes = sys::own_peak_resident().value;
    s.fleet = fleet_.counts();
    s.complete = outcome.complete;
    if (outcome.error) s.stopped = outcome.error->message;
    if (outcome.stopped_by)
      s.stopped = *outcome.stopped_by == SIGINT ? "interrupted" : "asked to stop";
    return s;
  }

  const RunOptions& options_;
  const Workload& workload_;
  Sizing sizing_;
  Progress& progress_;
  spdlog::logger& log_;
  sys::Poller poller_;
  shm::SlotArea slots_;
  supervisor::Fleet fleet_;
  supervisor::Watch watch_;
  pipeline::FileSource source_;
  pipeline::ResumedSource resumed_;
  std::optional<pipeline::OpenedSource> opened_;
  pipeline::JsonlSink sink_;
  pipeline::Pipeline pipeline_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point first_answer_;
  bool measured_ = false;
  bool told_of_listing_ = false;
  std::optional<Clock::time_point> failing_since_{};  // the file of results
  double cpu_before_ = sys::cpu_seconds_children() + sys::cpu_seconds_self();
};

}  // namespace

int run_command(const RunOptions& asked) {
  RunOptions options = asked;
  sys::Signals signals;
  sys::adopt_orphans();
  Progress progress(options.progress, options.out == "-" && sys::is_terminal(1), Clock::now());
  const std::shared_ptr<spdlog::logger> log = make_log(options.log_level, progress.is_bar());
  const auto cannot = [&](const Error& error) {
    log->error("{}", error.message);
    return static_cast<int>(kCannotRun);
  };

  const Result<std::string> program = sys::own_program();
  if (!program) return cannot(program.error());
  if (Status taken = take_up_plan(options, *log); !taken) return cannot(taken.error());
  const Result<Workload> workload = load_workload(options, *program);
  if (!workload) return cannot(workload.error());
  for (const std::string& guess : workload->warnings) log->warn("{}", guess);
  Result<Sizing> sizing = size_job(options, *workload);
  if (!sizing) return cannot(sizing.error());
  for (const std::string& warning : sizing->plan.warnings) log->warn("{}", warning);
  log->info("\n{}", plan::plan_text(sizing->budget, sizing->plan));
  const Result<InputOpening> opening = input_opening(options, *workload, *sizing);
  if (!opening) return cannot(opening.error());
  const std::function<Result<Results>(const Alive&)> open = [options, log](const Alive& alive) {
    return open_results(options, *log, alive);
  };
  const auto longest_call = std::max(options.patience, kShortestHang);
  auto opened = unhurried(open, &signals, longest_call, [&] {
    log->warn("still opening {}, and reading what it holds", options.out);
  });
  // A run that is refused leaves the summary of another one as it is.
  if (opened.value && !*opened.value) return cannot(opened.value->error());
  // Until the run is over the summary says that it is not; and a place that cannot be written shows
  // now.
  Summary unfinished;
  unfinished.model = workload->name;
  unfinished.stopped = "not finished";
  const auto begun = write_summary(options, unfinished, &signals);
  if (const auto signal = opened.signal ? opened.signal : begun.signal) return 128 + *signal;
  if (!opened.value) {
    return cannot(Error{fmt::format("cannot open {}: it has not answered for {:g} s", options.out,
                                    std::chrono::duration<double>(longest_call).count())});
  }
  if (!*begun.value) return cannot(begun.value->error());
  Result<Results>& results = *opened.value;
  if (Status room = check_room(*sizing); !room) return cannot(room.error());
  Result<shm::SlotArea> slots = shm::SlotArea::create(sizing->slots);
  if (!slots) return cannot(slots.error());
  return Run(options, *workload, *program, std::move(*sizing), std::move(*results), *opening,
             std::move(*slots), signals, progress, *log)();
}

}  // namespace headrace::cli
