#include "plan/budget.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "plan/words.h"

namespace headrace::plan {
namespace {

constexpr double kFewestCpus = 0.01;
constexpr double kMostCpus = 65'536;
constexpr double kFewestMib = 16;
constexpr double kMostMib = 1024.0 * 1024 * 1024;  // a pebibyte
constexpr Bytes kAssumedMemory = 1024_MiB;         // when nothing at all says how much there is
constexpr const char* kShare = "share";            // as what binds

// Plain decimals only: no sign, no exponent, no "inf".
std::optional<double> parse_decimal(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.';
  });
  if (!plain || text.empty()) return std::nullopt;
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

Result<double> parse_override(std::string_view variable, std::string_view text, double least,
                              double most) {
  const std::optional<double> value = parse_decimal(text);
  if (!value || *value < least || *value > most) {
    return Error{fmt::format("{}='{}' is not a number from {} to {}; write it like {}", variable,
                             text.substr(0, 40), least, most,
                             variable == "HEADRACE_CPUS" ? "1.5" : "2048")};
  }
  return *value;
}

const sys::CpuLevel* tightest_quota(const sys::CgroupFacts& facts) {
  const sys::CpuLevel* tightest = nullptr;
  for (const sys::CpuLevel& level : facts.cpu) {
    if (level.quota && (tightest == nullptr || *level.quota < *tightest->quota)) tightest = &level;
  }
  return tightest;
}

std::string level_words(std::size_t level) {
  if (level == 0) return "the own group";
  return level == 1 ? "the parent of the own group"
                    : fmt::format("{} levels above the own group", level);
}

CpuBudget cpu_by_kernel(const BudgetInput& input) {
  const unsigned mask = std::max(1U, input.affinity);
  const sys::CpuLevel* level = tightest_quota(input.facts);
  if (level == nullptr) {
    return {
        Cpus{static_cast<double>(mask)}, "affinity",
        fmt::format("the affinity mask allows {} and no group has a quota", count(mask, "CPU"))};
  }
  if (level->quota->value >= mask) {
    return {Cpus{static_cast<double>(mask)}, "affinity",
            fmt::format("the affinity mask allows {}, less than the tightest quota ({} at {})",
                        count(mask, "CPU"), decimal(level->quota->value), level->path)};
  }
  return {*level->quota, level->path,
          fmt::format("the quota of {} ({}) is {} of the {} in the affinity mask", level->path,
                      level_words(static_cast<std::size_t>(level - input.facts.cpu.data())),
                      decimal(level->quota->value), count(mask, "CPU")),
          *level->quota};
}

std::string share_words(const BudgetInput& input) {
  return fmt::format("its share of {} models", input.sharers);
}

Result<CpuBudget> cpu_budget(const BudgetInput& input, std::vector<std::string>& notes) {
  CpuBudget found = cpu_by_kernel(input);
  if (input.cpus_override.empty()) return found;
  auto cpus = parse_override("HEADRACE_CPUS", input.cpus_override, kFewestCpus, kMostCpus);
  if (!cpus) return std::move(cpus).error();
  if (input.sharers > 1) return CpuBudget{Cpus{*cpus}, kShare, share_words(input), found.quota};
  if (*cpus > found.cpus.value) {
    notes.push_back(fmt::format("HEADRACE_CPUS={} is more than what is there: {}",
                                input.cpus_override, found.why));
  }
  return CpuBudget{Cpus{*cpus}, "HEADRACE_CPUS",
                   fmt::format("HEADRACE_CPUS says so (without it: {}, because {})",
                               decimal(found.cpus.value), found.why)};
}

struct Bound {
  Bytes limit;
  std::string from;
  std::string why;
};

std::vector<Bound> group_bounds(const sys::CgroupFacts& facts) {
  std::vector<Bound> bounds;
  for (std::size_t i = 0; i < facts.memory.size(); ++i) {
    const sys::MemoryLevel& level = facts.memory[i];
    if (level.max) {
      bounds.push_back(
          {*level.max, level.path,
           fmt::format("the limit of {} ({}) is {}", level.path, level_words(i), mib(*level.max))});
    }
    if (level.high) {
      bounds.push_back({*level.high, level.path + "/memory.high",
                        fmt::format("past memory.high of {} ({}), {}, the kernel slows down",
                                    level.path, level_words(i), mib(*level.high))});
    }
  }
  return bounds;
}

// Everything that binds; the first of equals is the one that is named.
Result<std::vector<Bound>> memory_bounds(const BudgetInput& input) {
  std::vector<Bound> bounds;
  if (!input.memory_override.empty()) {
    const auto value =
        parse_override("HEADRACE_MEMORY_MB", input.memory_override, kFewestMib, kMostMib);
    if (!value) return value.error();
    const Bytes limit{static_cast<std::uint64_t>(*value * 1024.0 * 1024.0)};
    if (input.sharers > 1) {
      bounds.push_back({limit, kShare, share_words(input)});
    } else {
      bounds.push_back({limit, "HEADRACE_MEMORY_MB", "HEADRACE_MEMORY_MB says so"});
    }
  }
  for (Bound& bound : group_bounds(input.facts)) bounds.push_back(std::move(bound));
  if (input.address_space) {
    bounds.push_back({*input.address_space, "RLIMIT_AS",
                      "the address space of a process is limited (RLIMIT_AS, ulimit -v)"});
  }
  if (input.facts.mem_total) {
    bounds.push_back({*input.facts.mem_total, "MemTotal", "the machine has no more (MemTotal)"});
  }
  return bounds;
}

Bytes usual_reserve(Bytes limit) {
  const std::uint64_t wanted = std::clamp(limit.value / 16, (32_MiB).value, (512_MiB).value);
  return Bytes{std::min(wanted, limit.value / 4)};
}

std::string group_kill_note(const MemoryBudget& memory) {
  std::string danger =
      "memory.oom.group is 1: when the memory limit is passed, the kernel kills every process of "
      "the container, not one worker";
  const Bytes usual = usual_reserve(memory.limit);
  if (memory.reserve == usual) return danger;
  return fmt::format("{}; therefore {} are kept in reserve instead of {}", danger,
                     mib(memory.reserve), mib(usual));
}

Result<MemoryBudget> memory_budget(const BudgetInput& input, std::vector<std::string>& notes) {
  auto bounds = memory_bounds(input);
  if (!bounds) return std::move(bounds).error();
  if (bounds->empty()) {
    bounds->push_back(
        {kAssumedMemory, "assumed", "nothing says how much there is; set HEADRACE_MEMORY_MB"});
  }
  const auto tightest =
      std::min_element(bounds->begin(), bounds->end(),
                       [](const Bound& a, const Bound& b) { return a.limit < b.limit; });
  if (!input.memory_override.empty() && input.sharers == 1 &&
      tightest->from != "HEADRACE_MEMORY_MB") {
    notes.push_back(
        fmt::format("HEADRACE_MEMORY_MB={} is more than what is there, and cannot raise it: {}",
                    input.memory_override, tightest->why));
  }
  const Bytes reserve = reserve_of(tightest->limit, input.facts.oom_kills_group);
  return MemoryBudget{tightest->limit, reserve, Bytes{tightest->limit.value - reserve.value},
                      tightest->from, tightest->why};
}

}  // namespace

