#include "sys/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "sys/error.h"

namespace headrace::sys {
namespace {

constexpr int kNoResize = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
// Reserved in steps, so that a kill by the memory cgroup, if it comes, comes before much is taken.
constexpr off_t kReserveStep = 64 << 20;

Status reserve(int fd, off_t size) {
  for (off_t at = 0; at < size; at += kReserveStep) {
    const off_t length = std::min(kReserveStep, size - at);
    int rc = 0;
    do {
      rc = ::fallocate(fd, 0, at, length);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) return system_error("cannot reserve shared memory");
  }
  return Ok{};
}

}  // namespace

Result<Fd> sealed_memory(std::string_view name, Bytes size) {
  Fd fd(::memfd_create(std::string(name).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return system_error("cannot make shared memory (memfd_create)");
  const auto length = static_cast<off_t>(size.value);
  if (::ftruncate(fd.get(), length) != 0) return system_error("cannot size shared memory");
  if (Status reserved = reserve(fd.get(), length); !reserved) return reserved.error();
  if (::fcntl(fd.get(), F_ADD_SEALS, kNoResize) != 0) return system_error("cannot seal memory");
  return fd;
}

Result<Bytes> sealed_size(int fd) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kNoResize) != kNoResize) {
    return Error{"the shared memory handed over is not sealed against resizing"};
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0) return system_error("cannot look at shared memory");
  return Bytes{static_cast<std::uint64_t>(info.st_size)};
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Result<Mapping> Mapping::of(int fd, Bytes offset, Bytes size, Access access, bool populate) {
  int protection = PROT_READ;
  Fd reopened;
  if (access == Access::write) {
    protection |= PROT_WRITE;
  } else {
    const std::string self = "/proc/self/fd/" + std::to_string(fd);
    reopened.reset(::open(self.c_str(), O_RDONLY | O_CLOEXEC));  // without /proc: the one we have
  }
  void* at = ::mmap(nullptr, size.value, protection, MAP_SHARED | (populate ? MAP_POPULATE : 0),
                    reopened ? reopened.get() : fd, static_cast<off_t>(offset.value));
  if (at == MAP_FAILED) return system_error("cannot map shared memory");
  return Mapping(static_cast<std::byte*>(at), size.value);
}

Result<SharedMemory> SharedMemory::create(std::string_view name, Bytes size) {
  Result<Fd> fd = sealed_memory(name, size);
  if (!fd) return fd.error();
  Result<Mapping> mapping = Mapping::of(fd->get(), Bytes{0}, size, Access::write);
  if (!mapping) return mapping.error();
  return SharedMemory(std::move(*fd), std::move(*mapping));
}

Result<SharedMemory> SharedMemory::attach(Fd fd, Bytes at_least, bool writable) {
  const Result<Bytes> size = sealed_size(fd.get());
  if (!size) return size.error();
  if (*size < at_least) return Error{"the shared memory handed over is too small"};
  Result<Mapping> mapping =
      Mapping::of(fd.get(), Bytes{0}, *size, writable ? Access::write : Access::read);
  if (!mapping) return mapping.error();
  return SharedMemory(std::move(fd), std::move(*mapping));
}

Result<Fd> sealed_text(std::string_view name, std::string_view text) {
  Fd fd(::memfd_create(std::string(name).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return system_error("cannot make a memfd");
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno != EINTR) return system_error("cannot fill a memfd");
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, kNoResize | F_SEAL_WRITE) != 0) {
    return system_error("cannot seal a memfd");
  }
  return fd;
}

Result<std::string> read_sealed_text(int fd, Bytes limit) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return system_error("cannot look at the worker's instructions");
  if (static_cast<std::uint64_t>(info.st_size) > limit.value) return Error{"text is too large"};
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error("cannot read the worker's instructions");
    done += static_cast<std::size_t>(n);
  }
  return text;
}

Result<std::string> sealed_text_of(int pid, std::string_view name, Bytes limit) {
  namespace fs = std::filesystem;
  const std::string wanted = "/memfd:" + std::string(name) + " (deleted)";
  std::error_code wrong;
  for (fs::directory_iterator at("/proc/" + std::to_string(pid) + "/fd", wrong), end;
       !wrong && at != end; at.increment(wrong)) {
    std::error_code closed;  // meanwhile
    if (fs::read_symlink(at->path(), closed) != wanted) continue;
    const Fd fd(::open(at->path().c_str(), O_RDONLY | O_CLOEXEC));
    const int seals = fd ? ::fcntl(fd.get(), F_GET_SEALS) : -1;
    if (seals >= 0 && (seals & F_SEAL_WRITE) != 0) return read_sealed_text(fd.get(), limit);
  }
  return Error{wrong ? wrong.message() : "it holds no text of that name"};
}

}  // namespace headrace::sys
