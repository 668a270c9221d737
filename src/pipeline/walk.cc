#include "pipeline/walk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/patience.h"
#include "sys/files.h"

namespace headrace::pipeline {
namespace {

using sys::PathKind;

constexpr int kStandardInput = 0;
// Larger folders come in sorted pieces of this many, so that their names never fill the memory.
constexpr std::size_t kSortedAtOnce = 65'536;
// No file system has longer paths.
constexpr std::size_t kLongestName = 4096;
// Questions to the file system that are under way at once: they wait, and take no processor.
constexpr std::size_t kAskedAtOnce = 16;
// Arguments that are looked at ahead of their turn.
constexpr std::size_t kArgumentsAhead = 64;

// Calls `ask(i)` for each i below `count`, several at once.
template <class Ask>
void ask_at_once(std::size_t count, const Ask& ask) {
  std::atomic<std::size_t> next = 0;
  const auto some = [&] {
    for (std::size_t i = next++; i < count; i = next++) ask(i);
  };
  std::vector<std::jthread> others;
  try {
    while (others.size() + 1 < std::min(count, kAskedAtOnce)) others.emplace_back(some);
  } catch (const std::system_error&) {
    // The system has no more threads: fewer do as well.
  }
  some();
}

class Walker {
 public:
  Walker(const WalkSettings& settings, const Take& take) : settings_(settings), take_(take) {}

  Status arguments(std::span<const std::string> some) {
    std::vector<PathKind> kinds(some.size(), PathKind::other);
    ask_at_once(some.size(), [&](std::size_t i) {
      if (!is_list(some[i])) kinds[i] = patiently(some[i], sys::path_kind);
    });
    for (std::size_t i = 0; i < some.size() && going_; ++i) {
      if (is_list(some[i])) {
        if (Status read = list(some[i]); !read) return read;
      } else if (kinds[i] == PathKind::folder) {
        folder(some[i]);
      } else {
        give(some[i]);
      }
    }
    return Ok{};
  }
  // Of the first folder that was away for too long: its files are missing.
  const std::optional<Error>& broken() const { return broken_; }
  // False once the walk shall stop.
  bool going() const { return going_; }

 private:
  static bool is_list(const std::string& argument) {
    return argument == "-" || argument.starts_with('@');
  }

  void give(std::string name) { going_ = going_ && take_(std::move(name), std::nullopt); }

  void give_up(const std::string& folder, const std::string& what, const sys::FileError& error) {
    const std::string why = what + error.message;
    if (error.passing && !broken_ && going_) {
      broken_ = Error{folder + ": " + why +
                      "; files in it may be missing: with --resume it goes on from here"};
    }
    going_ = going_ && take_(folder, Input::Unfit{ItemError::unreadable, why});
  }

  bool pause(Patience& patience) const {
    const auto time = patience.pause();
    return time && sys::wait_out(*time, settings_.stop);
  }

  template <class Ask>
  PathKind patiently(const std::string& path, const Ask& ask) const {
    Patience patience(settings_.patience);
    for (;;) {
      const PathKind kind = ask(path);
      if (kind != PathKind::away || !pause(patience)) return kind;
    }
  }

  void folder(const std::string& path) {
    // Read to its end before what lies in it, so that a deep tree takes no more descriptors.
    std::vector<std::string> subfolders;
    files_of(path, subfolders);
    for (std::size_t i = 0; i < subfolders.size() && going_; ++i) folder(subfolders[i]);
  }

  void files_of(const std::string& path, std::vector<std::string>& subfolders) {
    auto reader = open_folder(path);
    if (!reader) return give_up(path, "cannot read the folder: ", reader.error());
    std::vector<sys::FolderReader::Entry> entries;
    for (bool more = true; more && going_;) {
      entries.clear();
      auto read = read_piece(*reader, entries);
      more = read && *read;
      give_entries(path, entries, subfolders);
      if (!read) give_up(path, "cannot read the folder to its end: ", read.error());
    }
  }

