#include "sys/cgroup.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "sys/cgroup_places.h"

namespace headrace::sys {
namespace {

using Notes = std::vector<std::string>;

constexpr std::size_t kMostText = std::size_t{16} << 20;  // mountinfo of a busy node has megabytes
// v1 writes "no limit" as the largest count of whole pages in a long. Nothing near it is a limit.
constexpr std::uint64_t kUnlimitedFrom = std::uint64_t{1} << 60;
constexpr std::uint64_t kDefaultPeriod = 100'000;  // microseconds
constexpr std::string_view kBlank(" \t\r\n\0", 5);

// The files below the root prefix; paths in sentences are without it.
class Files {
 public:
  Files(std::string_view root, Notes& notes) : root_(root), notes_(notes) {}

  // Nothing when the file is missing, which is ordinary, and nothing plus a note when it is
  // unreadable or empty. What is returned has at least one word.
  std::optional<std::string> read(const std::string& path, bool may_be_empty = false) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen((root_ + path).c_str(), "re"), &std::fclose);
    if (!file) {
      if (errno != ENOENT && errno != ENOTDIR) note(path, std::strerror(errno));
      return std::nullopt;
    }
    std::string text;
    char part[4096];
    std::size_t got = 0;
    errno = 0;
    while (text.size() < kMostText && (got = std::fread(part, 1, sizeof part, file.get())) > 0) {
      text.append(part, got);
    }
    if (std::ferror(file.get()) != 0) {
      note(path, std::strerror(errno));
      return std::nullopt;
    }
    if (text.find_first_not_of(kBlank) == std::string::npos) {
      if (!may_be_empty) note(path, "empty");
      return std::nullopt;
    }
    return text;
  }

  bool is_folder(const std::string& path) const {
    struct stat status = {};
    return stat((root_ + path).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  }

  void note(const std::string& path, const std::string& trouble) {
    std::string sentence = path + ": " + trouble;
    if (std::find(notes_.begin(), notes_.end(), sentence) == notes_.end()) {
      notes_.push_back(std::move(sentence));
    }
  }
  Notes& notes() { return notes_; }

 private:
  std::string root_;
  Notes& notes_;
};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// One word of a limit file.
struct Word {
  enum class Kind { number, unlimited, bad } kind = Kind::bad;
  std::uint64_t value = 0;
};

Word parse_word(std::string_view text) {
  if (text == "max") return {Word::Kind::unlimited};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size() || error == std::errc::invalid_argument) {
    return {Word::Kind::bad};
  }
  // Past 64 bits it is digits all the same, and no limit that a machine can reach.
  if (negative || error == std::errc::result_out_of_range) return {Word::Kind::unlimited};
  return {Word::Kind::number, value};
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 60)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + "'";
}

// The words of a limit file: the first `wanted` of them. More are ignored, but noted: dropping a
// limit because a newer kernel says more about it would be worse.
std::vector<std::string_view> limit_words(Files& files, const std::string& path,
                                          std::string_view text, std::size_t wanted) {
  std::vector<std::string_view> words = words_of(text);
  if (words.size() > wanted) {
    files.note(path, "ignored what follows the limit: " + in_quotes(words[wanted]));
    words.resize(wanted);
  }
  return words;
}

std::optional<Bytes> read_bytes_limit(Files& files, const std::string& path) {
  const std::optional<std::string> text = files.read(path);
  if (!text) return std::nullopt;
  const std::string_view limit = limit_words(files, path, *text, 1).front();
  const Word word = parse_word(limit);
  if (word.kind == Word::Kind::bad) {
    files.note(path, "not a limit: " + in_quotes(limit));
    return std::nullopt;
  }
  if (word.kind == Word::Kind::unlimited || word.value >= kUnlimitedFrom) return std::nullopt;
  if (word.value == 0) {
    files.note(path, "a limit of 0 cannot hold, for this process runs");
    return std::nullopt;
  }
  return Bytes{word.value};
}

std::optional<Cpus> quota_of(Files& files, const std::string& path, std::string_view quota,
                             std::string_view period) {
  const Word used = parse_word(quota);
  if (used.kind == Word::Kind::unlimited) return std::nullopt;
  const Word of = period.empty() ? Word{Word::Kind::number, kDefaultPeriod} : parse_word(period);
  if (used.kind != Word::Kind::number || used.value == 0) {
    files.note(path, "not a quota: " + in_quotes(quota));
    return std::nullopt;
  }
  if (of.kind != Word::Kind::number || of.value == 0) {
    files.note(path, "not a period: " + in_quotes(period));
    return std::nullopt;
  }
  return Cpus{static_cast<double>(used.value) / static_cast<double>(of.value)};
}

