#include "cli/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "plan/words.h"
#include "sys/affinity.h"

namespace headrace::cli {
namespace {

using nlohmann::ordered_json;
using plan::count;
using plan::decimal;
using plan::mib;

// What engines choose their kernels by.
constexpr std::array<const char*, 9> kEngineFeatures = {"avx2",        "fma",      "avx512f",
                                                        "avx512_vnni", "avx_vnni", "avx512_bf16",
                                                        "amx_tile",    "amx_int8", "amx_bf16"};

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::string binds(bool yes) {
  return yes ? "  <- binds" : "";
}

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, " "));
}

bool level_binds(const sys::MemoryLevel& level, const plan::Budget& budget) {
  return budget.memory.from == level.path || budget.memory.from == level.path + "/memory.high";
}

std::string throttling_words(const sys::Throttling& t) {
  const double share =
      t.periods == 0 ? 0
                     : 100.0 * static_cast<double>(t.throttled) / static_cast<double>(t.periods);
  return fmt::format("in {} of {} periods ({:.1f} %), {:.1f} s in all since the group was made",
                     t.throttled, t.periods, share, seconds(t.time));
}

std::string pressure_words(const sys::Pressure& p, bool of_machine) {
  return fmt::format("some waited {} % of the last 10 s, {} % of 60 s; all {} % and {} %{}",
                     decimal(p.some_avg10), decimal(p.some_avg60), decimal(p.full_avg10),
                     decimal(p.full_avg60), of_machine ? " (whole machine)" : "");
}

std::string capability_words(std::uint64_t bits) {
  constexpr std::uint64_t kAll = (std::uint64_t{1} << 41) - 1;
  const std::vector<std::string> lacking = sys::capability_names(kAll & ~bits);
  if (lacking.empty()) return "all";
  if (lacking.size() <= 8) return "all but " + joined(lacking);
  return joined(sys::capability_names(bits));
}

std::string feature_words(const sys::Processor& processor) {
  std::vector<std::string> have;
  std::vector<std::string> lack;
  for (const char* feature : kEngineFeatures)
    (processor.has(feature) ? have : lack).emplace_back(feature);
  return fmt::format("{} (not: {})", joined(have), joined(lack));
}

Section cpu_section(const Container& c, const plan::Budget& budget) {
  Section section{"CPU"};
  section.add("affinity", fmt::format("{}: {}{}", count(c.affinity.size(), "CPU"),
                                      ranges(c.affinity), binds(budget.cpu.from == "affinity")));
  section.add("system", fmt::format("{} online, {} configured", c.processors.online,
                                    c.processors.configured));
  section.add("cpuset", c.groups.cpuset.empty() ? "nothing says" : c.groups.cpuset);
  if (budget.cpu.from == "HEADRACE_CPUS")
    section.add("HEADRACE_CPUS", decimal(budget.cpu.cpus.value) + binds(true));
  for (const sys::CpuLevel& level : c.groups.cpu) {
    section.add("quota",
                fmt::format("{} at {}{}", level.quota ? decimal(level.quota->value) : "none",
                            level.path, binds(budget.cpu.from == level.path)));
    if (level.throttling && (level.quota || level.throttling->throttled > 0))
      section.add("throttled", throttling_words(*level.throttling));
  }
  if (c.groups.cpu_used)
    section.add("used",
                fmt::format("{:.1f} CPU seconds by the own group", seconds(*c.groups.cpu_used)));
  if (c.groups.cpu_pressure)
    section.add("pressure", pressure_words(*c.groups.cpu_pressure, c.groups.pressure_of_machine));
  if (c.processor) {
    section.add("model", c.processor->model.empty() ? "nothing says" : c.processor->model);
    section.add("engines look for", feature_words(*c.processor));
  } else {
    section.add("model", "unreadable: " + c.processor.error().message);
  }
  return section;
}

