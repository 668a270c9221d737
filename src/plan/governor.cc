#include "plan/governor.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "plan/budget.h"
#include "plan/words.h"

namespace headrace::plan {
namespace {

using Act = Decision::Act;

// Stopped in so many of its periods, a group loses more to waiting than it gains from one more thread.
constexpr double kThrottled = 0.25;
constexpr double kThrottledLong = 5;    // seconds before a cut
constexpr double kThrottledSure = 1.9;  // seconds before a cut whose size is known
constexpr double kNearlyWhole = 0.1;    // of a worker
constexpr double kPlanStands = 3;       // seconds that a new plan must stand before it is followed
constexpr double kBetweenResizes = 1;   // seconds
constexpr double kCutSettles = 2;       // seconds after a cut that do not count
constexpr double kCutJudged = 6;        // seconds after which it is judged
constexpr double kCutHurts = 0.85;      // of the rate before
constexpr double kHeldLong = 5;         // seconds of a stopped dispatch before a worker is given up
constexpr double kHeldHopeless = 60;
constexpr double kBetweenEvictions = 1;  // seconds; memory comes back only when the process is gone
constexpr double kNobodyToBlame = 0.5;   // seconds
constexpr double kShortestLook = 0.02;
constexpr double kLongestLook = 1;
constexpr double kMakingWay = 0.1;  // seconds
// Growth that is worth a new process.
constexpr Bytes kLeastGrowth = 8_MiB;

Bytes less(Bytes from, Bytes what) {
  return {from.value - std::min(from.value, what.value)};
}

Bytes growth(const WorkerSight& worker) {
  return worker.baseline.value == 0 && worker.ready ? Bytes{}
                                                    : less(worker.memory, worker.baseline);
}

unsigned whole_up(Cpus cpus) {
  return std::max(1U, static_cast<unsigned>(std::ceil(std::clamp(cpus.value, 0.0, 1e6) - 0.005)));
}

std::string fill(const Sight& now) {
  return fmt::format("{} of {} are in use", mib(now.in_use), mib(*now.limit));
}

// The one whose end brings back most of what nobody had planned for.
const WorkerSight* most_grown(const Sight& now, bool leaving_too) {
  const WorkerSight* most = nullptr;
  for (const WorkerSight& worker : now.fleet) {
    if (!worker.ready || (worker.leaving && !leaving_too)) continue;
    if (most == nullptr || growth(worker) > growth(*most)) most = &worker;
  }
  return most;
}

const WorkerSight* largest_loading(const Sight& now) {
  const WorkerSight* largest = nullptr;
  for (const WorkerSight& worker : now.fleet) {
    if (worker.ready) continue;
    if (largest == nullptr || worker.memory > largest->memory) largest = &worker;
  }
  return largest;
}

void set_ceiling(const Sight& now, unsigned workers, History& history) {
  history.ceiling = History::Ceiling{
      .workers = workers, .cpus = now.cpus, .limit = now.planned_limit, .until = {}};
}

// Another chance later: whoever filled the container may be gone by then.
void set_passing_ceiling(const Sight& now, unsigned workers, History& history) {
  set_ceiling(now, workers, history);
  history.ceiling->until = now.seconds + history.next_chance;
  history.next_chance *= 2;
}

// Whether the container has grown since the ceiling was found, or its time is over.
bool past(const History::Ceiling& ceiling, const Sight& now) {
  const Bytes more = less(now.planned_limit, ceiling.limit);
  return now.cpus.value > ceiling.cpus.value * 1.01 || more.value > ceiling.limit.value / 16 ||
         (ceiling.until && now.seconds >= *ceiling.until);
}

// How much more will be in use at the next look, if what loads goes on as it did since the last one.
Bytes on_its_way(const Sight& now, const History& history) {
  const bool just_looked =
      history.limit == now.limit && now.seconds - history.seconds < 2 * kShortestLook;
  return just_looked ? less(now.in_use, history.in_use) : Bytes{};
}

Decision at_the_limit(const Sight& now, const Marks& marks, History& history) {
  if (now.seconds - history.last_evict < kBetweenEvictions) return {};
  const WorkerSight* loading = largest_loading(now);
  const Bytes more = loading == nullptr ? Bytes{} : on_its_way(now, history);
  if (now.in_use + more < marks.kill) {
    history.full_since.reset();
    return {};
  }
  const WorkerSight* grown = most_grown(now, /*leaving_too=*/true);
  const Bytes growth_of_grown = grown == nullptr ? Bytes{} : growth(*grown);
  const bool loading_is_to_blame =
      loading != nullptr && (growth_of_grown < kLeastGrowth || growth_of_grown < loading->memory);
  if (!loading_is_to_blame && growth_of_grown < kLeastGrowth) {
    // Somebody else fills the container; or whoever did it is dead already, and its memory not yet back.
    if (!history.full_since) history.full_since = now.seconds;
    if (now.workers <= 1 || now.seconds - *history.full_since < kNobodyToBlame) return {};
    set_passing_ceiling(now, now.workers - 1, history);
  } else if (!loading_is_to_blame || now.workers <= 1) {
    const WorkerSight& victim = loading_is_to_blame ? *loading : *grown;
    history.last_evict = now.seconds;
    return {.act = loading_is_to_blame && !now.ever_ready ? Act::refuse : Act::evict,
            .worker = victim.number,
            .why = fmt::format(
                "{}, {} of that by {}", fill(now), mib(victim.memory),
                loading_is_to_blame ? "the one worker, which is still loading" : "this worker")};
  } else {
    set_ceiling(now, now.workers - 1, history);
  }
  history.full_since.reset();
  history.last_evict = now.seconds;
  history.last_resize = now.seconds;
  return {
      .act = Act::resize,
      .workers = now.workers - 1,
      .why = fmt::format("{}{}", fill(now), loading_is_to_blame ? " while a worker loads" : "")};
}

Decision hold_or_release(const Sight& now, const Marks& marks) {
  if (!now.holding && now.in_use >= marks.hold) return {.act = Act::hold, .why = fill(now)};
  // With nothing in work nothing will be given back, so there is nothing to wait for.
  const bool in_vain = now.idle && now.changing == 0 && now.workers <= 1 && now.in_use < marks.hold;
  if (now.holding && (now.in_use < marks.release || in_vain))
    return {.act = Act::release, .why = fill(now)};
  return {};
}

// Spread over a tenth to both sides, so that workers which started together do not end together.
double jitter(const WorkerSight& worker) {
  const std::uint32_t mixed = (worker.number + 1) * 2'654'435'761U;
  return 0.9 + 0.2 * static_cast<double>(mixed >> 16) / 65'536.0;
}

Decision as_wished(const Sight& now, const Wishes& wishes) {
  // Workers that started together would all load at once.
  if (now.changing >= std::max(1U, now.workers / 4)) return {};
  for (const WorkerSight& worker : now.fleet) {
    if (!worker.ready || worker.leaving) continue;
    if (wishes.recycle_after && static_cast<double>(worker.items) >=
                                    static_cast<double>(*wishes.recycle_after) * jitter(worker)) {
      return {.act = Act::recycle,
              .worker = worker.number,
              .why = fmt::format("it has done {}", count(worker.items, "item"))};
    }
    if (wishes.recycle_growth &&
        static_cast<double>(growth(worker).value) >=
            static_cast<double>(wishes.recycle_growth->value) * jitter(worker)) {
      return {.act = Act::recycle,
              .worker = worker.number,
              .why = fmt::format("it has grown from {} to {}", mib(worker.baseline),
                                 mib(worker.memory))};
    }
  }
  return {};
}

// What will be taken until a worker has made way, at the present pace.
Bytes in_a_moment(const Sight& now, const History& history) {
  const double passed = now.seconds - history.seconds;
  if (history.limit != now.limit || passed <= 0) return {};
  const double pace = static_cast<double>(less(now.in_use, history.in_use).value) / passed;
  return Bytes{static_cast<std::uint64_t>(pace * kMakingWay)};
}

Decision recycle_grown(const Sight& now, const Marks& marks, const History& history) {
  if (now.in_use + in_a_moment(now, history) < marks.recycle || now.changing > 0) return {};
  const WorkerSight* grown = most_grown(now, /*leaving_too=*/false);
  const Bytes least = std::max(kLeastGrowth, Bytes{now.limit->value / 64});
  if (grown == nullptr || growth(*grown) < least) return {};
  return {.act = Act::recycle,
          .worker = grown->number,
          .why = fmt::format("{}, and it has grown from {} to {}", fill(now), mib(grown->baseline),
                             mib(grown->memory))};
}

Decision give_up_a_worker(const Sight& now, History& history) {
  if (!now.holding) {
    history.held_since.reset();
    return {};
  }
  if (!history.held_since) history.held_since = now.seconds;
  const double held = now.seconds - *history.held_since;
  if (held < kHeldLong || now.changing > 0) return {};
  if (now.workers > 1) {
    set_passing_ceiling(now, now.workers - 1, history);
    history.held_since = now.seconds;
    history.last_resize = now.seconds;
    return {.act = Act::resize,
            .workers = now.workers - 1,
            .why = fmt::format("{}, and no worker has grown", fill(now))};
  }
  if (held < kHeldHopeless || !now.idle) return {};
  return {
      .act = Act::refuse,
      .why = fmt::format("{} for {:.0f} s, with one worker and nothing in work", fill(now), held)};
}

// A cut that cost more than it brought is taken back, once and for all.
Decision judge_cut(const Sight& now, History& history) {
  if (!history.cut) return {};
  History::Cut& cut = *history.cut;
  if (now.seconds - cut.at < kCutSettles) return {};
  if (!cut.settled) {
    cut.settled = now.seconds;
    cut.items = now.items;
  }
  if (now.seconds - *cut.settled < kCutJudged) return {};
  const double rate = static_cast<double>(now.items - cut.items) / (now.seconds - *cut.settled);
  const History::Cut judged = cut;
  history.cut.reset();
  if (judged.rate <= 0 || rate >= kCutHurts * judged.rate || now.workers >= judged.from) return {};
  history.cuts_hurt = true;
  history.ceiling.reset();
  history.last_resize = now.seconds;
  return {.act = Act::resize,
          .workers = judged.from,
          .why = fmt::format("{:.1f} items/s instead of {:.1f} with fewer", rate, judged.rate)};
}

// Workers that use up the quota between them, whatever else they wait for; 1 when that is not known.
unsigned that_fill(const Sight& now) {
  if (!now.appetite) return 1;
  const double each = std::max(0.001, *now.appetite) * now.threads;
  return static_cast<unsigned>(
      std::ceil(std::clamp(now.cpus.value / each - kNearlyWhole, 1.0, 1e6)));
}

Decision cut_when_throttled(const Sight& now, History& history) {
  const unsigned cpus = whole_up(now.cpus);
  const bool too_many = now.workers * now.threads > cpus;
  // While workers load nothing gets done, whatever the quota.
  if (!too_many || now.changing > 0 || history.cuts_hurt || history.cut ||
      now.throttled.value_or(0) < kThrottled) {
    history.throttled_since.reset();
    return {};
  }
  if (!history.throttled_since) {
    history.throttled_since = now.seconds;
    history.items_then = now.items;
  }
  const double lasted = now.seconds - *history.throttled_since;
  // Without an item done meanwhile there is no rate that a cut could be judged by.
  if (lasted < (now.appetite ? kThrottledSure : kThrottledLong) ||
      now.items == history.items_then) {
    return {};
  }
  history.throttled_since.reset();
  const std::string why = fmt::format(
      "throttled in {:.0f} % of all periods for {:.0f} s: {} x {} on {} CPUs", 100 * *now.throttled,
      lasted, count(now.workers, "worker"), count(now.threads, "thread"), decimal(now.cpus.value));
  const unsigned enough = std::max(std::max(1U, cpus / now.threads), that_fill(now));
  if (now.workers <= enough) {
    const unsigned thinner = std::max({1U, now.least_threads, cpus / now.workers});
    if (thinner >= now.threads) return {};
    return {.act = Act::thin, .threads = thinner, .why = why};
  }
  // Half of what is too many at a time, when it is not known how many of them only wait.
  const unsigned surplus = now.workers - enough;
  const unsigned fewer = now.workers - (now.appetite ? surplus : std::max(1U, surplus / 2));
  history.cut = History::Cut{.at = now.seconds,
                             .from = now.workers,
                             .rate = static_cast<double>(now.items - history.items_then) / lasted};
  set_ceiling(now, fewer, history);
  history.last_resize = now.seconds;
  return {.act = Act::resize, .workers = fewer, .why = why};
}

bool stood(std::optional<double>& since, bool holds, double now) {
  if (!holds) {
    since.reset();
    return false;
  }
  if (!since) since = now;
  return now - *since >= kPlanStands;
}

// The container has changed, and with it the plan.
Decision follow_plan(const Sight& now, const std::optional<Marks>& marks, History& history) {
  if (history.ceiling && past(*history.ceiling, now)) history.ceiling.reset();
  const unsigned wanted =
      history.ceiling ? std::min(now.planned, history.ceiling->workers) : now.planned;
  // A plan for workers of other threads says nothing about how many more of these there may be.
  const bool room = (!marks || now.in_use < marks->recycle) && now.planned_threads == now.threads;
  const bool more =
      stood(history.more_since, wanted > now.workers && room && !now.holding, now.seconds);
  const bool fewer = stood(history.fewer_since, wanted < now.workers, now.seconds);
  if ((!more && !fewer) || now.changing > 0 || now.seconds - history.last_resize < kBetweenResizes)
    return {};
  history.last_resize = now.seconds;
  const unsigned next = more ? now.workers + 1 : now.workers - 1;
  return {.act = Act::resize,
          .workers = next,
          .why = fmt::format(
              "the container now gives {} CPUs{}: a plan for that has {}", decimal(now.cpus.value),
              now.limit ? " and " + mib(*now.limit) : std::string(), count(now.planned, "worker"))};
}

}  // namespace

Marks marks_of(Bytes limit, bool kills_group) {
  const Bytes reserve = reserve_of(limit, kills_group);
  const auto below = [&](unsigned eighths) {
    return Bytes{limit.value - reserve.value * eighths / 8};
  };
  return {.recycle = below(6), .release = below(5), .hold = below(4), .kill = below(3)};
}

Decision decide(const Sight& now, const Wishes& wishes, History& history) {
  std::optional<Marks> marks;
  if (now.limit) marks = marks_of(*now.limit, now.kills_group);
  const auto first = [&]() -> Decision {
    if (!marks && now.holding) return {.act = Act::release, .why = "there is no limit any more"};
    if (marks) {
      if (Decision d = at_the_limit(now, *marks, history); d.act != Act::none) return d;
      if (Decision d = hold_or_release(now, *marks); d.act != Act::none) return d;
      if (Decision d = recycle_grown(now, *marks, history); d.act != Act::none) return d;
    }
    if (Decision d = as_wished(now, wishes); d.act != Act::none) return d;
    if (Decision d = give_up_a_worker(now, history); d.act != Act::none) return d;
    if (Decision d = judge_cut(now, history); d.act != Act::none) return d;
    if (Decision d = cut_when_throttled(now, history); d.act != Act::none) return d;
    return follow_plan(now, marks, history);
  };
  Decision decision = first();
  history.seconds = now.seconds;
  history.in_use = now.in_use;
  history.limit = now.limit;
  return decision;
}

double next_look(const Sight& now, const History& before) {
  if (!now.limit) return kLongestLook;
  const Marks marks = marks_of(*now.limit, now.kills_group);
  const double left = static_cast<double>(less(marks.kill, now.in_use).value);
  double wait = now.in_use >= marks.recycle ? 0.1 : kLongestLook;
  const bool loading = std::any_of(now.fleet.begin(), now.fleet.end(),
                                   [](const auto& worker) { return !worker.ready; });
  // A worker that loads takes hundreds of megabytes in a moment.
  if (loading)
    wait = std::min(wait, left < static_cast<double>((512_MiB).value) ? kShortestLook : 0.2);
  const double passed = now.seconds - before.seconds;
  if (passed > 0 && before.limit == now.limit && now.in_use > before.in_use) {
    const double speed = static_cast<double>((less(now.in_use, before.in_use)).value) / passed;
    wait = std::min(wait, left / speed / 4);
  }
  return std::clamp(wait, kShortestLook, kLongestLook);
}

}  // namespace headrace::plan
