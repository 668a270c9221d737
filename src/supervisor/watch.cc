#include "supervisor/watch.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "plan/budget.h"

namespace headrace::supervisor {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::milliseconds;
using Act = plan::Decision::Act;

constexpr auto kFullLook = 1s;
constexpr auto kAfterDeath = 100ms;
// A gap between two looks beyond what their pace explains.
constexpr auto kAbsence = 3s;
// A single file: some microseconds.
constexpr auto kGlance = 50ms;
// Reading a worker's share walks its page tables, under a lock that the worker needs.
constexpr auto kShareAge = 30s;
// With the user's own rules for recycling, this often.
constexpr auto kWishes = 100ms;
// What is read of workers in one look; more take turns.
constexpr std::size_t kWorkersInALook = 16;
constexpr std::size_t kMostInterventions = 100;
// The kernel killing a worker that loads may be bad luck with a neighbour, once.
constexpr unsigned kKillsWhileLoading = 2;

Bytes less(Bytes from, Bytes what) {
  return {from.value - std::min(from.value, what.value)};
}

}  // namespace

Watch::Watch(Settings settings, Fleet& fleet, spdlog::logger& log)
    : settings_(std::move(settings)),
      fleet_(fleet),
      log_(log),
      last_look_(begin_),
      last_full_(begin_),
      facts_(sys::read_cgroup(settings_.root)),
      throttling_(plan::throttling(facts_)),
      own_seconds_(sys::cpu_seconds_self()),
      kernel_kills_(facts_.oom_kills.value_or(0)) {
  take_plan();
  nearest_limit();
}

milliseconds Watch::step(Clock::time_point now, std::uint64_t items) {
  // A worker that died may have been the kernel's victim; that is worth a look soon.
  const bool death = fleet_.counts().restarts != restarts_ && now - last_full_ >= kAfterDeath;
  if (now >= next_look_ || death || glance(now)) {
    const Clock::time_point begin = Clock::now();
    notice_time(now);
    if (death || now - last_full_ >= kFullLook) {
      look(now);
    } else {
      sys::refresh_memory(facts_, settings_.root);
    }
    look_at_workers();
    nearest_limit();
    const plan::Sight seen = sight(now, items);
    const double wait = plan::next_look(seen, history_);
    next_look_ = now + std::chrono::duration_cast<Clock::duration>(duration<double>(wait));
    if (settings_.wishes.recycle_after || settings_.wishes.recycle_growth) {
      next_look_ = std::min<Clock::time_point>(next_look_, now + kWishes);
    }
    if (settings_.mode == Mode::act && !fleet_.hopeless()) {
      act(plan::decide(seen, settings_.wishes, history_), now);
    }
    next_glance_ = now + kGlance;
    readings_.cost += Clock::now() - begin;
  }
  const Clock::time_point next = glances_ ? std::min(next_look_, next_glance_) : next_look_;
  return std::max(std::chrono::ceil<milliseconds>(next - now), 1ms);
}

void Watch::notice_time(Clock::time_point now) {
  const auto passed = now - std::exchange(last_look_, now);
  if (passed > kAbsence) {
    // We were stopped, and so, likely, was everybody: nothing has lasted that long.
    begin_ += passed;
  } else if (fleet_.held()) {
    readings_.held += std::chrono::duration_cast<milliseconds>(passed);
  }
}

// Between two looks, only how much is in use by one number: whether that calls for a look.
bool Watch::glance(Clock::time_point now) {
  if (!glances_ || now < next_glance_) return false;
  next_glance_ = now + kGlance;
  const sys::MemoryLevel& level = facts_.memory[*glances_];
  const std::optional<Bytes> current = sys::current_memory(facts_, level, settings_.root);
  // As much of it is page cache as there was.
  const Bytes cache =
      less(level.current.value_or(Bytes{}), level.unreclaimable().value_or(Bytes{}));
  const plan::Marks marks = plan::marks_of(*readings_.memory_limit, facts_.oom_kills_group);
  readings_.cost += Clock::now() - now;
  const Bytes in_use = less(current.value_or(Bytes{}), cache);
  return in_use >= marks.recycle && in_use > readings_.memory_in_use;
}

