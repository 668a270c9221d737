// Memory that several processes see.
//
// Only memfd: a name in /dev/shm would meet a 64 MB file system in most containers, and would
// outlive a SIGKILL of everybody. The pages are reserved when the memory is made, so that running
// out is an error here and not SIGBUS at some later store; the file is sealed against resizing, so
// that no peer can pull it away.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/units.h"
#include "sys/fd.h"

namespace headrace::sys {

// Makes a memfd of `size` bytes of zeros, reserved and sealed; nothing is mapped yet. `name` is what
// /proc/PID/maps shows. The caller has compared `size` with what the memory cgroup has left: a
// cgroup past its limit does not refuse, it kills.
Result<Fd> sealed_memory(std::string_view name, Bytes size);
// The size of such a memfd. Refuses a descriptor that is not sealed against resizing.
Result<Bytes> sealed_size(int fd);

enum class Access : unsigned char { read, write };

// A mapped part of a memfd. Move-only; unmaps at destruction. The memory itself lives as long as
// any process maps it or holds its descriptor.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // Maps [offset, offset + size); `offset` is a multiple of 64 KiB, which is one of every page size.
  // With `populate` all pages are entered into the page table at once, so that no first touch is
  // slow. A mapping to read is made from a descriptor reopened for reading alone, where that is
  // possible, so that mprotect cannot turn it into one to write.
  static Result<Mapping> of(int fd, Bytes offset, Bytes size, Access access, bool populate = false);

  std::span<std::byte> bytes() const { return {data_, size_}; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  Mapping(std::byte* data, std::size_t size) : data_(data), size_(size) {}
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// A sealed memfd together with a mapping of the whole of it. Move-only.
class SharedMemory {
 public:
  SharedMemory() = default;

  // Makes, reserves, seals and maps `size` bytes of zeros, as sealed_memory() says.
  static Result<SharedMemory> create(std::string_view name, Bytes size);
  // Maps what another process made. Refuses a descriptor that is not a memfd sealed against
  // resizing, or that is smaller than `at_least`.
  static Result<SharedMemory> attach(Fd fd, Bytes at_least, bool writable = true);

  int fd() const { return fd_.get(); }
  std::span<std::byte> bytes() const { return mapping_.bytes(); }

 private:
  SharedMemory(Fd fd, Mapping mapping) : fd_(std::move(fd)), mapping_(std::move(mapping)) {}
  Fd fd_;
  Mapping mapping_;
};

// A sealed, immutable memfd that holds `text`; its descriptor is how a worker gets its
// instructions.
Result<Fd> sealed_text(std::string_view name, std::string_view text);
// All that such a descriptor holds, up to `limit`.
Result<std::string> read_sealed_text(int fd, Bytes limit);
// What process `pid` holds by that name, of those that sealed_text() made. An error: it holds none, or this process may
// not look at its descriptors: those of another user are none of its business.
Result<std::string> sealed_text_of(int pid, std::string_view name, Bytes limit);

}  // namespace headrace::sys
