#include "cli/probe_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "cli/container.h"
#include "cli/fact_sheet.h"
#include "cli/health.h"
#include "cli/sizing.h"
#include "plan/budget.h"
#include "plan/words.h"
#include "sys/cgroup.h"
#include "sys/files.h"
#include "sys/process.h"
#include "sys/sandbox.h"
#include "sys/trials.h"

#ifndef HEADRACE_VERSION
#error "HEADRACE_VERSION comes from the build"
#endif

namespace headrace::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Bytes kTightMemory = 64_MiB;
constexpr std::size_t kMostNames = 60;
constexpr std::size_t kMostLines = 40;
constexpr int kInterrupts = 3;

// --- the files as they are: what we understood of them may be wrong

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    lines.emplace_back(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return lines;
}

// Mounts that matter, without the names of servers and users that the others may hold.
bool tells_of_container(std::string_view mount) {
  return mount.find(" - cgroup") != std::string_view::npos ||
         mount.find(" /dev/shm ") != std::string_view::npos;
}

void add_lines(Section& section, const std::string& path, bool (*wanted)(std::string_view)) {
  const Result<std::string> text = sys::read_text(path, 1 << 20);
  if (!text) {
    section.add(path, text);
    return;
  }
  std::size_t added = 0;
  for (const std::string& line : lines_of(*text)) {
    if (!wanted(line) || ++added > kMostLines) continue;
    section.add(path, line);
  }
  if (added == 0) section.add(path, std::string("has no such line"));
  if (added > kMostLines) section.add(path, fmt::format("and {} more", added - kMostLines));
}

void add_group_files(Section& section, const std::string& folder) {
  for (const char* name : {"cgroup.controllers",
                           "cpu.max",
                           "cpu.max.burst",
                           "cpu.weight",
                           "cpu.stat",
                           "cpuset.cpus.effective",
                           "cpu.pressure",
                           "memory.max",
                           "memory.high",
                           "memory.low",
                           "memory.current",
                           "memory.peak",
                           "memory.swap.max",
                           "memory.oom.group",
                           "memory.events",
                           "memory.pressure",
                           "io.pressure",
                           "pids.max",
                           "pids.current",
                           "cpu.cfs_quota_us",
                           "cpu.cfs_period_us",
                           "cpu.cfs_burst_us",
                           "cpu.shares",
                           "memory.limit_in_bytes",
                           "memory.usage_in_bytes",
                           "memory.max_usage_in_bytes",
                           "memory.failcnt",
                           "memory.memsw.limit_in_bytes",
                           "memory.use_hierarchy",
                           "memory.oom_control"}) {
    const std::string path = folder + "/" + name;
    std::error_code unknown;
    // No version of cgroups has all of these.
    if (std::filesystem::exists(path, unknown) || unknown) section.add(path, sys::read_text(path));
  }
}

Section group_section(const sys::CgroupFacts& facts) {
  Section section{"cgroup files"};
  add_lines(section, "/proc/self/cgroup", [](std::string_view) { return true; });
  add_lines(section, "/proc/self/mountinfo", tells_of_container);
  std::set<std::string> folders;
  if (!facts.cpu.empty()) folders.insert(facts.cpu.front().path);
  if (!facts.memory.empty()) folders.insert(facts.memory.front().path);
  for (const std::string& folder : folders) add_group_files(section, folder);
  for (const std::string& note : facts.notes) section.add("note", note);
  return section;
}

