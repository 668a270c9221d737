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
#include <string>
#include <thread>
#include <utility>

#include "sys/error.h"

namespace headrace::sys {
namespace {

using namespace std::chrono_literals;

// Of a small file that is replaced.
constexpr auto kReplacing = 5s;
constexpr auto kReplacingStep = 200ms;

ReadError read_error(int number) {
  const bool absent = number == ENOENT || number == ENOTDIR || number == ENAMETOOLONG;
  return {absent ? ItemError::not_found : ItemError::unreadable, describe_errno(number),
          number == EMFILE || number == ENFILE || may_pass(number)};
}

FileError file_error(int number) {
  return {describe_errno(number), may_pass(number)};
}

PathKind kind_of(const struct stat& info) {
  if (S_ISREG(info.st_mode)) return PathKind::regular;
  return S_ISDIR(info.st_mode) ? PathKind::folder : PathKind::other;
}

PathKind kind_without_info(int number) {
  if (number == ENOENT || number == ENOTDIR) return PathKind::missing;
  return may_pass(number) ? PathKind::away : PathKind::unreadable;
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

// 0 or an error number; a file system that cannot sync has nothing to say.
int sync_data(int fd) {
  int rc = 0;
  do {
    rc = ::fdatasync(fd);
  } while (rc != 0 && errno == EINTR);
  return rc == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS ? 0 : errno;
}

// The descriptor is gone either way.
int close_well(Fd fd) {
  return ::close(fd.release()) == 0 || errno == EINTR ? 0 : errno;
}

// Until a stream takes more: it may be somebody else's, and not waiting.
void wait_writable(int fd) {
  pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
  ::poll(&room, 1, -1);
}

}  // namespace

bool may_pass(int error_number) {
  switch (error_number) {
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case EIO:
    case ENOBUFS:
    case ENOMEM:
    case ECONNABORTED:
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
    case ENOLINK:
    case ENOTCONN:  // of a FUSE file system whose program died
    case EREMOTEIO:
    case ESHUTDOWN:
    case ESTALE:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

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
  return ::stat(path.c_str(), &info) == 0 ? kind_of(info) : kind_without_info(errno);
}

PathKind entry_kind(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? kind_of(info) : kind_without_info(errno);
}

Result<FolderReader, FileError> FolderReader::open(const std::string& path) {
  DIR* stream = ::opendir(path.c_str());
  if (stream == nullptr) return file_error(errno);
  return FolderReader(stream);
}

FolderReader::FolderReader(FolderReader&& other) noexcept
    : stream_(std::exchange(other.stream_, nullptr)) {}

FolderReader::~FolderReader() {
  if (stream_ != nullptr) ::closedir(static_cast<DIR*>(stream_));
}

Result<bool, FileError> FolderReader::read(std::size_t count, std::vector<Entry>& entries) {
  auto* stream = static_cast<DIR*>(stream_);
  while (count > 0) {
    errno = 0;  // the end and an error look the same otherwise
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) {
      if (errno != 0) return file_error(errno);
      return false;
    }
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    std::optional<bool> folder;
    if (entry->d_type != DT_UNKNOWN) folder = entry->d_type == DT_DIR;
    entries.push_back({std::string(name), folder});
    --count;
  }
  return true;
}

Result<RecordFile, FileError> RecordFile::open(const std::string& path, Mode mode) {
  const auto wrong = [&](int number) {
    return FileError{"cannot write " + path + ": " + describe_errno(number), may_pass(number)};
  };
  struct stat info {};
  // Of a FIFO we must not be a reader, or its last reader could leave unnoticed.
  if (::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode)) return open_fifo(path);
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644));
  // A terminal by name need not be readable.
  if (!fd && errno == EACCES) {
    fd.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return wrong(EACCES);
  }
  if (!fd || ::fstat(fd.get(), &info) != 0) return wrong(errno);
  if (!S_ISREG(info.st_mode)) return RecordFile(std::move(fd), path, false, 0);
  RecordFile file(std::move(fd), path, true, 0);
  if (auto locked = file.lock(); !locked) return locked.error();
  // Now that nobody else writes to it.
  if (::fstat(file.fd_.get(), &info) != 0) return wrong(errno);
  file.synced_ = file.reached_ = static_cast<std::uint64_t>(info.st_size);
  file.had_name_ = info.st_nlink > 0;
  if (mode == Mode::fresh && info.st_size > 0) {
    return FileError{path +
                     " already holds results: --resume goes on with it, --overwrite empties it"};
  }
  if (mode == Mode::overwrite) {
    if (auto cut = file.cut(0); !cut) return cut.error();
  }
  return file;
}

RecordFile RecordFile::standard_output() {
  return {Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)), "standard output", false, 0};
}

