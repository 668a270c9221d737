// Memory that is kept from one picture to the next, so that a worker does not go to the allocator,
// and through it to the kernel for fresh pages, a few hundred times a second. It never keeps more
// than it is told to.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace headrace::image {

// What zimg asks of addresses and strides, with 64-byte vectors.
inline constexpr std::size_t kAlign = 64;
constexpr std::size_t aligned(std::size_t n) {
  return (n + kAlign - 1) / kAlign * kAlign;
}

// One block of memory, aligned to kAlign. The contents are lost whenever it grows.
class Buffer {
 public:
  // A block of at least `bytes` bytes, uninitialised, valid until the next call. Throws
  // std::bad_alloc.
  std::byte* at_least(std::size_t bytes);
  // Gives the block back if it is larger than `bytes`.
  void release_over(std::size_t bytes);

 private:
  struct Free {
    void operator()(std::byte* block) const {
      ::operator delete[](block, std::align_val_t{kAlign});
    }
  };
  std::unique_ptr<std::byte[], Free> block_;
  std::size_t size_ = 0;
};

}  // namespace headrace::image
