#include "sys/cgroup_places.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace headrace::sys {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool lists(std::string_view comma_list, std::string_view word) {
  const auto words = split(comma_list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// The kernel writes blanks, backslashes and line ends in paths as \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "/" becomes "", so that paths can be put one behind the other.
std::string trimmed(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

bool climbs(std::string_view path) {
  const auto parts = split(path, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

struct Mount {
  std::string root;
  std::string point;
  std::string_view type;
  std::string_view options;
};

std::optional<Mount> parse_mount(std::string_view line) {
  const auto fields = split(line, ' ');
  if (fields.size() < 10) return std::nullopt;
  // Between field 6 and the dash stands any number of optional fields.
  const auto dash = std::find(fields.begin() + 6, fields.end(), "-");
  if (fields.end() - dash < 4) return std::nullopt;
  return Mount{trimmed(unescape(fields[3])), trimmed(unescape(fields[4])), *(dash + 1),
               fields.back()};
}

// The control groups' mounts that can be seen: a later mount on the same point hides the earlier
// one, whatever it is. Read from the end, with the points in a set: a busy node has tens of
// thousands.
std::vector<Mount> visible_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  std::unordered_set<std::string> taken;
  const std::vector<std::string_view> lines = split(mountinfo, '\n');
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    std::optional<Mount> mount = parse_mount(*line);
    if (!mount || !taken.insert(mount->point).second) continue;
    if (mount->type.starts_with("cgroup")) mounts.push_back(std::move(*mount));
  }
  std::reverse(mounts.begin(), mounts.end());
  return mounts;
}

struct Group {
  std::string_view controllers;  // empty for v2
  std::string path;
};

// Lines of the form "4:cpu,cpuacct:/path"; the path may contain colons.
std::vector<Group> parse_groups(std::string_view proc_cgroup) {
  std::vector<Group> groups;
  for (const std::string_view line : split(proc_cgroup, '\n')) {
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const bool unified = line.substr(0, first) == "0" && second == first + 1;
    if (!unified && second == first + 1) continue;
    groups.push_back({line.substr(first + 1, second - first - 1),
                      trimmed(std::string(line.substr(second + 1)))});
  }
  return groups;
}

const Group* find_group(const std::vector<Group>& groups, std::string_view controller) {
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
    return controller.empty() ? group.controllers.empty() : lists(group.controllers, controller);
  });
  return found == groups.end() ? nullptr : &*found;
}

CgroupPlace place_of(const Group& group, const Mount& mount, bool unified) {
  CgroupPlace place{unified, false, mount.point, ""};
  // Both names are relative to the root of the cgroup namespace, so even "/.." compares by text;
  // only a rest that climbs out of the mount, or a root above a namespace, cannot be named from
  // here.
  const bool below = group.path == mount.root || group.path.starts_with(mount.root + "/");
  if (below && !climbs(std::string_view(group.path).substr(mount.root.size()))) {
    place.exact = true;
    place.below = group.path.substr(mount.root.size());
  }
  return place;
}

// Exact places first; among these the shortest root, which shows most ancestors.
std::vector<CgroupPlace> places_in(const Group& group, const std::vector<Mount>& mounts,
                                   std::string_view controller) {
  const bool unified = controller.empty();
  std::vector<CgroupPlace> places;
  std::vector<const Mount*> fitting;
  for (const Mount& mount : mounts) {
    const bool fits = unified ? mount.type == "cgroup2"
                              : mount.type == "cgroup" && lists(mount.options, controller);
    if (fits) fitting.push_back(&mount);
  }
  std::stable_sort(fitting.begin(), fitting.end(),
                   [](const Mount* a, const Mount* b) { return a->root.size() < b->root.size(); });
  places.reserve(fitting.size());
  for (const Mount* mount : fitting) places.push_back(place_of(group, *mount, unified));
  std::stable_partition(places.begin(), places.end(), [](const auto& p) { return p.exact; });
  return places;
}

}  // namespace

std::vector<CgroupPlace> cgroup_places(std::string_view controller, std::string_view proc_cgroup,
                                       std::string_view mountinfo,
                                       std::vector<std::string>& notes) {
  const std::vector<Group> groups = parse_groups(proc_cgroup);
  const std::vector<Mount> mounts = visible_mounts(mountinfo);
  if (const Group* v1 = find_group(groups, controller)) {
    std::vector<CgroupPlace> places = places_in(*v1, mounts, controller);
    if (!places.empty()) return places;
    notes.push_back("the v1 controller " + std::string(controller) + " is in use but not mounted");
  }
  const Group* v2 = find_group(groups, "");
  return v2 != nullptr ? places_in(*v2, mounts, "") : std::vector<CgroupPlace>{};
}

bool has_unified(std::string_view proc_cgroup, std::string_view mountinfo) {
  const std::vector<Group> groups = parse_groups(proc_cgroup);
  const std::vector<Mount> mounts = visible_mounts(mountinfo);
  return find_group(groups, "") != nullptr &&
         std::any_of(mounts.begin(), mounts.end(),
                     [](const Mount& m) { return m.type == "cgroup2"; });
}

}  // namespace headrace::sys
