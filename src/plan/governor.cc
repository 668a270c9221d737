#include "plan/governor.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "plan/words.h"

namespace headrace::plan {
namespace {

using Act = Decision::Act;

// Stopped in so many of its periods, a group loses more to waiting than it gains from one more thread.
constexpr double kThrottled = 0.25;
constexpr double kThrottledLong = 5;   // seconds before a cut
constexpr double kPlanStands = 3;      // seconds that a new plan must stand before it is followed
constexpr double kBetweenResizes = 1;  // seconds
constexpr double kCutSettles = 2;      // seconds after a cut that do not count
constexpr double kCutJudged = 6;       // seconds after which it is judged
constexpr double kCutHurts = 0.85;     // of the rate before
constexpr double kHeldLong = 5;        // seconds of a stopped dispatch before a worker is given up
constexpr double kHeldHopeless = 60;
constexpr double kBetweenEvictions = 1;  // seconds; memory comes back only when the process is gone
constexpr double kNobodyToBlame = 0.5;   // seconds
constexpr double kShortestLook = 0.02;
constexpr double kLongestLook = 1;
// Growth that is worth a new process.
constexpr Bytes kLeastGrowth = 8_MiB;
constexpr Bytes kNoLimit{UINT64_MAX};

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

// Of several that load, the one that has come least far: the others may still make it.
const WorkerSight* youngest_loading(const Sight& now) {
  const WorkerSight* youngest = nullptr;
  for (const WorkerSight& worker : now.fleet) {
    if (worker.ready) continue;
    if (youngest == nullptr || worker.memory < youngest->memory) youngest = &worker;
  }
  return youngest;
}

void set_ceiling(const Sight& now, unsigned workers, History& history) {
  history.ceiling = workers;
  history.ceiling_cpus = now.cpus.value;
  history.ceiling_limit = now.limit.value_or(kNoLimit).value;
}

// Whether the container has grown since the ceiling was found.
bool grown(const Sight& now, const History& history) {
  const std::uint64_t limit = now.limit.value_or(kNoLimit).value;
  return now.cpus.value > history.ceiling_cpus * 1.01 ||
         (limit > history.ceiling_limit &&
          limit - history.ceiling_limit > history.ceiling_limit / 16);
}

Decision at_the_limit(const Sight& now, const Marks& marks, History& history) {
  if (now.seconds - history.last_evict < kBetweenEvictions) return {};
  const WorkerSight* loading = youngest_loading(now);
  // What loads goes on as it began until the next look.
  const bool just_looked = now.seconds - history.seconds < 2 * kShortestLook;
  const Bytes more = loading != nullptr && just_looked ? less(now.in_use, history.in_use) : Bytes{};
  if (now.in_use + more < marks.kill) {
    history.full_since.reset();
    return {};
  }
  const WorkerSight* grown = most_grown(now, /*leaving_too=*/true);
  const bool loading_is_to_blame =
      loading != nullptr &&
      (grown == nullptr || growth(*grown) < kLeastGrowth || growth(*grown) < growth(*loading));
  const WorkerSight* victim = loading_is_to_blame ? loading : grown;
  if (victim == nullptr) return {};
  if (!loading_is_to_blame && growth(*victim) < kLeastGrowth) {
    // Somebody else fills the container; or whoever did it is dead already, and its memory not yet back.
    if (!history.full_since) history.full_since = now.seconds;
    if (now.workers <= 1 || now.seconds - *history.full_since < kNobodyToBlame) return {};
  }
  history.full_since.reset();
  history.last_evict = now.seconds;
  if (!loading_is_to_blame && growth(*victim) >= kLeastGrowth) {
    return {.act = Act::evict,
            .worker = victim->number,
            .why = fmt::format("{}, and it has {}", fill(now), mib(victim->memory))};
  }
  if (loading_is_to_blame && now.fleet.size() == 1 && now.workers <= 1) {
    return {.act = now.ever_ready ? Act::evict : Act::refuse,
            .worker = victim->number,
            .why = fmt::format("{}, {} of that by the one worker, which is still loading",
                               fill(now), mib(victim->memory))};
  }
  const unsigned fewer =
      std::max(1U, std::min(now.workers, static_cast<unsigned>(now.fleet.size())) - 1);
  set_ceiling(now, fewer, history);
  history.last_resize = now.seconds;
  return {.act = Act::renounce, .worker = victim->number, .workers = fewer, .why = fill(now)};
}

Decision hold_or_release(const Sight& now, const Marks& marks) {
  if (!now.holding && now.in_use >= marks.hold) return {.act = Act::hold, .why = fill(now)};
  if (now.holding && now.in_use < marks.release) return {.act = Act::release, .why = fill(now)};
  return {};
}

// Spread over a tenth to both sides, so that workers which started together do not end together.
double jitter(const WorkerSight& worker) {
  const std::uint32_t mixed = (worker.number + 1) * 2'654'435'761U;
  return 0.9 + 0.2 * static_cast<double>(mixed >> 16) / 65'536.0;
}

Decision as_wished(const Sight& now, const Wishes& wishes) {
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

Decision recycle_grown(const Sight& now, const Marks& marks) {
  if (now.in_use < marks.recycle || now.changing > 0) return {};
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
    set_ceiling(now, now.workers - 1, history);
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

Decision cut_when_throttled(const Sight& now, History& history) {
  const unsigned cpus = whole_up(now.cpus);
  const bool too_many = now.workers * now.threads > cpus;
  if (!too_many || history.cuts_hurt || history.cut || now.throttled.value_or(0) < kThrottled) {
    history.throttled_since.reset();
    return {};
  }
  if (!history.throttled_since) {
    history.throttled_since = now.seconds;
    history.items_then = now.items;
  }
  const double lasted = now.seconds - *history.throttled_since;
  if (lasted < kThrottledLong) return {};
  history.throttled_since.reset();
  const std::string why = fmt::format(
      "throttled in {:.0f} % of all periods for {:.0f} s: {} x {} on {} CPUs", 100 * *now.throttled,
      lasted, count(now.workers, "worker"), count(now.threads, "thread"), decimal(now.cpus.value));
  const unsigned enough = std::max(1U, cpus / now.threads);
  if (now.workers <= enough) {
    return {.act = Act::thin, .threads = std::max(1U, cpus / now.workers), .why = why};
  }
  // Half of what is too many at a time, for it is not known how many of them only wait.
  const unsigned fewer = now.workers - std::max(1U, (now.workers - enough) / 2);
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
  if (history.ceiling && grown(now, history)) history.ceiling.reset();
  const unsigned wanted = std::min(now.planned, history.ceiling.value_or(now.planned));
  const bool room = !marks || now.in_use < marks->recycle;
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
  const auto below = [&](unsigned percent, Bytes least, Bytes most) {
    const std::uint64_t share = limit.value / 100 * percent * (kills_group ? 2 : 1);
    const std::uint64_t margin = std::clamp(share, least.value, most.value);
    return Bytes{limit.value - std::min(margin, limit.value / 2)};
  };
  return {.recycle = below(20, 16_MiB, 4096_MiB),
          .release = below(15, 12_MiB, 3072_MiB),
          .hold = below(10, 8_MiB, 2048_MiB),
          .kill = below(4, 4_MiB, 512_MiB)};
}

Decision decide(const Sight& now, const Wishes& wishes, History& history) {
  std::optional<Marks> marks;
  if (now.limit) marks = marks_of(*now.limit, now.kills_group);
  const auto first = [&]() -> Decision {
    if (marks) {
      if (Decision d = at_the_limit(now, *marks, history); d.act != Act::none) return d;
      if (Decision d = hold_or_release(now, *marks); d.act != Act::none) return d;
      if (Decision d = recycle_grown(now, *marks); d.act != Act::none) return d;
    }
    if (Decision d = as_wished(now, wishes); d.act != Act::none) return d;
    if (Decision d = give_up_a_worker(now, history); d.act != Act::none) return d;
    if (Decision d = judge_cut(now, history); d.act != Act::none) return d;
    if (Decision d = cut_when_throttled(now, history); d.act != Act::none) return d;
    return follow_plan(now, marks, history);
  };
  const Decision decision = first();
  history.seconds = now.seconds;
  history.in_use = now.in_use;
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
  if (passed > 0 && now.in_use > before.in_use) {
    const double speed = static_cast<double>((less(now.in_use, before.in_use)).value) / passed;
    wait = std::min(wait, left / speed / 4);
  }
  return std::clamp(wait, kShortestLook, kLongestLook);
}

}  // namespace headrace::plan
