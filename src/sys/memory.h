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

#include "base/result.h"
#include "base/units.h"
#include "sys/fd.h"

namespace headrace::sys {

// A mapping of a sealed memfd. Move-only; unmaps at destruction. The memory itself lives as long as
// any process maps it or holds its descriptor.
class SharedMemory {
 public:
  SharedMemory() = default;
  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // Makes, reserves, seals and maps `size` bytes of zeros. `name` is what /proc/PID/maps shows.
  // The caller has compared `size` with what the memory cgroup has left: a cgroup past its limit
  // does not refuse, it kills.
  static Result<SharedMemory> create(std::string_view name, Bytes size);
  // Maps what another process made. Refuses a descriptor that is not a memfd sealed against
  // resizing, or that is smaller than `at_least`.
  static Result<SharedMemory> attach(Fd fd, Bytes at_least, bool writable = true);

  int fd() const { return fd_.get(); }
  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  SharedMemory(Fd fd, std::byte* data, std::size_t size);
  Fd fd_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// A sealed, immutable memfd that holds `text`; its descriptor is how a worker gets its
// instructions.
Result<Fd> sealed_text(std::string_view name, std::string_view text);
// All that such a descriptor holds, up to `limit`.
Result<std::string> read_sealed_text(int fd, Bytes limit);

}  // namespace headrace::sys
