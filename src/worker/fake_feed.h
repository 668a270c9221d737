// A feed without a mailbox, for tests of bodies that work in streams.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <vector>

#include "worker/body.h"

namespace headrace::worker {

// Hands out the items of a list.
class ListFeed : public Feed {
 public:
  explicit ListFeed(std::vector<Item>& items) : items_(items) {}
  bool take(Portion& portion, std::size_t most) override {
    const std::lock_guard lock(mutex_);
    const std::size_t count = std::min(most, items_.size() - next_);
    portion.position = static_cast<std::uint32_t>(next_);
    const auto from = items_.begin() + static_cast<std::ptrdiff_t>(next_);
    portion.items.assign(from, from + static_cast<std::ptrdiff_t>(count));
    next_ += count;
    return count > 0;
  }
  void give_back(const Portion& portion) override {
    const std::lock_guard lock(mutex_);
    std::copy(portion.items.begin(), portion.items.end(),
              items_.begin() + static_cast<std::ptrdiff_t>(portion.position));
  }

 private:
  std::mutex mutex_;
  std::vector<Item>& items_;
  std::size_t next_ = 0;
};

}  // namespace headrace::worker
