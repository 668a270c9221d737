// What the control groups say about this process: limits, use and trouble, at every level.
//
// The machine's own numbers (processors, MemTotal) are of no use in a container, and the limit that
// binds may sit in any group between this process and the root, in cgroup v1, v2 or a mixture. This
// part reads it all and judges nothing: which limit counts, and what follows from it, is for plan/.
// It never fails: content that makes no sense is "no limit at that level" and a sentence in
// `notes`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace headrace::sys {

enum class CgroupVersion { none, v1, v2, hybrid };
std::string_view name(CgroupVersion version);

// Counted by the kernel since the group was made; differences over time are what is of interest.
struct Throttling {
  std::uint64_t periods = 0;    // in which the group ran
  std::uint64_t throttled = 0;  // of those: in which it was stopped for having used its quota
  std::chrono::nanoseconds time{0};
};

// Levels are listed from the own group outwards. `path` is the directory as this process sees it.
struct CpuLevel {
  std::string path;
  std::optional<Cpus> quota;
  std::optional<Throttling> throttling;
};

struct MemoryLevel {
  std::string path;
  std::optional<Bytes> max{};            // past it the kernel kills
  std::optional<Bytes> high{};           // past it the kernel slows down (v2 only)
  std::optional<Bytes> current{};        // use, page cache and memfd pages included
  std::optional<Bytes> inactive_file{};  // the part of it that the kernel takes back first
  std::optional<Bytes> active_file{};    // the part that it takes back next
  std::optional<Bytes> anonymous{};      // private to processes
  std::optional<Bytes> shared{};         // memfd, tmpfs and the like

  std::optional<Bytes> slab_reclaimable{};  // names of files and the like (v2 only)

  // What the kernel cannot give back by dropping caches of files and of their names; nothing when the use is not
  // known. A job that reads a million files fills any limit with names, which harms nobody.
  std::optional<Bytes> unreclaimable() const;
};

// Pressure stall information: the share of time, in percent, in which somebody had to wait.
struct Pressure {
  double some_avg10 = 0;
  double some_avg60 = 0;
  double full_avg10 = 0;  // in which nobody could go on
  double full_avg60 = 0;
};

struct CgroupFacts {
  CgroupVersion version = CgroupVersion::none;
  std::vector<CpuLevel> cpu;
  std::vector<MemoryLevel> memory;
  bool memory_in_v2 = false;
  std::string cpuset;                                // such as "0-3,8"; "" when nothing says
  std::optional<std::chrono::nanoseconds> cpu_used;  // by the own group since it was made
  std::optional<std::uint64_t> oom_kills;            // of processes of the own group
  // Of the own group where the kernel says so (v2), otherwise of the whole machine.
  std::optional<Pressure> cpu_pressure, memory_pressure, io_pressure;
  bool pressure_of_machine = false;
  bool oom_kills_group = false;    // an out-of-memory kill takes every process (memory.oom.group)
  std::optional<Bytes> mem_total;  // of the machine
  std::optional<Bytes> mem_available;  // of the machine
  std::vector<std::string> notes;
};

// Reads below `root`: "" is the real machine, anything else a folder with the same layout. Some
// dozens of small files: cheap enough for once a second, too dear for once an item.
CgroupFacts read_cgroup(std::string_view root = "");
// The use of memory at one level now, page cache included: the cheapest look there is.
std::optional<Bytes> current_memory(const CgroupFacts& facts, const MemoryLevel& level,
                                    std::string_view root = "");
// Brings only the use of memory (not the limits) in facts that read_cgroup() gave up to date; of a level that cannot be
// read any more, what was known stays.
void refresh_memory(CgroupFacts& facts, std::string_view root = "");

}  // namespace headrace::sys