void Watch::look(Clock::time_point now) {
  restarts_ = fleet_.counts().restarts;
  sys::CgroupFacts facts = sys::read_cgroup(settings_.root);
  // Out of descriptors, say, or a group that goes: fewer levels are no news of the container, but of the reading.
  const bool whole =
      facts.cpu.size() >= facts_.cpu.size() && facts.memory.size() >= facts_.memory.size();
  if (whole) facts_ = std::move(facts);
  ++readings_.looks;
  const double passed = duration<double>(now - last_full_).count();
  last_full_ = now;
  take_plan();
  readings_.cpu_pressure = facts_.cpu_pressure;
  readings_.memory_pressure = facts_.memory_pressure;
  count_throttling();
  count_cpu(passed);
  read_appetite(now);
  read_share(now);
  notice_kernel_kills(now);
}

void Watch::count_throttling() {
  const std::optional<sys::Throttling> before =
      std::exchange(throttling_, plan::throttling(facts_));
  readings_.throttled.reset();
  // Counters that ran backwards are those of another group: a limit has appeared at another level.
  if (!before || !throttling_ || throttling_->periods < before->periods ||
      throttling_->throttled < before->throttled || throttling_->time < before->time) {
    return;
  }
  const std::uint64_t periods = throttling_->periods - before->periods;
  const std::uint64_t throttled = throttling_->throttled - before->throttled;
  readings_.periods += periods;
  readings_.throttled_periods += throttled;
  readings_.throttled_time += throttling_->time - before->time;
  if (periods > 0) {
    readings_.throttled =
        std::min(1.0, static_cast<double>(throttled) / static_cast<double>(periods));
  }
}

void Watch::count_cpu(double passed) {
  const double own = sys::cpu_seconds_self();
  const double mine = own - std::exchange(own_seconds_, own);
  double used = mine;
  for (const auto& worker : fleet_.workers()) {
    Known& known = of(*worker);
    if (known.pid == 0) continue;
    const double seconds = sys::cpu_seconds(known.pid);
    const double more = std::max(0.0, seconds - std::exchange(known.cpu_seconds, seconds));
    used += more;
    if (passed > 0.1) known.used = Cpus{more / passed};
  }
  if (passed <= 0.1) return;
  readings_.used = Cpus{used / passed};
  readings_.own = Cpus{mine / passed};
}

// Dear, and of interest only while throttled: then two looks in a row say it.
void Watch::read_appetite(Clock::time_point now) {
  appetite_.reset();
  const std::optional<Clock::time_point> before = std::exchange(appetite_read_, std::nullopt);
  if (readings_.throttled.value_or(0) <= 0) return;
  appetite_read_ = now;
  double running = 0;
  double wanting = 0;  // had it not waited for a processor
  std::size_t read = 0;
  for (const auto& worker : fleet_.workers()) {
    if (worker->state() != WorkerState::ready || read == kWorkersInALook) continue;
    ++read;
    Known& known = of(*worker);
    const std::optional<sys::RunTimes> then =
        std::exchange(known.run_times, sys::run_times(known.pid));
    if (!before || !then || !known.run_times) continue;
    const duration<double> ran = known.run_times->running - then->running;
    const duration<double> waited = known.run_times->waiting - then->waiting;
    // A thread that has ended took its times along.
    if (ran.count() < 0 || waited.count() < 0) continue;
    running += ran.count();
    wanting += std::max(ran, settings_.threads * duration<double>(now - *before) - waited).count();
  }
  if (wanting > 0) appetite_ = running / wanting;
}

Watch::Known& Watch::of(const Worker& worker) {
  if (known_.size() <= worker.number()) known_.resize(worker.number() + 1);
  Known& known = known_[worker.number()];
  const int pid = worker.alive() ? worker.child->pid() : 0;
  if (known.pid != pid) known = {.pid = pid};
  return known;
}

Watch::Use Watch::use_of(std::uint32_t worker) const {
  if (worker >= known_.size()) return {};
  return {known_[worker].memory, known_[worker].used};
}