Section kernel_section(const Container& container) {
  Section section{"kernel"};
  section.add("version", container.kernel.version);
  for (const char* path :
       {"/proc/sys/kernel/yama/ptrace_scope", "/proc/sys/kernel/pid_max",
        "/proc/sys/kernel/threads-max", "/proc/sys/kernel/perf_event_paranoid",
        "/proc/sys/kernel/io_uring_disabled", "/proc/sys/kernel/unprivileged_userns_clone",
        "/proc/sys/kernel/numa_balancing", "/proc/sys/user/max_user_namespaces",
        "/proc/sys/vm/overcommit_memory", "/proc/sys/vm/overcommit_ratio",
        "/proc/sys/vm/max_map_count", "/proc/sys/vm/swappiness",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        "/sys/devices/system/node/online", "/proc/loadavg", "/proc/1/comm"}) {
    section.add(path, sys::read_text(path));
  }
  const Result<std::string> release = sys::read_text("/etc/os-release");
  if (!release) section.add("/etc/os-release", release);
  if (release) {
    for (const std::string& line : lines_of(*release)) {
      if (line.starts_with("PRETTY_NAME=")) section.add("system image", line.substr(12));
    }
  }
  for (const char* path :
       {"/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io/serviceaccount"}) {
    std::error_code wrong;
    const bool there = std::filesystem::exists(path, wrong);
    section.add(path, wrong ? "unreadable: " + wrong.message() : (there ? "exists" : "no"));
  }
  if (container.rights) {
    section.add(
        "bounding capabilities",
        fmt::format("{}", fmt::join(sys::capability_names(container.rights->bounding), " ")));
  }
  if (container.processor)
    section.add("cpu flags", fmt::format("{}", fmt::join(container.processor->flags, " ")));
  return section;
}

Section volume_section() {
  Section section{"file systems"};
  for (const char* path : {"/", "/dev/shm", "/tmp", "/run", "."}) {
    const Result<sys::Volume> volume = sys::volume(path);
    section.add(path, volume ? describe(*volume) + (sys::may_write(path) ? ", writable" : "")
                             : "unreadable: " + volume.error().message);
  }
  return section;
}

Section limit_section() {
  Section section{"resource limits"};
  for (const sys::ResourceLimit& limit : sys::resource_limits())
    section.add(limit.name, fmt::format("{} (hard {})", limit.soft, limit.hard));
  return section;
}

// --- the environment, where secrets live

bool begins_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// Numbers that size something; even of these only what looks like one.
std::string harmless_value(const std::string& name) {
  static constexpr std::array<std::string_view, 6> kNumbers = {
      "HEADRACE_CPUS",    "HEADRACE_MEMORY_MB", "HEADRACE_WORKERS",
      "HEADRACE_THREADS", "HEADRACE_STREAMS",   "HEADRACE_BATCH"};
  const bool sizes = name.ends_with("_NUM_THREADS") ||
                     std::find(kNumbers.begin(), kNumbers.end(), name) != kNumbers.end();
  const char* value = sizes ? std::getenv(name.c_str()) : nullptr;
  if (value == nullptr) return "set";
  const std::string_view text = value;
  const bool number = !text.empty() && text.size() <= 12 &&
                      text.find_first_not_of("0123456789.,") == std::string_view::npos;
  return number ? std::string(text) : "set, to no number";
}

