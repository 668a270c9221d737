#include "others/others.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "others/mount_table.h"

namespace headrace::others {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kFixedMask = 1024;  // processors in a cpu_set_t of the C library
const std::string kUsualPlace = "/sys/fs/cgroup";

// `path` is absolute on the machine; the text decides, as it does for the kernel.
fs::path on(const Machine& machine, const std::string& path) {
  return fs::path(machine.root.string() + "/" + path);
}

bool exists(const Machine& machine, const std::string& path) {
  std::error_code error;
  return fs::exists(on(machine, path), error);
}

// All of the text, and in 64 bits.
std::optional<long long> whole_number(std::string_view text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// Like strtoll and %lld: blanks before it, anything after it.
std::optional<long long> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return {};
  return value;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (const std::string& line : lines_of(text)) {
    for (const std::string& word : split(line, ' ')) {
      if (!word.empty()) words.push_back(word);
    }
  }
  return words;
}

unsigned at_most(unsigned cpus, double limit) {
  return limit < cpus ? static_cast<unsigned>(std::max(limit, 1.0)) : cpus;
}

// What a program finds whose set of processors is a cpu_set_t: past its end the kernel refuses, and
// sysconf(_SC_NPROCESSORS_ONLN) is what is left.
unsigned in_fixed_mask(const Machine& machine) {
  return machine.online > kFixedMask ? machine.online : machine.affinity;
}

// ---- Go: src/internal/runtime/cgroup, src/runtime/cgroup_linux.go -------------------------------

// The first mount of the right kind whose root holds the group; where the group is seen through it.
std::optional<std::string> go_folder(const Machine& machine, const GroupLine& group, bool v1) {
  for (const MountLine& mount : mount_lines(machine.root)) {
    const bool fits =
        v1 ? mount.type == "cgroup" && lists(mount.options, "cpu") : mount.type == "cgroup2";
    if (!fits) continue;
    const std::string root = unescaped(mount.root);
    const bool holds = root == "/" || group.path == root || group.path.starts_with(root + "/");
    if (!holds) continue;
    const std::string below =
        root == "/" ? (group.path == "/" ? "" : group.path) : group.path.substr(root.size());
    if (below == "/.." || below.starts_with("/../")) continue;
    return unescaped(mount.point) + below;
  }
  return {};
}

std::optional<double> go_v1_limit(const Machine& machine, const std::string& folder) {
  const auto quota_text = content_of(on(machine, folder + "/cpu.cfs_quota_us"));
  const auto period_text = content_of(on(machine, folder + "/cpu.cfs_period_us"));
  if (!quota_text || !period_text) return {};
  const auto quota = whole_number(first_line(*quota_text));
  const auto period = whole_number(first_line(*period_text));
  if (!quota || !period || *quota < 0) return {};
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> go_v2_limit(const Machine& machine, const std::string& folder) {
  const auto text = content_of(on(machine, folder + "/cpu.max"));
  if (!text || !text->ends_with('\n')) return {};
  const std::string line = first_line(*text);
  const std::size_t blank = line.find(' ');
  if (blank == std::string::npos) return {};
  const auto quota = whole_number(std::string_view(line).substr(0, blank));
  const auto period = whole_number(std::string_view(line).substr(blank + 1));
  if (!quota || !period) return {};
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

Answer go(const Machine& machine) {
  const auto groups = group_lines(machine.root);
  const auto v1 = std::find_if(groups.begin(), groups.end(), [](const GroupLine& line) {
    return line.hierarchy != "0" && lists(line.controllers, "cpu");
  });
  const auto v2 = std::find_if(groups.rbegin(), groups.rend(),
                               [](const GroupLine& line) { return line.hierarchy == "0"; });
  if (v1 == groups.end() && v2 == groups.rend()) return machine.affinity;
  const bool is_v1 = v1 != groups.end();
  const auto folder = go_folder(machine, is_v1 ? *v1 : *v2, is_v1);
  if (!folder) return machine.affinity;
  const auto limit = is_v1 ? go_v1_limit(machine, *folder) : go_v2_limit(machine, *folder);
  if (!limit) return machine.affinity;
  if (!std::isfinite(*limit)) return std::nullopt;  // becomes the least of all integers
  return at_most(machine.affinity, std::max(std::ceil(*limit), 2.0));
}

// ---- automaxprocs: internal/cgroups, internal/runtime -------------------------------------------

// filepath.Rel and Join, by text; nothing when the path lies outside of the mount.
std::optional<std::string> below_mount(const MountLine& mount, const std::string& path) {
  const fs::path relative =
      fs::path(path).lexically_normal().lexically_relative(fs::path(mount.root).lexically_normal());
  if (relative.empty() || *relative.begin() == "..") return {};
  return (fs::path(mount.point) / relative).lexically_normal().string();
}

// The last mount with cpu counts. One of them elsewhere makes the whole thing fail.
std::optional<double> automaxprocs_v1(const Machine& machine) {
  std::optional<std::string> folder;
  const auto groups = group_lines(machine.root);
  for (const MountLine& mount : mount_lines(machine.root)) {
    if (mount.type != "cgroup") continue;
    for (const std::string& option : split(mount.options, ',')) {
      const auto group = std::find_if(groups.rbegin(), groups.rend(), [&](const GroupLine& line) {
        return lists(line.controllers, option);
      });
      if (group == groups.rend()) continue;
      const auto below = below_mount(mount, group->path);
      if (!below) return {};
      if (option == "cpu") folder = below;
    }
  }
  if (!folder) return {};
  const auto number = [&](const char* file) -> std::optional<long long> {
    const auto text = content_of(on(machine, *folder + file));
    return text ? whole_number(first_line(*text)) : std::nullopt;
  };
  const auto quota = number("/cpu.cfs_quota_us");
  if (!quota || *quota <= 0) return {};
  const auto period = number("/cpu.cfs_period_us");
  if (!period || *period <= 0) return {};
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> automaxprocs_v2(const Machine& machine, const std::string& group) {
  const std::string folder = (fs::path(kUsualPlace + "/" + group)).lexically_normal().string();
  const auto text = content_of(on(machine, folder + "/cpu.max"));
  if (!text) return {};
  const auto words = words_of(first_line(*text));
  if (words.empty() || words.size() > 2) return {};
  const auto quota = whole_number(words[0]);
  const auto period = words.size() == 2 ? whole_number(words[1]) : 100'000;
  if (!quota || !period) return {};
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

Answer automaxprocs(const Machine& machine) {
  const auto mounts = mount_lines(machine.root);
  const bool v2_mounted = std::any_of(mounts.begin(), mounts.end(), [](const MountLine& mount) {
    return mount.type == "cgroup2" && mount.point == kUsualPlace;
  });
  const auto groups = group_lines(machine.root);
  const auto v2 = std::find_if(groups.begin(), groups.end(),
                               [](const GroupLine& line) { return line.hierarchy == "0"; });
  const auto limit = v2_mounted && v2 != groups.end() ? automaxprocs_v2(machine, v2->path)
                                                      : automaxprocs_v1(machine);
  if (!limit) return machine.affinity;
  // The mask is not asked; an infinity becomes the least of all integers, and that 1.
  if (!std::isfinite(*limit)) return 1;
  return static_cast<unsigned>(std::clamp(std::floor(*limit), 1.0, 1e9));
}

// ---- JVM: src/hotspot/os/linux/cgroup*_linux.cpp of JDK 25 --------------------------------------

// One controller as the JVM sees it: mount point and root, as written, and the group's path.
struct JvmPlace {
  bool unified = false;
  std::string root, point, group;
};

// Of several mounts of a controller the first below the usual place is taken, else the last.
std::optional<MountLine> jvm_mount(const Machine& machine, std::string_view controller) {
  std::optional<MountLine> found;
  for (const MountLine& mount : mount_lines(machine.root)) {
    const bool fits = controller.empty()
                          ? mount.type == "cgroup2"
                          : mount.type == "cgroup" && lists(mount.options, controller);
    if (fits && (!found || !found->point.starts_with(kUsualPlace))) found = mount;
  }
  return found;
}

// The type of the usual place decides between v2 and v1; v1 needs four controllers mounted.
std::optional<JvmPlace> jvm_place(const Machine& machine) {
  const bool unified = type_at(machine.root, kUsualPlace) == "cgroup2";
  std::optional<JvmPlace> place;
  for (const GroupLine& line : group_lines(machine.root)) {
    const bool fits = unified ? line.hierarchy == "0" : lists(line.controllers, "cpu");
    if (fits) place = JvmPlace{unified, "", "", line.path};
  }
  if (!place) return {};
  if (!unified) {
    for (const char* needed : {"memory", "cpuset", "cpuacct"}) {
      if (!jvm_mount(machine, needed)) return {};
    }
  }
  const auto mount = jvm_mount(machine, unified ? "" : "cpu");
  if (!mount) return {};
  place->root = mount->root;
  place->point = mount->point;
  return place;
}

// Where the files of `group` are looked for. In v2 the root of the mount is not looked at; in v1
// the path is cut from the left until something is there.
std::string jvm_folder(const Machine& machine, const JvmPlace& place, const std::string& group) {
  if (group == "/" || group.empty()) return place.point;
  if (place.unified || place.root == "/") return place.point + group;
  if (place.root == group) return place.point;
  for (std::string suffix = group; !suffix.empty();) {
    if (exists(machine, place.point + suffix)) return place.point + suffix;
    const std::size_t slash = suffix.find('/', 1);
    suffix = slash == std::string::npos ? "" : suffix.substr(slash);
  }
  return place.point;
}

// An int of 32 bits, whatever was in the file.
int jvm_int(const std::string& word) {
  unsigned long value = 0;
  return std::sscanf(word.c_str(), "%lu", &value) == 1 ? static_cast<int>(value) : -2;
}

unsigned jvm_count(const Machine& machine, const JvmPlace& place, const std::string& group) {
  const std::string folder = jvm_folder(machine, place, group);
  int quota = -2;
  int period = -2;
  if (place.unified) {
    const auto words =
        words_of(first_line(content_of(on(machine, folder + "/cpu.max")).value_or("")));
    if (words.size() >= 2) {
      quota = words[0] == "max" ? -1 : jvm_int(words[0]);
      period = jvm_int(words[1]);
    }
  } else {
    quota = jvm_int(content_of(on(machine, folder + "/cpu.cfs_quota_us")).value_or(""));
    period = jvm_int(content_of(on(machine, folder + "/cpu.cfs_period_us")).value_or(""));
  }
  if (quota <= 0 || period <= 0) return machine.affinity;
  return at_most(machine.affinity,
                 std::ceil(static_cast<float>(quota) / static_cast<float>(period)));
}

Answer jvm(const Machine& machine) {
  const auto place = jvm_place(machine);
  if (!place) return machine.affinity;
  if (place->group.find("../") != std::string::npos) return jvm_count(machine, *place, "/");
  const bool walks = place->unified ? place->group != "/" : place->group != place->root;
  std::string tightest = place->group;
  unsigned least = jvm_count(machine, *place, tightest);
  std::string group = tightest;
  while (walks && group.rfind('/') != 0 && group.rfind('/') != std::string::npos) {
    group.resize(group.rfind('/'));
    const unsigned cpus = jvm_count(machine, *place, group);
    if (cpus < least) {
      least = cpus;
      tightest = group;
    }
  }
  // When the mount point itself is the tightest, the name of the group below it is kept.
  if (walks && jvm_count(machine, *place, "/") < least) tightest = group;
  return jvm_count(machine, *place, tightest);
}

// ---- .NET: src/coreclr/pal/src/misc/cgroup.cpp --------------------------------------------------

// What %s leaves of it.
std::string up_to_blank(const std::string& text) {
  return text.substr(0, text.find_first_of(" \t"));
}

// The last mount that fits; in v2 mode every control group fits, v1 too.
std::optional<MountLine> dotnet_mount(const Machine& machine, bool unified) {
  std::optional<MountLine> found;
  for (const MountLine& mount : mount_lines(machine.root)) {
    if (!mount.type.starts_with("cgroup")) continue;
    if (unified || lists(mount.options, "cpu")) found = mount;
  }
  return found;
}

// In v1 mode a line without controllers, that of v2, ends the search.
std::optional<std::string> dotnet_group(const Machine& machine, bool unified) {
  for (const GroupLine& line : group_lines(machine.root)) {
    if (unified) {
      if (line.hierarchy == "0" && line.controllers.empty()) return up_to_blank(line.path);
      continue;
    }
    if (line.controllers.empty()) return {};
    if (lists(line.controllers, "cpu")) return up_to_blank(line.path);
  }
  return {};
}

std::optional<std::string> dotnet_folder(const Machine& machine, bool unified) {
  const auto mount = dotnet_mount(machine, unified);
  const auto group = dotnet_group(machine, unified);
  if (!mount || !group) return {};
  const bool cut = mount->root.size() > 1 && group->starts_with(mount->root);
  return mount->point + (cut ? group->substr(mount->root.size()) : *group);
}

Answer dotnet(const Machine& machine) {
  // The set of processors is left as it was when the kernel refuses to fill it.
  if (machine.online > kFixedMask) return std::nullopt;
  const std::string type = type_at(machine.root, kUsualPlace);
  if (type.empty()) return machine.affinity;
  const bool unified = type == "cgroup2";
  const auto folder = dotnet_folder(machine, unified);
  if (!folder) return machine.affinity;
  std::optional<long long> quota;
  std::optional<long long> period;
  if (unified) {
    const auto words =
        words_of(first_line(content_of(on(machine, *folder + "/cpu.max")).value_or("")));
    if (words.size() < 2) return machine.affinity;
    quota = leading_number(words[0]);
    period = leading_number(words[1]);
  } else {
    quota = leading_number(content_of(on(machine, *folder + "/cpu.cfs_quota_us")).value_or(""));
    period = leading_number(content_of(on(machine, *folder + "/cpu.cfs_period_us")).value_or(""));
    if (quota.value_or(0) <= 0 || period.value_or(0) <= 0) return machine.affinity;
  }
  if (!quota || !period) return machine.affinity;
  if (*quota <= *period) return 1;
  return at_most(
      machine.affinity,
      std::floor(static_cast<double>(*quota) / static_cast<double>(*period) + 0.999999999));
}

// ---- Rust: library/std/src/sys/thread/unix.rs ---------------------------------------------------

std::optional<std::uint64_t> rust_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// All folders from `group` up to `mount`, the deepest first.
std::vector<std::string> upwards(const std::string& mount, std::string group) {
  std::vector<std::string> folders;
  while (!group.empty() && group != "/") {
    folders.push_back(std::string(mount).append("/").append(group));
    const std::size_t slash = group.rfind('/');
    group = slash == std::string::npos ? "" : group.substr(0, slash);
  }
  folders.push_back(mount);
  return folders;
}

std::uint64_t rust_v2(const Machine& machine, const std::string& group) {
  std::uint64_t quota = UINT64_MAX;
  if (!exists(machine, kUsualPlace + "/" + group + "/cgroup.controllers")) return quota;
  for (const std::string& folder : upwards(kUsualPlace, group)) {
    const auto text = content_of(on(machine, folder + "/cpu.max"));
    if (!text) continue;
    const auto words = split(first_line(*text), ' ');
    // A file with less than two words ends the walk.
    if (words.size() < 2) return quota;
    const auto limit = rust_number(words[0]);
    const auto period = rust_number(words[1]);
    if (limit && period && *period > 0) quota = std::min(quota, *limit / *period);
  }
  return quota;
}

struct RustPlace {
  std::string mount, group;
};

// The first mount with cpu that holds the group; neither side is unescaped.
std::optional<RustPlace> rust_mount(const Machine& machine, const std::string& group) {
  for (const MountLine& mount : mount_lines(machine.root)) {
    if (mount.type != "cgroup" || !lists(mount.options, "cpu")) continue;
    const std::string root = mount.root.substr(1);
    if (root.empty()) return RustPlace{mount.point, group};
    if (group == root) return RustPlace{mount.point, ""};
    if (group.starts_with(root + "/")) return RustPlace{mount.point, group.substr(root.size() + 1)};
  }
  return {};
}

std::uint64_t rust_v1(const Machine& machine, const std::string& group) {
  std::vector<RustPlace> places = {{kUsualPlace + "/cpu", group},
                                   {kUsualPlace + "/cpu,cpuacct", group}};
  if (auto mounted = rust_mount(machine, group)) places.push_back(*std::move(mounted));
  std::uint64_t quota = UINT64_MAX;
  for (const RustPlace& place : places) {
    if (!exists(machine, place.mount + "/" + place.group)) continue;
    for (const std::string& folder : upwards(place.mount, place.group)) {
      const auto number = [&](const char* file) -> std::optional<std::uint64_t> {
        const auto words = words_of(content_of(on(machine, folder + file)).value_or(""));
        return words.size() == 1 ? rust_number(words[0]) : std::nullopt;
      };
      const auto limit = number("/cpu.cfs_quota_us");
      const auto period = number("/cpu.cfs_period_us");
      if (limit && period && *period > 0) quota = std::min(quota, *limit / *period);
    }
    break;
  }
  return quota;
}

Answer rust(const Machine& machine) {
  const GroupLine* found = nullptr;
  const auto groups = group_lines(machine.root);
  for (const GroupLine& line : groups) {
    const bool v1 = lists(line.controllers, "cpu");
    if (v1 || (line.controllers.empty() && found == nullptr)) found = &line;
  }
  std::uint64_t quota = UINT64_MAX;
  if (found != nullptr && !found->path.empty()) {
    const std::string group = found->path.substr(1);
    quota = found->controllers.empty() ? rust_v2(machine, group) : rust_v1(machine, group);
  }
  return at_most(in_fixed_mask(machine), static_cast<double>(quota));
}

// ---- libuv: src/unix/linux.c, src/unix/core.c ---------------------------------------------------

// What fits into a buffer of `size`.
std::optional<std::string> slurp(const Machine& machine, const std::string& path,
                                 std::size_t size) {
  auto text = content_of(on(machine, path));
  if (text) text->resize(std::min(text->size(), size - 1));
  return text;
}

// Each level with a quota overwrites the one below it, so that the outermost is what is left.
long long libuv_v2(const Machine& machine, const std::string& group) {
  const std::string own = (kUsualPlace + "/" + group).substr(0, 255);
  if (!exists(machine, own + "/cgroup.controllers")) return 0;
  long long quota = 0;
  for (std::string path = own; path.starts_with(kUsualPlace);) {
    long long limit = 0;
    long long period = 0;
    const auto text = slurp(machine, path + "/cpu.max", 16);
    if (text && !text->starts_with("max") &&
        std::sscanf(text->c_str(), "%lld %lld", &limit, &period) == 2 && period != 0) {
      quota = std::max(limit / period, 1LL);
    }
    if (path == kUsualPlace) break;
    path.resize(path.rfind('/'));
  }
  return quota;
}

Answer libuv(const Machine& machine) {
  const unsigned cpus = in_fixed_mask(machine);
  const auto groups = slurp(machine, "/proc/self/cgroup", 1024);
  long long quota = 0;
  if (groups && groups->starts_with("0::/")) {
    quota = libuv_v2(machine, first_line(groups->substr(4)));
  } else if (const std::size_t at = groups ? groups->find(":cpu,") : std::string::npos;
             at != std::string::npos) {
    // What is left of the other controllers' names stays in the path.
    const std::string folder = kUsualPlace + "/" + first_line(groups->substr(at + 5));
    const auto limit = slurp(machine, (folder + "/cpu.cfs_quota_us").substr(0, 255), 1024);
    const auto period = slurp(machine, (folder + "/cpu.cfs_period_us").substr(0, 255), 1024);
    const long long length = leading_number(period.value_or("")).value_or(0);
    if (length != 0) quota = leading_number(limit.value_or("")).value_or(0) / length;
  }
  return quota > 0 && quota < cpus ? static_cast<unsigned>(quota) : cpus;
}

// ---- loky: loky/backend/context.py --------------------------------------------------------------

// int() of Python: blanks around it, any length. Past 64 bits any number will do.
std::optional<double> python_int(const std::string& text) {
  const auto words = words_of(text);
  if (words.size() != 1) return {};
  const bool digits = std::all_of(words[0].begin() + (words[0][0] == '-' ? 1 : 0), words[0].end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || words[0] == "-") return {};
  return std::strtod(words[0].c_str(), nullptr);
}

Answer loky(const Machine& machine) {
  const std::string v2 = kUsualPlace + "/cpu.max";
  const std::string v1_quota = kUsualPlace + "/cpu/cpu.cfs_quota_us";
  const std::string v1_period = kUsualPlace + "/cpu/cpu.cfs_period_us";
  const unsigned most = std::min(machine.online, machine.affinity);
  std::string quota_text = "max";
  std::string period_text;
  std::vector<std::string> words;
  if (exists(machine, v2)) {
    const auto text = content_of(on(machine, v2));
    if (!text) return std::nullopt;
    words = words_of(*text);
  }
  if (words.size() == 2) {
    quota_text = words[0];
    period_text = words[1];
  } else if (exists(machine, v1_quota) && exists(machine, v1_period)) {
    const auto quota = content_of(on(machine, v1_quota));
    const auto period = content_of(on(machine, v1_period));
    if (!quota || !period) return std::nullopt;
    quota_text = *quota;
    period_text = *period;
  }
  if (quota_text == "max") return most;
  const auto quota = python_int(quota_text);
  const auto period = python_int(period_text);
  if (!quota || !period) return std::nullopt;  // int() raises
  return *quota > 0 && *period > 0 ? at_most(most, std::ceil(*quota / *period)) : most;
}

// ---- nproc of coreutils 9.8: lib/nproc.c of gnulib ----------------------------------------------

std::optional<std::string> nproc_mount(const Machine& machine) {
  if (exists(machine, kUsualPlace + "/cgroup.controllers")) return kUsualPlace;
  for (const MountLine& mount : mount_lines(machine.root)) {
    if (mount.type == "cgroup2") return unescaped(mount.point);
  }
  return {};
}

Answer nproc(const Machine& machine) {
  const auto groups = group_lines(machine.root);
  const auto v2 = std::find_if(groups.begin(), groups.end(), [](const GroupLine& line) {
    return line.hierarchy == "0" && line.controllers.empty() && line.path.starts_with('/');
  });
  const auto mount = nproc_mount(machine);
  if (v2 == groups.end() || !mount) return machine.affinity;
  double least = static_cast<double>(ULONG_MAX);
  for (const std::string& folder : upwards(*mount, v2->path.substr(1))) {
    const auto text = content_of(on(machine, folder + "/cpu.max"));
    long quota = 0;
    long period = 0;
    if (!text || text->starts_with("max") ||
        std::sscanf(text->c_str(), "%ld %ld", &quota, &period) != 2 || period == 0) {
      continue;
    }
    const double cpus = static_cast<double>(quota) / static_cast<double>(period);
    if (cpus < least) least = std::max(1.0, std::floor(cpus + 0.5));
    if (least == 1) break;
  }
  return at_most(machine.affinity, least);
}

// ---- Python: Python/sysmodule.c and Modules/posixmodule.c of CPython 3.14 -----------------------

Answer cpu_count(const Machine& machine) {
  return machine.online;
}

Answer process_cpu_count(const Machine& machine) {
  return machine.affinity;
}

}  // namespace

std::span<const Program> programs() {
  static const Program all[] = {
      {"go", "Go 1.26, `GOMAXPROCS`",
       "the mask, or the quota of the own group rounded up, never less than 2; ancestors are not "
       "asked",
       go},
      {"automaxprocs", "automaxprocs 1.6 (Go before 1.25)",
       "the quota of the own group rounded down, without the mask; v2 at `/sys/fs/cgroup` only; "
       "one "
       "v1 mount that does not hold the group makes it give up, which leaves the mask (or Go's own "
       "answer)",
       automaxprocs},
      {"jvm", "OpenJDK 25, `availableProcessors`",
       "the mask, or the tightest quota up to the mount rounded up; v2 only if it is what is "
       "mounted "
       "at `/sys/fs/cgroup`, its mount root not looked at; v1 only with memory, cpuset and cpuacct "
       "mounted; nothing is unescaped; a limit of the mount point itself is found and then lost",
       jvm},
      {"dotnet", ".NET of 2026, `ProcessorCount`",
       "the mask, or the quota of the own group rounded up; v1 or v2 by the type of "
       "`/sys/fs/cgroup`; paths end at a blank; ancestors are not asked; left to chance beyond "
       "1,024 processors",
       dotnet},
      {"rust", "Rust 1.95, `available_parallelism`",
       "the mask, or the tightest quota up to the mount rounded down; v2 at `/sys/fs/cgroup` only, "
       "its mount root not looked at; nothing is unescaped; beyond 1,024 processors the machine "
       "instead of the mask",
       rust},
      {"libuv", "libuv 1.52 (Node.js 24), `uv_available_parallelism`",
       "the mask, or the *outermost* v2 quota at `/sys/fs/cgroup` rounded down, read into 16 "
       "bytes; "
       "in v1 the path it builds never exists; beyond 1,024 processors the machine instead of the "
       "mask",
       libuv},
      {"loky", "loky 3.7 (joblib), `cpu_count`",
       "the mask, or the quota in `/sys/fs/cgroup/cpu.max` or `/sys/fs/cgroup/cpu/` rounded up, "
       "whatever group the process is in; raises an exception at a file it cannot read",
       loky},
      {"nproc", "coreutils 9.8, `nproc`",
       "the mask, or the tightest v2 quota up to the mount, rounded half up; the mount root not "
       "looked at; v1 is not asked",
       nproc},
      {"cpu_count", "Python, `os.cpu_count`", "the processors of the machine", cpu_count},
      {"process_cpu_count", "Python 3.13, `os.process_cpu_count`", "the mask", process_cpu_count},
  };
  return all;
}

namespace {

// A point that something else was mounted over later is not a control group any more.
std::vector<MountLine> visible(const fs::path& root) {
  std::vector<MountLine> mounts;
  for (MountLine& mount : mount_lines(root)) {
    std::erase_if(mounts, [&](const MountLine& older) { return older.point == mount.point; });
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

void add_controllers(const fs::path& group) {
  if (!fs::is_directory(group)) return;
  std::vector<fs::path> groups = {group};
  for (const auto& entry : fs::recursive_directory_iterator(group)) {
    if (entry.is_directory()) groups.push_back(entry.path());
  }
  for (const fs::path& folder : groups) {
    if (std::FILE* file = std::fopen((folder / "cgroup.controllers").c_str(), "we")) {
      std::fputs("cpuset cpu io memory pids\n", file);
      std::fclose(file);
    }
  }
}

}  // namespace

void add_what_is_always_there(const fs::path& root) {
  for (const MountLine& mount : visible(root)) {
    const fs::path point = root.string() + unescaped(mount.point);
    if (mount.type == "cgroup2") add_controllers(point);
    const auto names = split(point.filename().string(), ',');
    if (mount.type != "cgroup" || names.size() < 2 || !fs::is_directory(point)) continue;
    for (const std::string& name : names) {
      const fs::path link = point.parent_path() / name;
      if (!fs::exists(link)) fs::create_directory_symlink(point.filename(), link);
    }
  }
}

}  // namespace headrace::others
