// How many processors and how much memory this process really has, each with one sentence of why.
//
// Whoever sizes by the machine's processors is throttled, whoever sizes by its memory is killed.
// The budget is the tightest of all that bind: overrides, affinity, quotas and limits at every
// level. Arithmetic only: everything it judges is handed in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "sys/cgroup.h"

namespace headrace::plan {

struct BudgetInput {
  sys::CgroupFacts facts;
  unsigned affinity = 1;               // how many processors the mask allows
  std::optional<Bytes> address_space;  // RLIMIT_AS
  // The environment variables as they stand there; unset and empty mean the same.
  std::string_view cpus_override = "";    // HEADRACE_CPUS: processors, decimals allowed
  std::string_view memory_override = "";  // HEADRACE_MEMORY_MB: MiB, decimals allowed
  std::size_t sharers = 1;                // past one, these are a share, and nobody has set them
};

struct CpuBudget {
  Cpus cpus;         // not rounded
  std::string from;  // what binds: HEADRACE_CPUS, affinity, or the folder of the group
  std::string why;
  std::optional<Cpus>
      quota{};  // past which the kernel stops whoever works; nothing when none binds
};

struct MemoryBudget {
  Bytes limit;    // past it something kills, slows down or refuses
  Bytes reserve;  // kept back for the kernel, the page cache and what cannot be foreseen
  Bytes usable;   // the rest
  std::string from;
  std::string why;
};

struct Budget {
  CpuBudget cpu;
  MemoryBudget memory;
  std::vector<std::string> notes;  // what an operator should know, a sentence each
};

// An error only for an override that is no number in its range; the sentence names the variable.
Result<Budget> make_budget(const BudgetInput& input);

// What of a memory limit is kept back; `kills_group` as in sys::CgroupFacts::oom_kills_group.
Bytes reserve_of(Bytes limit, bool kills_group);

// How much may still be taken before the tightest level, or the machine, is full; page cache that the
// kernel gives back not counted as use. Nothing when nothing is known.
std::optional<Bytes> memory_headroom(const sys::CgroupFacts& facts);

// The counters of the level whose quota binds (of the own group when none has one).
std::optional<sys::Throttling> throttling(const sys::CgroupFacts& facts);

}  // namespace headrace::plan
