#include "worker/handler_file.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace headrace::worker {
namespace {

constexpr std::string_view kElf = "\177ELF";
constexpr std::string_view k64BitLittleEndian = "\2\1";
constexpr std::uint16_t kSharedObject = 3;
// Where in its head an ELF file of 64 bits says what it is.
constexpr std::size_t kHeadBytes = 64;
constexpr std::size_t kTypeAt = 16;
constexpr std::size_t kSectionsAt = 40;
constexpr std::size_t kSectionBytesAt = 58;
constexpr std::size_t kSectionCountAt = 60;

template <class T>
T number(std::string_view head, std::size_t at) {
  T value{};
  std::memcpy(&value, head.data() + at, sizeof value);
  return value;
}

// Whether its table of sections, the last thing in what linkers write, lies beyond its end. The
// program that loads it would be killed at the first touch of what is missing.
bool cut_short(std::string_view head, std::uintmax_t file_bytes) {
  if (head.substr(kElf.size(), 2) != k64BitLittleEndian) return false;
  const auto begin = number<std::uint64_t>(head, kSectionsAt);
  const std::uint64_t bytes = std::uint64_t{number<std::uint16_t>(head, kSectionBytesAt)} *
                              number<std::uint16_t>(head, kSectionCountAt);
  return begin > file_bytes || bytes > file_bytes - begin;
}

}  // namespace

Result<bool> is_handler(const std::filesystem::path& path) {
  std::error_code ignored;
  // A FIFO, say, is not to be opened just to look.
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::array<char, kHeadBytes> head{};
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), head.size());
  const std::string_view read(head.data(), static_cast<std::size_t>(in.gcount()));
  const std::string shown = "'" + path.string() + "'";
  const std::string see = ": a handler is a shared object, linked with -shared (docs/handlers.md)";
  if (!read.starts_with(kElf)) {
    if (path.extension() != ".so") return false;
    return Error{shown + (read.empty() ? " is empty, or cannot be read" : " is no ELF file") + see};
  }
  if (read.size() < kHeadBytes || cut_short(read, std::filesystem::file_size(path, ignored)))
    return Error{shown + " is only a part of an ELF file: copy or build it again"};
  if (number<std::uint16_t>(read, kTypeAt) != kSharedObject)
    return Error{shown + " is an ELF file, but no shared object" + see};
  return true;
}

}  // namespace headrace::worker
