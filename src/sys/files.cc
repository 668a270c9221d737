#include "sys/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "sys/error.h"

namespace headrace::sys {
namespace {

ReadError read_error(int number) {
  const bool absent = number == ENOENT || number == ENOTDIR || number == ENAMETOOLONG;
  return {absent ? ItemError::not_found : ItemError::unreadable, describe_errno(number),
          number == EMFILE || number == ENFILE};
}

const char* kind_word(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

std::string too_large(std::uint64_t size, Bytes limit) {
  return "the file has " + std::to_string(size) + " bytes, the cap is " +
         std::to_string(limit.value) + " (--max-bytes)";
}

// Writes all of `text`; returns 0 or an error number.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return EIO;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace

Result<Fd, ReadError> open_regular_file(const std::string& path, Bytes limit) {
  if (path.find('\0') != std::string::npos)
    return ReadError{ItemError::not_found, "its name holds a zero byte, which no file's does"};
  // O_NONBLOCK: opening a FIFO without a writer must not wait; regular files do not care.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return read_error(errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return read_error(errno);
  if (!S_ISREG(info.st_mode)) {
    return ReadError{ItemError::unreadable,
                     std::string("is ") + kind_word(info.st_mode) + ", not a regular file"};
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > limit.value) return ReadError{ItemError::too_large, too_large(size, limit)};
  return fd;
}

void will_need(int fd, Bytes bytes) {
  ::posix_fadvise(fd, 0, static_cast<off_t>(bytes.value), POSIX_FADV_WILLNEED);
}

Result<std::span<const std::byte>, ReadError> read_whole(int fd, Bytes limit,
                                                         std::vector<std::byte>& buffer) {
  // Not asked how large it is: it may grow or shrink while it is read.
  constexpr std::size_t kFirst = 64 << 10;
  std::size_t done = 0;
  for (;;) {
    if (done == buffer.size())
      buffer.resize(std::min(std::max(kFirst, buffer.size() * 2), std::size_t{limit.value} + 1));
    const ssize_t n =
        ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return read_error(errno);
    if (n == 0) return std::span<const std::byte>(buffer.data(), done);
    done += static_cast<std::size_t>(n);
    if (done > limit.value) return ReadError{ItemError::too_large, too_large(done, limit)};
  }
}

Result<std::span<const std::byte>, ReadError> read_regular_file(const std::string& path,
                                                                Bytes limit,
                                                                std::vector<std::byte>& buffer) {
  const auto fd = open_regular_file(path, limit);
  if (!fd) return fd.error();
  return read_whole(fd->get(), limit, buffer);
}

PathKind path_kind(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? PathKind::missing : PathKind::unreadable;
  }
  if (S_ISREG(info.st_mode)) return PathKind::regular;
  return S_ISDIR(info.st_mode) ? PathKind::folder : PathKind::other;
}

Result<FolderReader> FolderReader::open(const std::string& path) {
  DIR* stream = ::opendir(path.c_str());
  if (stream == nullptr) return Error{describe_errno(errno)};
  return FolderReader(stream);
}

FolderReader::FolderReader(FolderReader&& other) noexcept
    : stream_(std::exchange(other.stream_, nullptr)) {}

FolderReader::~FolderReader() {
  if (stream_ != nullptr) ::closedir(static_cast<DIR*>(stream_));
}

bool FolderReader::read(std::size_t count, std::vector<Entry>& entries) {
  auto* stream = static_cast<DIR*>(stream_);
  while (count > 0) {
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) return false;
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    bool folder = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat info {};
      folder = ::fstatat(::dirfd(stream), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISDIR(info.st_mode);
    }
    entries.push_back({std::string(name), folder});
    --count;
  }
  return true;
}

Result<RecordFile> RecordFile::open(const std::string& path, Mode mode) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644));
  // A pipe or a terminal by name need not be readable.
  if (!fd) fd.reset(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY));
  if (!fd) return system_error("cannot write " + path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error("cannot write " + path);
  if (!S_ISREG(info.st_mode)) return RecordFile(std::move(fd), path, false, 0);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return Error{path + " is being written by another run"};
  }
  if (mode == Mode::fresh && info.st_size > 0) {
    return Error{path + " already holds results: --resume goes on with it, --overwrite empties it"};
  }
  RecordFile file(std::move(fd), path, true, static_cast<std::uint64_t>(info.st_size));
  if (mode == Mode::overwrite) {
    if (Status cut = file.cut(0); !cut) return cut.error();
  }
  return file;
}

RecordFile RecordFile::standard_output() {
  return {Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)), "standard output", false, 0};
}

Status RecordFile::append(std::string_view records) {
  const int failed = write_all(fd_.get(), records);
  if (failed == 0) {
    size_ += records.size();
    return Ok{};
  }
  // A part of `records` may be there, and it may end inside a record.
  if (regular_) [[maybe_unused]]
    const int rc = ::ftruncate(fd_.get(), static_cast<off_t>(size_));
  return Error{"cannot write " + name_ + ": " + describe_errno(failed)};
}

Status RecordFile::finish() {
  if (regular_ && ::fdatasync(fd_.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    return system_error("cannot write " + name_);
  }
  return Ok{};
}

Status RecordFile::cut(std::uint64_t size) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
    return system_error("cannot shorten " + name_);
  }
  size_ = size;
  return Ok{};
}

Status replace_file(const std::string& path, std::string_view content) {
  const PathKind kind = path_kind(path);
  // A pipe or a device has no old content to keep whole, and must not be replaced.
  const bool stream = kind == PathKind::other;
  const std::string beside = stream ? path : path + ".new";
  {
    const Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) return system_error("cannot write " + path);
    if (const int failed = write_all(fd.get(), content); failed != 0) {
      if (!stream) ::unlink(beside.c_str());
      return Error{"cannot write " + path + ": " + describe_errno(failed)};
    }
  }
  if (!stream && ::rename(beside.c_str(), path.c_str()) != 0)
    return system_error("cannot write " + path);
  return Ok{};
}

Result<std::size_t> read_some(int fd, std::span<char> into) {
  for (;;) {
    const ssize_t n = ::read(fd, into.data(), into.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return Error{describe_errno(errno)};
  }
}

bool wait_readable(int fd, int stop) {
  std::array<pollfd, 2> both = {pollfd{.fd = stop, .events = POLLIN, .revents = 0},
                                pollfd{.fd = fd, .events = POLLIN, .revents = 0}};
  while (::poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
  }
  return both[0].revents == 0;
}

Result<Fd> open_for_reading(const std::string& path) {
  // O_NONBLOCK: a FIFO that nobody writes to yet must not hold us in open(), deaf to everything.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return system_error("cannot read " + path);
  return fd;
}

void ensure_standard_streams() {
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number, which is `fd`: those below it are open by now.
    [[maybe_unused]] const int got = ::open("/dev/null", O_RDWR);
  }
}

void print_to_standard_error() {
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

TerminalSize terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
  return {.columns = size.ws_col};
}

void write_text(int fd, std::string_view text) {
  write_all(fd, text);
}

bool write_if_room(int fd, std::string_view text) {
  // A pipe that can be written to takes so much at least, and more might wait.
  if (text.size() > PIPE_BUF) return false;
  pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
  if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
  write_all(fd, text);
  return true;
}

}  // namespace headrace::sys
