#include "pipeline/walk.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include "sys/files.h"

namespace headrace::pipeline {
namespace {

constexpr int kStandardInput = 0;
// Larger folders come in sorted pieces of this many, so that their names never fill the memory.
constexpr std::size_t kSortedAtOnce = 65'536;
// No file system has longer paths.
constexpr std::size_t kLongestName = 4096;

class Walker {
 public:
  Walker(int stop, const Take& take) : stop_(stop), take_(take) {}

  // False once the walk shall stop.
  bool folder(const std::string& path) {
    // Read to its end before what lies in it, so that a deep tree takes no more descriptors.
    std::vector<std::string> subfolders;
    return files_of(path, subfolders) &&
           std::all_of(subfolders.begin(), subfolders.end(),
                       [this](const std::string& inside) { return folder(inside); });
  }

  Status list(int fd, const std::string& name) {
    std::array<char, 65'536> buffer;
    while (sys::wait_readable(fd, stop_)) {
      const Result<std::size_t> read = sys::read_some(fd, buffer);
      if (!read) return Error{"cannot read the list " + name + ": " + read.error().message};
      if (*read == 0) {
        if (!line_.empty()) line();
        return Ok{};
      }
      if (!lines({buffer.data(), *read})) return Ok{};
    }
    return Ok{};
  }

 private:
  bool files_of(const std::string& path, std::vector<std::string>& subfolders) {
    auto reader = sys::FolderReader::open(path);
    if (!reader) {
      return take_(path, Input::Unfit{ItemError::unreadable,
                                      "cannot read the folder: " + reader.error().message});
    }
    std::vector<sys::FolderReader::Entry> entries;
    for (bool more = true; more;) {
      entries.clear();
      more = reader->read(kSortedAtOnce, entries);
      std::sort(entries.begin(), entries.end(),
                [](const auto& a, const auto& b) { return a.name < b.name; });
      for (const auto& entry : entries) {
        if (entry.name.starts_with('.')) continue;
        std::string inside = path.ends_with('/') ? path + entry.name : path + '/' + entry.name;
        if (entry.folder) {
          subfolders.push_back(std::move(inside));
        } else if (!take_(std::move(inside), std::nullopt)) {
          return false;
        }
      }
    }
    return true;
  }

  bool lines(std::string_view text) {
    for (;;) {
      const std::size_t end = text.find('\n');
      const std::string_view part = text.substr(0, end);
      // One byte more than the longest, so that a longer one is known as such; the rest is not
      // kept.
      line_ += part.substr(0, kLongestName + 1 - std::min(line_.size(), kLongestName + 1));
      if (end == std::string_view::npos) return true;
      if (!line()) return false;
      text.remove_prefix(end + 1);
    }
  }

  bool line() {
    if (line_.ends_with('\r')) line_.pop_back();
    std::string name = std::exchange(line_, {});
    if (name.empty()) return true;
    return take_(std::move(name), std::nullopt);
  }

  int stop_;
  const Take& take_;
  std::string line_;
};

}  // namespace

Status walk(const std::string& argument, int stop, const Take& take) {
  Walker walker(stop, take);
  if (argument == "-") return walker.list(kStandardInput, "on standard input");
  if (argument.starts_with('@')) {
    const std::string list = argument.substr(1);
    Result<sys::Fd> fd = sys::open_for_reading(list);
    if (!fd) return fd.error();
    return walker.list(fd->get(), list);
  }
  if (sys::path_kind(argument) == sys::PathKind::folder) {
    walker.folder(argument);
  } else {
    take(argument, std::nullopt);
  }
  return Ok{};
}

}  // namespace headrace::pipeline