Result<RecordFile, FileError> RecordFile::open_fifo(const std::string& path) {
  // Without O_NONBLOCK it would wait here for a reader; a write to it that has no room says EAGAIN.
  Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (fd) return RecordFile(std::move(fd), path, false, 0);
  return FileError{"cannot write " + path + ": " +
                       (errno == ENXIO ? "nobody reads it yet" : describe_errno(errno)),
                   false, errno == ENXIO ? FileError::Awaits::reader : FileError::Awaits::nothing};
}

// Takes the lock where there are locks. EACCES is what SMB says of one that somebody else has.
Result<Ok, FileError> RecordFile::lock() {
  locked_ = ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0;
  if (locked_) return Ok{};
  if (errno == EWOULDBLOCK || errno == EACCES) {
    return FileError{
        name_ + " is being written by another run" +
            (errno == EACCES ? ", or its share allows no locks (SMB: mount it with nobrl)" : ""),
        false, FileError::Awaits::lock};
  }
  if (may_pass(errno))
    return FileError{"cannot lock " + name_ + ": " + describe_errno(errno), true};
  return Ok{};
}

Result<Ok, FileError> RecordFile::failure(int number) const {
  // What a stream took in part cannot be written again.
  return FileError{"cannot write " + name_ + ": " + describe_errno(number),
                   regular_ && may_pass(number)};
}

Result<std::size_t, FileError> RecordFile::read(std::uint64_t at, std::span<char> into) const {
  for (;;) {
    const ssize_t n = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(at));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR)
      return FileError{"cannot read " + name_ + ": " + describe_errno(errno), may_pass(errno)};
  }
}

Result<Ok, FileError> RecordFile::cut(std::uint64_t size) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
    return FileError{"cannot shorten " + name_ + ": " + describe_errno(errno), may_pass(errno)};
  }
  synced_ = reached_ = size;
  return Ok{};
}

void RecordFile::take(std::string_view records) {
  held_ += records;
}

// Whether the file is as long as this run alone can have made it, and has `least` bytes.
Result<Ok, FileError> RecordFile::check_size(std::uint64_t least) {
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return failure(errno);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  shared_ = shared_ || size > reached_ || size < least;
  if (!shared_) return Ok{};
  return FileError{"somebody else writes to " + name_ + ", or shortened it: it has " +
                   std::to_string(size) + " bytes instead of " + std::to_string(reached_) +
                   "; two runs must not have one --out"};
}

Result<Ok, FileError> RecordFile::write(const std::atomic<bool>* abandoned) {
  auto done = write_on(abandoned);
  // On NFS the error may be that of an earlier write, and the next sync will not tell it again.
  if (!done && regular_) written_ = 0;
  return done;
}

Result<Ok, FileError> RecordFile::write_on(const std::atomic<bool>* abandoned) {
  if (written_ == held_.size()) return Ok{};
  if (regular_) {
    if (auto alone = check_size(synced_); !alone) return alone;
    reached_ = std::max(reached_, synced_ + held_.size());
  }
  while (written_ < held_.size()) {
    // The calls before may have hung, and another run may have taken over.
    if (abandoned != nullptr && *abandoned)
      return FileError{"cannot write " + name_ + ": it did not answer in time"};
    const char* from = held_.data() + written_;
    const std::size_t size = held_.size() - written_;
    const ssize_t n = regular_
                          ? ::pwrite(fd_.get(), from, size, static_cast<off_t>(synced_ + written_))
                          : ::write(fd_.get(), from, size);
    if (n > 0) {
      written_ += static_cast<std::size_t>(n);
    } else if (n < 0 && errno == EAGAIN && !regular_) {
      wait_writable(fd_.get());
    } else if (n == 0 || errno != EINTR) {
      return failure(n == 0 ? EIO : errno);
    }
  }
  return Ok{};
}

Result<Ok, FileError> RecordFile::sync() {
  // A stream may be a file too, that somebody else opened. Then there is nothing but to say so.
  if (const int wrong = sync_data(fd_.get()); wrong != 0) {
    written_ = 0;
    return failure(wrong);
  }
  // A write may have hung, and gone on over the lines of a run that took over.
  if (regular_) {
    if (auto alone = check_size(synced_ + written_); !alone) {
      written_ = 0;
      return alone;
    }
  }
  synced_ += written_;
  synced_records_ += static_cast<std::uint64_t>(
      std::count(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(written_), '\n'));
  held_.erase(0, written_);
  written_ = 0;
  return Ok{};
}

