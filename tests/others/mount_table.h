// The texts that every program starts from, /proc/self/mountinfo and /proc/self/cgroup, cut into
// fields and nothing more: what a program makes of the fields is its own rule.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::others {

// The whole file; nothing when it is missing, unreadable or a folder.
std::optional<std::string> content_of(const std::filesystem::path& file);
// Without the line ends; a text that ends in one has no empty line after it.
std::vector<std::string> lines_of(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
bool lists(std::string_view comma_list, std::string_view word);

// A line of mountinfo, as it stands there.
struct MountLine {
  std::string root, point, type, options;
};
// In the order of the file, without the lines that are none.
std::vector<MountLine> mount_lines(const std::filesystem::path& root);

// A line of /proc/self/cgroup, "4:cpu,cpuacct:/path".
struct GroupLine {
  std::string hierarchy, controllers, path;
};
std::vector<GroupLine> group_lines(const std::filesystem::path& root);

// "\040" and the like become what they stand for.
std::string unescaped(std::string_view text);

// What statfs says of a folder: the type of the mount that covers it; "" when nothing does.
std::string type_at(const std::filesystem::path& root, std::string_view folder);

}  // namespace headrace::others