void Watch::look_at_workers() {
  Bytes sum;
  std::size_t read = 0;
  const std::size_t count = fleet_.workers().size();
  for (std::size_t i = 0; i < count; ++i) {
    const Worker& worker = *fleet_.workers()[(turn_ + i) % count];
    Known& known = of(worker);
    if (known.pid != 0 && read < kWorkersInALook) {
      ++read;
      known.memory = sys::anonymous_memory(known.pid);
      const bool settled =
          worker.state() == WorkerState::ready && worker.finished > worker.finished_before;
      if (settled && known.baseline.value == 0) known.baseline = known.memory;
    }
    sum = sum + known.memory;
  }
  turn_ = count == 0 ? 0 : (turn_ + read) % count;
  readings_.workers_memory = sum;
}

// One worker at a time, the one that was read longest ago.
void Watch::read_share(Clock::time_point now) {
  const Worker* oldest = nullptr;
  for (const auto& worker : fleet_.workers()) {
    if (worker->state() != WorkerState::ready) continue;
    if (oldest == nullptr || of(*worker).share_read < of(*oldest).share_read) oldest = worker.get();
  }
  if (oldest == nullptr || now - of(*oldest).share_read < kShareAge) return;
  Known& known = of(*oldest);
  known.share_read = now;
  if (readings_.shares.size() <= oldest->number()) readings_.shares.resize(oldest->number() + 1);
  readings_.shares[oldest->number()] = sys::proportional_memory(known.pid);
}

void Watch::take_plan() {
  planned_ = settings_.plan(facts_);
  readings_.budget = planned_->cpus;
  readings_.whole.budget = planned_->whole_cpus.value_or(planned_->cpus);
  readings_.whole.own_limit = settings_.own_limit;
  if (settings_.own_limit && planned_->whole_memory)
    readings_.whole.own_limit = planned_->whole_memory;
}

void Watch::nearest_limit() {
  readings_.memory_limit.reset();
  readings_.memory_in_use = {};
  glances_.reset();
  for (std::size_t i = 0; i < facts_.memory.size(); ++i) {
    const sys::MemoryLevel& level = facts_.memory[i];
    const auto use = level.unreclaimable();
    if (!use || (!level.max && !level.high)) continue;
    const Bytes none{UINT64_MAX};
    if (offer_limit(std::min(level.max.value_or(none), level.high.value_or(none)), *use))
      glances_ = i;
  }
  readings_.whole.group_limit = readings_.memory_limit;
  readings_.whole.group_in_use = readings_.memory_in_use;
  readings_.whole.available = facts_.mem_available;
  const Bytes ours = readings_.workers_memory + sys::own_peak_resident();
  if (settings_.own_limit && offer_limit(*settings_.own_limit, ours)) glances_.reset();
  // The machine's memory is not ours alone: what others take of it is no reason to give up anything, as long as
  // there is some left.
  if (facts_.mem_available && offer_limit(ours + *facts_.mem_available, ours)) glances_.reset();
  if (readings_.memory_in_use >= readings_.memory_peak) {
    readings_.memory_peak = readings_.memory_in_use;
    readings_.peak_limit = readings_.memory_limit;
  }
}

// Whether it is the nearest one so far.
bool Watch::offer_limit(Bytes limit, Bytes in_use) {
  const auto share = [](Bytes use, Bytes of) {
    return static_cast<double>(use.value) /
           static_cast<double>(std::max<std::uint64_t>(1, of.value));
  };
  if (readings_.memory_limit &&
      share(in_use, limit) <= share(readings_.memory_in_use, *readings_.memory_limit)) {
    return false;
  }
  readings_.memory_limit = limit;
  readings_.memory_in_use = in_use;
  return true;
}

void Watch::notice_kernel_kills(Clock::time_point now) {
  const std::uint64_t kills = facts_.oom_kills.value_or(kernel_kills_);
  const std::uint64_t fresh = kills > kernel_kills_ ? kills - kernel_kills_ : 0;
  kernel_kills_ = kills;
  if (fresh == 0) return;
  readings_.oom_kills += fresh;
  record(now, fmt::format("the kernel killed {} process{} of this container for its memory", fresh,
                          fresh == 1 ? "" : "es"));
  log_.warn("{}", last_text_);
  if (settings_.mode != Mode::act || fleet_.ever_ready()) return;
  if (fleet_.wanted() > 1) {
    // One fewer than were loading would do; but nothing is known of them yet.
    history_.ceiling = plan::History::Ceiling{
        .workers = 1, .cpus = readings_.budget, .limit = planned_->memory, .until = {}};
    fleet_.set_workers(1, now);
  } else if (++kills_while_loading_ >= kKillsWhileLoading) {
    refuse("the kernel killed the one worker for its memory while it was loading, again and again",
           readings_.memory_limit.value_or(readings_.workers_memory));
  }
}

