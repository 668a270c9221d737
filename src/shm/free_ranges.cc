#include "shm/free_ranges.h"

#include <algorithm>
#include <iterator>

namespace headrace::shm {
namespace {

std::uint64_t aligned(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

}  // namespace

FreeRanges::FreeRanges(std::uint64_t bytes) : total_(bytes) {
  if (bytes > 0) ranges_.emplace(0, bytes);
}

std::optional<std::uint64_t> FreeRanges::take(std::uint64_t bytes, std::uint64_t alignment) {
  auto best = ranges_.end();
  for (auto it = ranges_.begin(); it != ranges_.end(); ++it) {
    const std::uint64_t lost = aligned(it->first, alignment) - it->first;
    const bool fits = it->second >= lost && it->second - lost >= bytes;
    if (fits && (best == ranges_.end() || it->second < best->second)) best = it;
  }
  if (best == ranges_.end()) return std::nullopt;
  const auto [from, length] = *best;
  const std::uint64_t start = aligned(from, alignment);
  const std::uint64_t rest = from + length - (start + bytes);
  ranges_.erase(best);
  if (start > from) ranges_.emplace(from, start - from);
  if (rest > 0) ranges_.emplace(start + bytes, rest);
  total_ -= bytes;
  return start;
}

bool FreeRanges::take_at(std::uint64_t offset, std::uint64_t bytes) {
  auto after = ranges_.upper_bound(offset);
  if (after == ranges_.begin()) return false;
  const auto range = std::prev(after);
  const auto [from, length] = *range;
  const std::uint64_t before = offset - from;
  if (before > length || length - before < bytes) return false;
  ranges_.erase(range);
  if (before > 0) ranges_.emplace(from, before);
  if (length > before + bytes) ranges_.emplace(offset + bytes, length - before - bytes);
  total_ -= bytes;
  return true;
}

void FreeRanges::give_back(std::uint64_t offset, std::uint64_t bytes) {
  total_ += bytes;
  auto next = ranges_.lower_bound(offset);
  if (next != ranges_.end() && next->first == offset + bytes) {
    bytes += next->second;
    next = ranges_.erase(next);
  }
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      before->second += bytes;
      return;
    }
  }
  ranges_.emplace(offset, bytes);
}

std::uint64_t FreeRanges::largest() const {
  std::uint64_t most = 0;
  for (const auto& [offset, bytes] : ranges_) most = std::max(most, bytes);
  return most;
}

}  // namespace headrace::shm
