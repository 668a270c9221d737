// When to start a dead worker again, and when to stop trying.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace headrace::supervisor {

// Counts deaths that no item is charged with, and no finished item in between, over all workers. A
// worker that dies now and then, with work done meanwhile, is started again at once and for ever;
// one that only dies is started ever more slowly, and given up in the end.
class DeathTally {
 public:
  explicit DeathTally(std::uint32_t limit) : limit_(limit) {}

  void progress() { deaths_ = 0; }
  void death() { ++deaths_; }
  std::uint32_t deaths() const { return deaths_; }
  bool hopeless() const { return deaths_ >= limit_; }
  // How long to wait before the next start: 0 for the first death, then 50 ms doubling up to 5 s.
  std::chrono::milliseconds back_off() const {
    if (deaths_ <= 1) return std::chrono::milliseconds(0);
    const std::uint32_t doublings = std::min(deaths_ - 2, 10U);
    return std::min(std::chrono::milliseconds(50U << doublings), std::chrono::milliseconds(5000));
  }

 private:
  std::uint32_t limit_;
  std::uint32_t deaths_ = 0;
};

}  // namespace headrace::supervisor