plan::Sight Watch::sight(Clock::time_point now, std::uint64_t items) {
  sights_.clear();
  unsigned changing = 0;
  for (const auto& worker : fleet_.workers()) {
    const bool ready = worker->state() == WorkerState::ready;
    const bool loading = worker->state() == WorkerState::starting;
    const bool leaving = worker->state() == WorkerState::leaving;
    if (worker->state() != WorkerState::absent && !ready) ++changing;
    if (!ready && !loading && !leaving) continue;
    const Known& known = of(*worker);
    sights_.push_back({.number = worker->number(),
                       .ready = ready || leaving,
                       .leaving = leaving,
                       .memory = known.memory,
                       .baseline = known.baseline,
                       .items = worker->finished - worker->finished_before});
  }
  return {.seconds = seconds(now),
          .cpus = readings_.budget,
          .throttled = readings_.throttled,
          .appetite = appetite_,
          .limit = readings_.memory_limit,
          .in_use = readings_.memory_in_use,
          .kills_group = facts_.oom_kills_group,
          .workers = fleet_.active(),
          .threads = settings_.threads,
          .least_threads = settings_.streams,
          .planned = planned_->workers,
          .planned_threads = planned_->threads,
          .planned_limit = planned_->memory,
          .changing = changing,
          .ever_ready = fleet_.ever_ready(),
          .holding = fleet_.held(),
          .idle = fleet_.in_flight() == 0,
          .items = items,
          .fleet = sights_};
}

void Watch::act(const plan::Decision& decision, Clock::time_point now) {
  const std::string& why = decision.why;
  const auto say = [&](spdlog::level::level_enum level, std::string text) {
    log_.log(level, "{}{}", fleet_.called(), text);
    record(now, std::move(text));
  };
  const bool starts_some = decision.act == Act::thin || decision.act == Act::recycle ||
                           (decision.act == Act::resize && decision.workers > fleet_.active());
  if (runs_out_ && starts_some) return;
  switch (decision.act) {
    case Act::none:
      return;
    case Act::hold:
      fleet_.hold(true);
      return say(spdlog::level::warn, "no more items are handed out for now: " + why);
    case Act::release:
      fleet_.hold(false);
      return say(spdlog::level::info, "items are handed out again: " + why);
    case Act::resize:
      say(spdlog::level::warn, fmt::format("now {} worker{}: {}", decision.workers,
                                           decision.workers == 1 ? "" : "s", why));
      return fleet_.set_workers(decision.workers + settings_.spare, now);
    case Act::thin:
      say(spdlog::level::warn, fmt::format("now {} thread{} a worker: {}", decision.threads,
                                           decision.threads == 1 ? "" : "s", why));
      settings_.threads = decision.threads;
      return fleet_.renew(settings_.start(decision.threads));
    case Act::recycle:
      say(spdlog::level::info, fmt::format("worker {} is replaced: {}", decision.worker, why));
      return fleet_.recycle(decision.worker);
    case Act::evict:
      say(spdlog::level::warn,
          fmt::format("worker {} is killed before the kernel does it: {}", decision.worker, why));
      return fleet_.evict(decision.worker, "memory ran out: " + why);
    case Act::refuse:
      record(now, "no worker fits: " + why);
      return refuse(why, readings_.workers_memory);
  }
}

void Watch::refuse(const std::string& why, Bytes taken) {
  if (!settings_.gives_up && fleet_.ever_ready()) {
    log_.warn("{}no worker fits into this container now: {}", fleet_.called(), why);
    return;
  }
  fleet_.give_up(
      Error{"no worker fits into this container: " + why + "; " + settings_.advice(taken)});
}

void Watch::record(Clock::time_point now, std::string text) {
  ++acts_;
  last_text_ = std::move(text);
  if (interventions_.size() < kMostInterventions) {
    interventions_.push_back({seconds(now), last_text_});
  }
  last_interventions_.push_back({seconds(now), last_text_});
  if (last_interventions_.size() > kMostInterventions) last_interventions_.pop_front();
}

}  // namespace headrace::supervisor