  Result<sys::FolderReader, sys::FileError> open_folder(const std::string& path) const {
    Patience patience(settings_.patience);
    for (;;) {
      auto reader = sys::FolderReader::open(path);
      if (reader || !reader.error().passing || !pause(patience)) return reader;
    }
  }

  // Goes on where an error that may pass came up.
  Result<bool, sys::FileError> read_piece(sys::FolderReader& reader,
                                          std::vector<sys::FolderReader::Entry>& entries) const {
    Patience patience(settings_.patience);
    for (;;) {
      auto read = reader.read(kSortedAtOnce - entries.size(), entries);
      if (read || !read.error().passing || !pause(patience)) return read;
    }
  }

  void give_entries(const std::string& path, std::vector<sys::FolderReader::Entry>& entries,
                    std::vector<std::string>& subfolders) {
    std::erase_if(entries, [](const auto& entry) { return entry.name.starts_with('.'); });
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    std::vector<std::size_t> unknown;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i].name = path.ends_with('/') ? path + entries[i].name : path + '/' + entries[i].name;
      if (!entries[i].folder) unknown.push_back(i);
    }
    ask_at_once(unknown.size(), [&](std::size_t i) {
      auto& entry = entries[unknown[i]];
      entry.folder = patiently(entry.name, sys::entry_kind) == PathKind::folder;
    });
    for (std::size_t i = 0; i < entries.size() && going_; ++i) {
      auto& entry = entries[i];
      if (*entry.folder) {
        subfolders.push_back(std::move(entry.name));
      } else {
        give(std::move(entry.name));
      }
    }
  }

  Status list(const std::string& argument) {
    if (argument == "-") return list(kStandardInput, "on standard input");
    const std::string file = argument.substr(1);
    const auto fd = open_list(file);
    if (!fd) return Error{fd.error().message};
    return list(fd->get(), file);
  }

  Result<sys::Fd, sys::FileError> open_list(const std::string& path) const {
    Patience patience(settings_.patience);
    for (;;) {
      auto fd = sys::open_for_reading(path);
      if (fd || !fd.error().passing || !pause(patience)) return fd;
    }
  }

  Status list(int fd, const std::string& name) {
    std::array<char, 65'536> buffer;
    while (sys::wait_readable(fd, settings_.stop)) {
      const auto read = read_some(fd, buffer);
      if (!read) return Error{"cannot read the list " + name + ": " + read.error().message};
      if (*read == 0) {
        if (!line_.empty()) line();
        return Ok{};
      }
      lines({buffer.data(), *read});
      if (!going_) return Ok{};
    }
    return Ok{};
  }

  Result<std::size_t, sys::FileError> read_some(int fd, std::span<char> into) const {
    Patience patience(settings_.patience);
    for (;;) {
      auto read = sys::read_some(fd, into);
      if (read || !read.error().passing || !pause(patience)) return read;
    }
  }

  void lines(std::string_view text) {
    while (going_) {
      const std::size_t end = text.find('\n');
      const std::string_view part = text.substr(0, end);
      // One byte more than the longest, so that a longer one is known as such; the rest is not
      // kept.
      line_ += part.substr(0, kLongestName + 1 - std::min(line_.size(), kLongestName + 1));
      if (end == std::string_view::npos) return;
      line();
      text.remove_prefix(end + 1);
    }
  }

  void line() {
    if (line_.ends_with('\r')) line_.pop_back();
    std::string name = std::exchange(line_, {});
    if (!name.empty()) give(std::move(name));
  }

  const WalkSettings& settings_;
  const Take& take_;
  std::string line_;
  bool going_ = true;
  std::optional<Error> broken_{};
};

}  // namespace

Status walk(std::span<const std::string> arguments, const WalkSettings& settings,
            const Take& take) {
  Walker walker(settings, take);
  while (!arguments.empty() && walker.going()) {
    const auto some = arguments.first(std::min(arguments.size(), kArgumentsAhead));
    if (Status walked = walker.arguments(some); !walked) return walked;
    arguments = arguments.subspan(some.size());
  }
  if (walker.broken()) return *walker.broken();
  return Ok{};
}

}  // namespace headrace::pipeline
