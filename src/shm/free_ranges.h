// Which ranges of a shared memory are free. Private memory of the one process that hands them out, no
// shared state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace headrace::shm {

// Not thread-safe.
class FreeRanges {
 public:
  explicit FreeRanges(std::uint64_t bytes);

  // Takes `bytes` at a multiple of `alignment` out of the smallest free range that has room.
  std::optional<std::uint64_t> take(std::uint64_t bytes, std::uint64_t alignment);
  // Takes exactly these bytes, if all of them are free.
  bool take_at(std::uint64_t offset, std::uint64_t bytes);
  // Gives back what was taken, or a part of it; joined with its free neighbours.
  void give_back(std::uint64_t offset, std::uint64_t bytes);

  std::uint64_t total() const { return total_; }  // of all free ranges
  std::uint64_t largest() const;                  // of one free range
  std::size_t count() const { return ranges_.size(); }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // offset -> bytes; never touching each other
  std::uint64_t total_ = 0;
};

}  // namespace headrace::shm
