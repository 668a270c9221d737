#include "others/mount_table.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace headrace::others {

std::optional<std::string> content_of(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> lines_of(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text.empty() ? std::vector<std::string>{} : split(text, '\n');
}

bool lists(std::string_view comma_list, std::string_view word) {
  const auto words = split(comma_list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<MountLine> mount_lines(const std::filesystem::path& root) {
  std::vector<MountLine> mounts;
  for (const std::string& line : lines_of(content_of(root / "proc/self/mountinfo").value_or(""))) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() < 6 || fields.end() - dash < 4) continue;
    mounts.push_back({fields[3], fields[4], dash[1], dash[3]});
  }
  return mounts;
}

std::vector<GroupLine> group_lines(const std::filesystem::path& root) {
  std::vector<GroupLine> groups;
  for (const std::string& line : lines_of(content_of(root / "proc/self/cgroup").value_or(""))) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    groups.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1),
                      line.substr(second + 1)});
  }
  return groups;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string type_at(const std::filesystem::path& root, std::string_view folder) {
  std::string type;
  std::size_t longest = 0;
  for (const MountLine& mount : mount_lines(root)) {
    const bool covers =
        mount.point == "/" || mount.point == folder || folder.starts_with(mount.point + "/");
    if (!covers || mount.point.size() < longest) continue;
    longest = mount.point.size();
    type = mount.type;
  }
  return type;
}

}  // namespace headrace::others