std::string memory_words(const sys::MemoryLevel& level) {
  std::string text = level.max ? "limit " + mib(*level.max) : "no limit";
  if (level.high) text += ", slowed down from " + mib(*level.high);
  if (level.current) text += ", in use " + mib(*level.current);
  if (level.current && level.inactive_file) {
    const Bytes kept = *level.unreclaimable();
    text +=
        fmt::format(" ({} of it reclaimable cache)",
                    mib(Bytes{level.current->value - std::min(kept.value, level.current->value)}));
  }
  if (level.anonymous) text += ", private " + mib(*level.anonymous);
  if (level.shared) text += ", shared " + mib(*level.shared);
  return text + " at " + level.path;
}

Section memory_section(const Container& c, const plan::Budget& budget) {
  Section section{"Memory"};
  if (c.groups.mem_total)
    section.add("machine", fmt::format("{}, {} available{}", mib(*c.groups.mem_total),
                                       c.groups.mem_available ? mib(*c.groups.mem_available) : "?",
                                       binds(budget.memory.from == "MemTotal")));
  for (const char* other : {"HEADRACE_MEMORY_MB", "RLIMIT_AS"}) {
    if (budget.memory.from == other) section.add(other, mib(budget.memory.limit) + binds(true));
  }
  for (const sys::MemoryLevel& level : c.groups.memory)
    section.add("group", memory_words(level) + binds(level_binds(level, budget)));
  const auto left = plan::memory_headroom(c.groups);
  if (left) section.add("left", mib(*left) + " before the tightest of these is full");
  section.add("oom.group", c.groups.oom_kills_group
                               ? "1: past the limit the kernel kills every process at once"
                               : "0: past the limit the kernel kills one process");
  if (c.groups.oom_kills)
    section.add("oom kills", fmt::format("{} in the own group so far", *c.groups.oom_kills));
  if (c.groups.memory_pressure)
    section.add("pressure",
                pressure_words(*c.groups.memory_pressure, c.groups.pressure_of_machine));
  section.add("/dev/shm", c.shm ? describe(*c.shm) + " (not used by Headrace)"
                                : "unreadable: " + c.shm.error().message);
  return section;
}

Section platform_section(const Container& c) {
  Section section{"Platform"};
  section.add("kernel",
              fmt::format("{} {} {}", c.kernel.system, c.kernel.release, c.kernel.architecture));
  section.add("cgroups", std::string(sys::name(c.groups.version)));
  if (c.rights) {
    section.add("capabilities", capability_words(c.rights->effective));
    section.add("seccomp", c.rights->seccomp.empty() ? "nothing says" : c.rights->seccomp);
    section.add("no new privileges", c.rights->no_new_privileges ? "yes" : "no");
  } else {
    section.add("rights", "unreadable: " + c.rights.error().message);
  }
  section.add("process", fmt::format("{}{}, user {}, group {}", c.identity.pid,
                                     c.identity.pid == 1 ? " (the first one)" : "", c.identity.user,
                                     c.identity.group));
  return section;
}

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(value->value) : ordered_json(nullptr);
}

ordered_json pressure_json(const std::optional<sys::Pressure>& p, bool of_machine) {
  if (!p) return nullptr;
  return {{"some_avg10", p->some_avg10},
          {"some_avg60", p->some_avg60},
          {"full_avg10", p->full_avg10},
          {"full_avg60", p->full_avg60},
          {"of_machine", of_machine}};
}

