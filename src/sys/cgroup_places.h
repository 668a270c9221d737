// Where the files of a controller lie for this process.
//
// /proc/self/cgroup names the process's group in each hierarchy, /proc/self/mountinfo says which
// part of which hierarchy is mounted where; only both together give a directory. Inside containers
// they disagree in many ways (bind mounts of a subtree, cgroup namespaces, groups that lie outside
// of what is mounted). This part works on the two texts alone and opens no file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headrace::sys {

// One mount through which the group of this process may be seen.
struct CgroupPlace {
  bool unified = false;  // cgroup v2
  bool exact =
      false;  // false: the own group is not below this mount, only the mount itself is known
  std::string mount_point;  // unescaped, absolute, no trailing slash
  std::string below;        // the own group below the mount point: "" or "/a/b"
};

// All places for `controller` ("cpu", "memory", ...), the one to try first first. A v1 hierarchy
// that has the controller wins over v2; among mounts the one that shows most ancestors comes first.
// Adds a sentence to `notes` for each thing that does not fit together.
std::vector<CgroupPlace> cgroup_places(std::string_view controller, std::string_view proc_cgroup,
                                       std::string_view mountinfo, std::vector<std::string>& notes);

// True when cgroup v2 is in the list of groups and mounted.
bool has_unified(std::string_view proc_cgroup, std::string_view mountinfo);

}  // namespace headrace::sys
