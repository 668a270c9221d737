// Which ranges of a segment's data are free. Private memory of one process, no shared state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace headrace::array {

// Not thread-safe.
class FreeRanges {
 public:
  explicit FreeRanges(std::uint64_t bytes);

  // Takes `bytes` at a multiple of `alignment` out of the smallest free range that has room.
  std::optional<std::uint64_t> take(std::uint64_t bytes, std::uint64_t alignment);
  // Gives back what take() returned; joined with its free neighbours.
  void give_back(std::uint64_t offset, std::uint64_t bytes);

  std::uint64_t total() const { return total_; }  // of all free ranges
  std::size_t count() const { return ranges_.size(); }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // offset -> bytes; never touching each other
  std::uint64_t total_ = 0;
};

}  // namespace headrace::array