ordered_json cpu_json(const Container& c, const plan::Budget& budget) {
  ordered_json levels = ordered_json::array();
  for (const sys::CpuLevel& level : c.groups.cpu) {
    ordered_json one{{"path", level.path},
                     {"quota", or_null(level.quota)},
                     {"binds", budget.cpu.from == level.path},
                     {"throttling", nullptr}};
    if (level.throttling) {
      one["throttling"] = {{"periods", level.throttling->periods},
                           {"throttled", level.throttling->throttled},
                           {"seconds", seconds(level.throttling->time)}};
    }
    levels.push_back(std::move(one));
  }
  ordered_json features = ordered_json::object();
  for (const char* feature : kEngineFeatures)
    features[feature] =
        c.processor ? ordered_json(c.processor->has(feature)) : ordered_json(nullptr);
  return {{"affinity", c.affinity},
          {"online", c.processors.online},
          {"configured", c.processors.configured},
          {"cpuset", c.groups.cpuset},
          {"levels", levels},
          {"used_seconds",
           c.groups.cpu_used ? ordered_json(seconds(*c.groups.cpu_used)) : ordered_json(nullptr)},
          {"pressure", pressure_json(c.groups.cpu_pressure, c.groups.pressure_of_machine)},
          {"model", c.processor ? ordered_json(c.processor->model) : ordered_json(nullptr)},
          {"features", features}};
}

ordered_json memory_json(const Container& c, const plan::Budget& budget) {
  ordered_json levels = ordered_json::array();
  for (const sys::MemoryLevel& level : c.groups.memory) {
    levels.push_back({{"path", level.path},
                      {"max_bytes", or_null(level.max)},
                      {"high_bytes", or_null(level.high)},
                      {"current_bytes", or_null(level.current)},
                      {"unreclaimable_bytes", or_null(level.unreclaimable())},
                      {"private_bytes", or_null(level.anonymous)},
                      {"shared_bytes", or_null(level.shared)},
                      {"binds", level_binds(level, budget)}});
  }
  ordered_json shm = nullptr;
  if (c.shm) shm = {{"bytes", c.shm->size.value}, {"free_bytes", c.shm->available.value}};
  return {
      {"machine_bytes", or_null(c.groups.mem_total)},
      {"machine_available_bytes", or_null(c.groups.mem_available)},
      {"levels", levels},
      {"left_bytes", or_null(plan::memory_headroom(c.groups))},
      {"oom_kills_group", c.groups.oom_kills_group},
      {"oom_kills", c.groups.oom_kills ? ordered_json(*c.groups.oom_kills) : ordered_json(nullptr)},
      {"pressure", pressure_json(c.groups.memory_pressure, c.groups.pressure_of_machine)},
      {"shm", shm}};
}

}  // namespace

Container look_at_container() {
  return {.groups = sys::read_cgroup(),
          .affinity = sys::allowed_cpus(),
          .processors = sys::processor_counts(),
          .processor = sys::processor(),
          .rights = sys::rights(),
          .shm = sys::volume("/dev/shm"),
          .kernel = sys::kernel(),
          .identity = sys::identity()};
}

std::vector<Section> container_sections(const Container& container, const plan::Budget& budget) {
  return {cpu_section(container, budget), memory_section(container, budget),
          platform_section(container)};
}

ordered_json container_json(const Container& c, const plan::Budget& budget) {
  ordered_json platform{{"kernel", c.kernel.release},
                        {"architecture", c.kernel.architecture},
                        {"cgroups", std::string(sys::name(c.groups.version))},
                        {"first_process", c.identity.pid == 1},
                        {"user", c.identity.user},
                        {"capabilities", nullptr},
                        {"seccomp", nullptr},
                        {"no_new_privileges", nullptr}};
  if (c.rights) {
    platform["capabilities"] = sys::capability_names(c.rights->effective);
    platform["seccomp"] = c.rights->seccomp;
    platform["no_new_privileges"] = c.rights->no_new_privileges;
  }
  return {{"cpu", cpu_json(c, budget)}, {"memory", memory_json(c, budget)}, {"platform", platform}};
}

std::string ranges(const std::vector<unsigned>& ascending) {
  std::string text;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t last = i;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", ascending[i]);
    if (last > i) text += fmt::format("-{}", ascending[last]);
    i = last + 1;
  }
  return text;
}

std::string describe(const sys::Volume& volume) {
  return fmt::format("{} {}, {} free{}{}", mib(volume.size), volume.kind, mib(volume.available),
                     volume.read_only ? ", read-only" : "", volume.no_exec ? ", noexec" : "");
}

}  // namespace headrace::cli