Result<Ok, FileError> RecordFile::reopen() {
  if (!regular_ || shared_) return Ok{};
  written_ = 0;
  if (Fd anew(::open(name_.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY)); anew) {
    struct stat info {};
    // Not another one by the same name, nor one that is not all back yet.
    if (::fstat(anew.get(), &info) == 0 && S_ISREG(info.st_mode) &&
        static_cast<std::uint64_t>(info.st_size) >= synced_) {
      lock_lost_ = lock_lost_ || locked_;
      fd_ = std::move(anew);  // and with the old one goes its lock
    }
  }
  if (!lock_lost_) return Ok{};
  // Whoever has it may have written: the size tells.
  if (auto locked = lock(); !locked) {
    if (locked.error().awaits == FileError::Awaits::nothing) return locked;
    return FileError{
        "cannot write " + name_ + ": its lock is held, perhaps by this run's lost connection",
        true};
  }
  lock_lost_ = false;
  return Ok{};
}

Result<Ok, FileError> RecordFile::close() {
  if (!fd_) return Ok{};
  Result<Ok, FileError> done = Ok{};
  struct stat info {};
  if (regular_ && ::fstat(fd_.get(), &info) == 0) {
    done = check_size(reached_);
    if (info.st_nlink == 0 && had_name_)
      done = FileError{name_ + " was removed while it was written, and its results with it"};
  }
  if (const int wrong = close_well(std::move(fd_)); wrong != 0 && done) {
    done = FileError{"cannot write " + name_ + ": closing it failed: " + describe_errno(wrong) +
                     "; its lines may be missing, --resume does again what is"};
  }
  if (!done) synced_records_ = 0;
  return done;
}

void RecordFile::give_up(const std::atomic<bool>* abandoned) {
  if (!regular_ || !fd_ || lock_lost_ || !check_size(synced_)) return;
  // Once more from the start, since the error may have been that of an earlier write.
  written_ = 0;
  [[maybe_unused]] const auto as_far_as_it_goes = write_on(abandoned);
  const std::size_t end = std::string_view(held_).substr(0, written_).rfind('\n');
  const std::size_t whole = end == std::string_view::npos ? 0 : end + 1;
  held_.resize(whole);
  written_ = whole;
  const auto cut_to = [&](std::uint64_t size) {
    if (abandoned != nullptr && *abandoned) return false;
    return ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0;
  };
  if (cut_to(synced_ + whole)) {
    reached_ = synced_ + whole;
    if (sync()) return;
  }
  held_.clear();
  if (!shared_) cut_to(synced_);
}

namespace {

// One try of replace_file(); 0 or an error number.
int replace_once(const std::string& path, const std::string& beside, std::string_view content) {
  Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return errno;
  int wrong = write_all(fd.get(), content);
  if (wrong == 0) wrong = sync_data(fd.get());
  if (const int late = close_well(std::move(fd)); wrong == 0) wrong = late;
  const bool stream = beside == path;
  if (wrong == 0 && !stream && ::rename(beside.c_str(), path.c_str()) != 0) wrong = errno;
  if (wrong != 0 && !stream) ::unlink(beside.c_str());
  return wrong;
}

}  // namespace

Status replace_file(const std::string& path, std::string_view content) {
  const auto until = std::chrono::steady_clock::now() + kReplacing;
  for (;;) {
    const PathKind kind = path_kind(path);
    // A pipe or a device has no old content to keep whole, and must not be replaced.
    const bool stream = kind == PathKind::other;
    const int wrong = replace_once(path, stream ? path : path + ".new", content);
    if (wrong == 0) return Ok{};
    if (stream || !may_pass(wrong) || std::chrono::steady_clock::now() > until)
      return Error{"cannot write " + path + ": " + describe_errno(wrong)};
    std::this_thread::sleep_for(kReplacingStep);
  }
}

Result<std::size_t, FileError> read_some(int fd, std::span<char> into) {
  for (;;) {
    const ssize_t n = ::read(fd, into.data(), into.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return file_error(errno);
  }
}

bool wait_readable(int fd, int stop) {
  std::array<pollfd, 2> both = {pollfd{.fd = stop, .events = POLLIN, .revents = 0},
                                pollfd{.fd = fd, .events = POLLIN, .revents = 0}};
  while (::poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
  }
  return both[0].revents == 0;
}

bool wait_out(std::chrono::milliseconds time, int stop) {
  pollfd stopped{.fd = stop, .events = POLLIN, .revents = 0};
  // An interruption ends it early, which is no harm.
  return ::poll(&stopped, 1, static_cast<int>(time.count())) <= 0;
}

Result<Fd, FileError> open_for_reading(const std::string& path) {
  // O_NONBLOCK: a FIFO that nobody writes to yet must not hold us in open(), deaf to everything.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return FileError{"cannot read " + path + ": " + describe_errno(errno), may_pass(errno)};
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