Section variable_section() {
  Section section{"environment (names; values of sizes only)"};
  std::size_t more = 0;
  for (const std::string& name : sys::variable_names()) {
    const bool hint =
        name == "container" || name.ends_with("_NUM_THREADS") ||
        begins_with_any(name, {"HEADRACE_", "KUBERNETES_", "ACI_", "Fabric_", "CONTAINER_APP_",
                               "AZURE_", "IDENTITY_", "MSI_", "WEBSITE_", "ECS_", "DOCKER_", "OMP_",
                               "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "TBB_", "MALLOC_", "LD_"});
    if (!hint) continue;
    if (section.facts.size() < kMostNames) {
      section.add(name, harmless_value(name));
    } else {
      ++more;
    }
  }
  if (more > 0) section.add("and more", std::to_string(more));
  if (section.facts.empty()) section.add("of interest", std::string("none"));
  return section;
}

// --- what is tried and timed

Section trial_section(const sys::CgroupFacts& facts) {
  sys::TrialSettings settings;
  if (!facts.memory.empty()) {
    settings.cgroup_folder = facts.memory.front().path;
    for (const char* name : {"/memory.events", "/memory.oom_control"}) {
      std::error_code unknown;
      if (settings.events_file.empty() &&
          std::filesystem::exists(settings.cgroup_folder + name, unknown))
        settings.events_file = settings.cgroup_folder + name;
    }
  }
  const std::optional<Bytes> left = plan::memory_headroom(facts);
  settings.memory_is_tight = left && *left < kTightMemory;
  Section section{"system calls, tried"};
  for (const sys::Trial& trial : sys::try_calls(settings)) section.add(trial.call, trial.result);
  const sys::SandboxFacts sandbox = sys::sandbox_facts();
  section.add("sandbox for workers",
              fmt::format("{}, {}",
                          sandbox.landlock > 0 ? fmt::format("Landlock {}", sandbox.landlock)
                                               : "no Landlock",
                          sandbox.seccomp ? "seccomp" : "no seccomp"));
  return section;
}

std::string measured(const Result<double>& value, const char* unit) {
  return value ? fmt::format("{:.2f} {}", *value, unit) : "unreadable: " + value.error().message;
}

Section cost_section() {
  Section section{"costs"};
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto begin = Clock::now();
    sys::read_cgroup();
    best = std::min(best, std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  section.add("reading the cgroups", measured(best, "ms"));
  const Result<std::string> program = sys::own_program();
  section.add("starting and ending a process",
              program ? measured(sys::milliseconds_to_spawn(*program), "ms")
                      : "unreadable: " + program.error().message);
  section.add("waking another process", measured(sys::microseconds_to_wake(), "us"));
  return section;
}

std::vector<Section> report() {
  const Container container = look_at_container();
  // What the user has set is no part of the platform, and could be no number.
  const Result<plan::Budget> budget = read_budget(JobOptions{});
  std::vector<Section> sections = container_sections(container, budget ? *budget : plan::Budget{});
  sections.push_back(group_section(container.groups));
  sections.push_back(kernel_section(container));
  sections.push_back(volume_section());
  sections.push_back(limit_section());
  sections.push_back(variable_section());
  sections.push_back(trial_section(container.groups));
  sections.push_back(cost_section());
  return sections;
}

// --- what the platform sends when it stops a container, and how long it then waits

bool say(const std::string& line) {
  std::cout << line << std::endl;
  return std::cout.good();
}

int trace_signals() {
  sys::SignalWatch watch;
  const Clock::time_point begin = Clock::now();
  const auto at = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  std::optional<double> first;
  int interrupts = 0;
  bool heard = say(fmt::format(
      "0.000 s: process {} waits for signals; only SIGKILL ends it, or three interrupts",
      sys::own_pid()));
  while (heard && interrupts < kInterrupts) {
    const sys::SignalSeen seen = watch.wait_a_second();
    if (seen.number != 0) {
      if (!first) first = at();
      interrupts += seen.name == "SIGINT" ? 1 : 0;
      heard =
          say(fmt::format("{:.3f} s: {} from {}", at(), seen.name,
                          seen.sender == 0 ? "outside" : fmt::format("process {}", seen.sender)));
    } else if (first) {
      // The last such line before a SIGKILL tells the grace to the second.
      heard = say(fmt::format("{:.3f} s: still here, {:.1f} s after the first signal", at(),
                              at() - *first));
    }
  }
  return heard ? kDone : kCannotRun;
}

}  // namespace

int probe_command(const ProbeOptions& options) {
  if (options.signals) return trace_signals();
  if (options.live || options.ready) return health_command(options.ready);
  const std::vector<Section> sections = report();
  if (options.json) {
    nlohmann::ordered_json json = to_json(sections);
    json["version"] = HEADRACE_VERSION;
    std::cout << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
  } else {
    std::cout << to_text(sections) << "headrace " << HEADRACE_VERSION << "\n";
  }
  return std::cout.flush() ? kDone : kCannotRun;
}

}  // namespace headrace::cli
