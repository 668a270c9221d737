#include "model/files.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "model/wording.h"

namespace headrace::model {
namespace fs = std::filesystem;

Result<std::ifstream> open_regular(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) return Error{"there is no file " + in_quotes(path.string())};
  if (fs::is_directory(status)) return Error{in_quotes(path.string()) + " is a folder, not a file"};
  if (!fs::is_regular_file(status)) return Error{in_quotes(path.string()) + " is no regular file"};
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Error{in_quotes(path.string()) +
                 " cannot be opened: " + std::generic_category().message(errno == 0 ? EIO : errno)};
  }
  return in;
}

Result<std::string> read_text(const fs::path& path, std::uint64_t most_bytes) {
  auto in = open_regular(path);
  if (!in) return in.error();
  std::string text(std::size_t{64} << 10, '\0');
  std::size_t size = 0;
  while (in->read(text.data() + size, static_cast<std::streamsize>(text.size() - size)),
         in->gcount() > 0) {
    size += static_cast<std::size_t>(in->gcount());
    if (size > most_bytes) {
      return Error{in_quotes(path.string()) + " is larger than " +
                   std::to_string(most_bytes >> 20) + " MiB: is it the right file?"};
    }
    if (size == text.size()) text.resize(2 * size);
  }
  if (in->bad()) return Error{in_quotes(path.string()) + " cannot be read to its end"};
  text.resize(size);
  return text;
}

Status check_beneath(const fs::path& beneath, const fs::path& file) {
  if (beneath.empty()) return Ok{};
  std::error_code wrong;
  const fs::path folder = fs::canonical(beneath, wrong);
  if (wrong) return Error{"the repository folder cannot be looked into: " + wrong.message()};
  const fs::path found = fs::weakly_canonical(fs::absolute(file), wrong);
  const std::string who = in_quotes(file.filename().string());
  // A link that leads to itself leads nowhere, which is out as well.
  if (wrong && wrong != std::errc::too_many_symbolic_link_levels)
    return Error{who + " cannot be looked at: " + wrong.message()};
  const auto [rest, ignored] =
      std::mismatch(folder.begin(), folder.end(), found.begin(), found.end());
  if (!wrong && rest == folder.end()) return Ok{};
  return Error{who + " leads out of the repository folder: put the file itself there"};
}

FileKind file_kind(const fs::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (ending == ".onnx") return FileKind::onnx;
  if (ending == ".xml") return FileKind::openvino_ir;
  if (ending == ".fake") return FileKind::fake;
  return FileKind::other;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end && names.size() < 1000;
       at.increment(code)) {
    names.push_back(at->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> model_files_in(const fs::path& folder) {
  std::vector<std::string> names = names_in(folder);
  std::erase_if(names, [](const std::string& name) { return file_kind(name) == FileKind::other; });
  return names;
}

}  // namespace headrace::model