std::optional<Cpus> read_quota_v2(Files& files, const std::string& folder) {
  const std::string path = folder + "/cpu.max";
  const std::optional<std::string> text = files.read(path);
  if (!text) return std::nullopt;
  const auto words = limit_words(files, path, *text, 2);
  return quota_of(files, path, words[0], words.size() > 1 ? words[1] : "");
}

std::optional<Cpus> read_quota_v1(Files& files, const std::string& folder) {
  const std::string path = folder + "/cpu.cfs_quota_us";
  const std::string period_path = folder + "/cpu.cfs_period_us";
  const std::optional<std::string> text = files.read(path);
  if (!text) return std::nullopt;
  const std::string_view quota = limit_words(files, path, *text, 1).front();
  if (parse_word(quota).kind == Word::Kind::unlimited) return std::nullopt;
  const std::optional<std::string> period = files.read(period_path);
  return quota_of(files, path, quota,
                  period ? limit_words(files, period_path, *period, 1).front() : "");
}

// The number behind `key` in a file of lines "key number".
std::optional<std::uint64_t> number_at(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto words = words_of(text.substr(0, end));
    if (words.size() >= 2 && words[0] == key) {
      const Word word = parse_word(words[1]);
      if (word.kind == Word::Kind::number) return word.value;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> read_number(Files& files, const std::string& path) {
  const std::optional<std::string> text = files.read(path);
  if (!text) return std::nullopt;
  const Word word = parse_word(words_of(*text).front());
  if (word.kind == Word::Kind::number) return word.value;
  files.note(path, "not a number: " + in_quotes(*text));
  return std::nullopt;
}

std::optional<Bytes> as_bytes(std::optional<std::uint64_t> number) {
  return number ? std::optional(Bytes{*number}) : std::nullopt;
}

// Nothing for a time that no machine has been up for.
std::optional<std::chrono::nanoseconds> as_time(std::optional<std::uint64_t> number,
                                                std::uint64_t nanoseconds_each) {
  if (!number || *number > INT64_MAX / nanoseconds_each) return std::nullopt;
  return std::chrono::nanoseconds(*number * nanoseconds_each);
}

// The folders of one controller, own group first, mount point last.
struct Levels {
  bool found = false;
  bool unified = false;
  std::vector<std::string> folders;
};

Levels climb(const CgroupPlace& place, std::string below) {
  Levels levels{true, place.unified, {}};
  while (!below.empty()) {
    levels.folders.push_back(place.mount_point + below);
    below.resize(below.rfind('/'));
  }
  levels.folders.push_back(place.mount_point);
  return levels;
}

// Some sandboxes name a group that is not there; its nearest ancestor that is there counts then.
std::string nearest_below(const Files& files, const CgroupPlace& place) {
  std::string below = place.below;
  while (!below.empty() && !files.is_folder(place.mount_point + below)) {
    below.resize(below.rfind('/'));
  }
  return below;
}

Levels find_levels(Files& files, std::string_view controller, std::string_view groups,
                   std::string_view mounts) {
  const auto places = cgroup_places(controller, groups, mounts, files.notes());
  for (const CgroupPlace& place : places) {
    if (place.exact && files.is_folder(place.mount_point + place.below)) {
      return climb(place, place.below);
    }
  }
  for (const CgroupPlace& place : places) {
    if (!files.is_folder(place.mount_point)) continue;
    Levels levels = climb(place, nearest_below(files, place));
    files.note(levels.folders.front(),
               "taken for the own group, which is not visible and may have tighter limits");
    return levels;
  }
  return {};
}

std::optional<Throttling> read_throttling(Files& files, const std::string& folder, bool unified) {
  const std::optional<std::string> text = files.read(folder + "/cpu.stat");
  if (!text) return std::nullopt;
  const auto periods = number_at(*text, "nr_periods");
  if (!periods) return std::nullopt;
  const auto time =
      as_time(number_at(*text, unified ? "throttled_usec" : "throttled_time"), unified ? 1000 : 1);
  return Throttling{*periods, number_at(*text, "nr_throttled").value_or(0),
                    time.value_or(std::chrono::nanoseconds{})};
}

void read_cpu(Files& files, const Levels& cpu, const Levels& cpuacct, CgroupFacts& facts) {
  for (const std::string& folder : cpu.folders) {
    facts.cpu.push_back({folder,
                         cpu.unified ? read_quota_v2(files, folder) : read_quota_v1(files, folder),
                         read_throttling(files, folder, cpu.unified)});
  }
  if (!cpuacct.found) return;
  const std::string& own = cpuacct.folders.front();
  if (cpuacct.unified) {
    const auto text = files.read(own + "/cpu.stat");
    facts.cpu_used = as_time(text ? number_at(*text, "usage_usec") : std::nullopt, 1000);
  } else {
    facts.cpu_used = as_time(read_number(files, own + "/cpuacct.usage"), 1);
  }
}

void read_cpuset(Files& files, const Levels& cpuset, CgroupFacts& facts) {
  const auto names = cpuset.unified ? std::pair("/cpuset.cpus.effective", "/cpuset.cpus")
                                    : std::pair("/cpuset.effective_cpus", "/cpuset.cpus");
  for (const std::string& folder : cpuset.folders) {
    for (const char* file : {names.first, names.second}) {
      const std::optional<std::string> text = files.read(folder + file, true);
      if (!text) continue;
      facts.cpuset = words_of(*text).front();
      return;
    }
  }
}

void read_memory_use(Files& files, bool unified, MemoryLevel& level) {
  const std::string& folder = level.path;
  level.current = as_bytes(
      read_number(files, folder + (unified ? "/memory.current" : "/memory.usage_in_bytes")));
  if (const auto stat = files.read(folder + "/memory.stat")) {
    const auto bytes = [&](std::string_view key) {
      // In v1 only the total_ fields count the groups below.
      std::optional<std::uint64_t> found;
      if (!unified) found = number_at(*stat, "total_" + std::string(key));
      return as_bytes(found ? found : number_at(*stat, key));
    };
    level.inactive_file = bytes("inactive_file");
    level.active_file = bytes("active_file");
    level.anonymous = bytes(unified ? "anon" : "rss");
    level.shared = bytes("shmem");
    if (unified) level.slab_reclaimable = bytes("slab_reclaimable");
  }
}

MemoryLevel read_memory_level(Files& files, const std::string& folder, bool unified) {
  MemoryLevel level;
  level.path = folder;
  level.max =
      read_bytes_limit(files, folder + (unified ? "/memory.max" : "/memory.limit_in_bytes"));
  if (unified) level.high = read_bytes_limit(files, folder + "/memory.high");
  read_memory_use(files, unified, level);
  return level;
}

// v1 tells in the own group what binds from above, also from groups that cannot be seen from here.
void add_hidden_v1_limit(Files& files, const std::string& folder, CgroupFacts& facts) {
  const auto stat = files.read(folder + "/memory.stat");
  const auto limit = stat ? number_at(*stat, "hierarchical_memory_limit") : std::nullopt;
  if (!limit || *limit == 0 || *limit >= kUnlimitedFrom) return;
  for (const MemoryLevel& level : facts.memory) {
    if (level.max && level.max->value <= *limit) return;
  }
  MemoryLevel hidden;
  hidden.path = folder + "/memory.stat";
  hidden.max = Bytes{*limit};
  facts.memory.push_back(std::move(hidden));
}

// In old v1 setups a group counts for its parent only if the parent says so.
bool counts_for_groups_below(Files& files, const std::string& folder) {
  const auto text = files.read(folder + "/memory.use_hierarchy");
  return !text || words_of(*text).front() != "0";
}

void read_memory(Files& files, const Levels& memory, CgroupFacts& facts) {
  for (const std::string& folder : memory.folders) {
    const bool own = &folder == &memory.folders.front();
    if (!own && !memory.unified && !counts_for_groups_below(files, folder)) break;
    facts.memory.push_back(read_memory_level(files, folder, memory.unified));
    const auto group_kill =
        memory.unified ? files.read(folder + "/memory.oom.group") : std::nullopt;
    if (group_kill && words_of(*group_kill).front() == "1") facts.oom_kills_group = true;
  }
  if (!memory.found) return;
  facts.memory_in_v2 = memory.unified;
  const std::string& own = memory.folders.front();
  if (!memory.unified) add_hidden_v1_limit(files, own, facts);
  const auto events = files.read(own + (memory.unified ? "/memory.events" : "/memory.oom_control"));
  if (events) facts.oom_kills = number_at(*events, "oom_kill");
}

// "some avg10=1.85 avg60=16.12 avg300=23.51 total=7307622508", then the same with "full".
std::optional<Pressure> read_pressure(Files& files, const std::string& path) {
  const std::optional<std::string> text = files.read(path, true);
  if (!text) return std::nullopt;
  Pressure pressure;
  const auto share = [&](std::string_view line, std::string_view key, double& into) {
    const std::size_t begin = text->find(line);
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    const std::size_t at = text->find(key, std::min(begin, text->size()));
    if (begin == std::string::npos || at >= end) return false;
    double value = 0;
    const char* first = text->data() + at + key.size();
    if (std::from_chars(first, text->data() + end, value).ec != std::errc{}) return false;
    if (std::isnan(value)) return false;
    into = std::clamp(value, 0.0, 100.0);
    return true;
  };
  if (!share("some ", "avg10=", pressure.some_avg10)) return std::nullopt;
  share("some ", "avg60=", pressure.some_avg60);
  share("full ", "avg10=", pressure.full_avg10);
  share("full ", "avg60=", pressure.full_avg60);
  return pressure;
}

void read_pressures(Files& files, const Levels& cpu, const Levels& memory, CgroupFacts& facts) {
  const auto of_group = [&](const Levels& levels, const std::string& file) {
    return levels.found && levels.unified ? read_pressure(files, levels.folders.front() + file)
                                          : std::nullopt;
  };
  facts.cpu_pressure = of_group(cpu, "/cpu.pressure");
  facts.memory_pressure = of_group(memory, "/memory.pressure");
  facts.io_pressure = of_group(memory, "/io.pressure");
  if (facts.cpu_pressure || facts.memory_pressure || facts.io_pressure) return;
  facts.cpu_pressure = read_pressure(files, "/proc/pressure/cpu");
  facts.memory_pressure = read_pressure(files, "/proc/pressure/memory");
  facts.io_pressure = read_pressure(files, "/proc/pressure/io");
  facts.pressure_of_machine = facts.cpu_pressure || facts.memory_pressure || facts.io_pressure;
}

void read_machine(Files& files, CgroupFacts& facts) {
  const std::optional<std::string> text = files.read("/proc/meminfo");
  if (!text) return;
  const auto kib = [&](std::string_view key) -> std::optional<Bytes> {
    const auto number = number_at(*text, key);
    if (!number || *number >= kUnlimitedFrom / 1024) return std::nullopt;
    return Bytes{*number * 1024};
  };
  facts.mem_total = kib("MemTotal:");
  if (facts.mem_total == Bytes{}) facts.mem_total.reset();  // some sandboxes do not fill it in
  facts.mem_available = kib("MemAvailable:");
}

}  // namespace

std::optional<Bytes> MemoryLevel::unreclaimable() const {
  if (!current) return std::nullopt;
  const std::uint64_t cache = inactive_file.value_or(Bytes{}).value +
                              active_file.value_or(Bytes{}).value +
                              slab_reclaimable.value_or(Bytes{}).value;
  std::uint64_t rest = current->value - std::min(cache, current->value);
  // v1 does not say how much of the kernel's own use it can take back; nearly all of it is names of files.
  if (!slab_reclaimable && anonymous && shared)
    rest = std::min(rest, anonymous->value + shared->value);
  return Bytes{rest};
}

std::string_view name(CgroupVersion version) {
  switch (version) {
    case CgroupVersion::none:
      return "none";
    case CgroupVersion::v1:
      return "v1";
    case CgroupVersion::v2:
      return "v2";
    case CgroupVersion::hybrid:
      return "hybrid";
  }
  return "none";
}

CgroupFacts read_cgroup(std::string_view root) {
  CgroupFacts facts;
  Files files(root, facts.notes);
  read_machine(files, facts);
  const std::string groups = files.read("/proc/self/cgroup").value_or("");
  const std::string mounts = files.read("/proc/self/mountinfo").value_or("");
  const Levels cpu = find_levels(files, "cpu", groups, mounts);
  const Levels cpuacct = cpu.unified ? cpu : find_levels(files, "cpuacct", groups, mounts);
  const Levels cpuset = find_levels(files, "cpuset", groups, mounts);
  const Levels memory = find_levels(files, "memory", groups, mounts);
  read_cpu(files, cpu, cpuacct, facts);
  read_cpuset(files, cpuset, facts);
  read_memory(files, memory, facts);
  read_pressures(files, cpu, memory, facts);

  const auto v1 = [](const Levels& levels) { return levels.found && !levels.unified; };
  const bool any_v1 = v1(cpu) || v1(cpuacct) || v1(cpuset) || v1(memory);
  const bool any_v2 = has_unified(groups, mounts);
  facts.version = any_v1 && any_v2 ? CgroupVersion::hybrid
                  : any_v1         ? CgroupVersion::v1
                  : any_v2         ? CgroupVersion::v2
                                   : CgroupVersion::none;
  if (facts.version == CgroupVersion::none) {
    facts.notes.push_back("no cgroup of this process is visible: its limits are not known");
  }
  return facts;
}

std::optional<Bytes> current_memory(const CgroupFacts& facts, const MemoryLevel& level,
                                    std::string_view root) {
  Notes ignored;
  Files files(root, ignored);
  return as_bytes(read_number(
      files, level.path + (facts.memory_in_v2 ? "/memory.current" : "/memory.usage_in_bytes")));
}

void refresh_memory(CgroupFacts& facts, std::string_view root) {
  Notes ignored;
  Files files(root, ignored);
  for (MemoryLevel& level : facts.memory) {
    if (!level.current) continue;
    MemoryLevel now = level;
    read_memory_use(files, facts.memory_in_v2, now);
    if (now.current) level = std::move(now);
  }
  read_machine(files, facts);
}

}  // namespace headrace::sys