// Where passing the limit ends every process and not one worker, twice as much is kept back: the
// usual reserve may then be used up by surprise and half of it is still there. Never more than a
// quarter of the limit, past which too few workers would be a greater loss than a rare kill.
Bytes reserve_of(Bytes limit, bool kills_group) {
  const Bytes usual = usual_reserve(limit);
  return kills_group ? std::min(usual * 2, Bytes{limit.value / 4}) : usual;
}

Result<Budget> make_budget(const BudgetInput& input) {
  Budget budget;
  auto cpu = cpu_budget(input, budget.notes);
  if (!cpu) return std::move(cpu).error();
  auto memory = memory_budget(input, budget.notes);
  if (!memory) return std::move(memory).error();
  budget.cpu = *std::move(cpu);
  budget.memory = *std::move(memory);
  if (input.facts.oom_kills_group) budget.notes.push_back(group_kill_note(budget.memory));
  budget.notes.insert(budget.notes.end(), input.facts.notes.begin(), input.facts.notes.end());
  return budget;
}

std::optional<Bytes> memory_headroom(const sys::CgroupFacts& facts) {
  std::optional<Bytes> least;
  for (const sys::MemoryLevel& level : facts.memory) {
    if (!level.current || (!level.max && !level.high)) continue;
    const Bytes limit =
        std::min(level.max.value_or(Bytes{UINT64_MAX}), level.high.value_or(Bytes{UINT64_MAX}));
    const std::uint64_t cache = level.inactive_file.value_or(Bytes{}).value;
    const std::uint64_t used = level.current->value - std::min(cache, level.current->value);
    const Bytes left{limit.value - std::min(used, limit.value)};
    if (!least || left < *least) least = left;
  }
  // Without a limit it is the machine that ends, and its kernel kills whom it likes; a little is left to it.
  if (facts.mem_available) {
    const Bytes left{facts.mem_available->value - facts.mem_available->value / 16};
    if (!least || left < *least) least = left;
  }
  return least;
}

std::optional<sys::Throttling> throttling(const sys::CgroupFacts& facts) {
  if (const sys::CpuLevel* level = tightest_quota(facts)) return level->throttling;
  return facts.cpu.empty() ? std::nullopt : facts.cpu.front().throttling;
}

}  // namespace headrace::plan
