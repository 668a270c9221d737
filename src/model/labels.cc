#include "model/labels.h"

#include "base/text.h"
#include "model/files.h"
#include "model/wording.h"

namespace headrace::model {

Result<std::vector<std::string>> parse_labels(std::string_view text, std::string_view file) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string> labels;
  std::size_t first_empty = 0;  // line number, 0 while there is none
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view label = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t begin = label.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) {
      if (first_empty == 0) first_empty = line;
      continue;
    }
    label = label.substr(begin, label.find_last_not_of(" \t\r") + 1 - begin);
    if (first_empty != 0) {
      return Error{std::string(file) + ":" + std::to_string(first_empty) +
                   ": an empty line among the labels; each line is one class, so remove it or "
                   "write a name there"};
    }
    if (!is_utf8(label)) {
      return Error{std::string(file) + ":" + std::to_string(line) +
                   ": this line is not UTF-8; save the labels as UTF-8 text"};
    }
    labels.emplace_back(label);
  }
  if (labels.empty()) {
    return Error{std::string(file) +
                 " holds no labels; write one a line, in the order of the "
                 "model's output"};
  }
  return labels;
}

Result<std::vector<std::string>> read_labels(const std::filesystem::path& path) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;
  auto text = read_text(path, kMostBytes);
  if (!text) return text.error();
  return parse_labels(*text, path.string());
}

}  // namespace headrace::model
