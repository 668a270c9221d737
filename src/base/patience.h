// How long to go on trying what failed for a reason that may pass.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace headrace {

// Pauses between tries: short at first, longer and longer, until the time is up.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Patience(std::chrono::milliseconds in_all) : in_all_(in_all) {}

  // After a failure: how long to wait before the next try; nothing when there shall be none. The time
  // runs from the first failure on.
  std::optional<std::chrono::milliseconds> pause(Clock::time_point now = Clock::now()) {
    if (!std::exchange(failing_, true)) until_ = now + in_all_;
    if (now >= until_) return std::nullopt;
    return std::exchange(next_, std::min(2 * next_, kLongest));
  }

 private:
  static constexpr std::chrono::milliseconds kFirst{20};
  static constexpr std::chrono::milliseconds kLongest{2'000};

  std::chrono::milliseconds in_all_;
  std::chrono::milliseconds next_ = kFirst;
  bool failing_ = false;
  Clock::time_point until_{};
};

// The first result of `attempt` that is no error which may pass; or the last error, once time is up.
// `alive` is called before each try: what comes after may hang.
template <class Attempt, class Alive>
auto patiently(std::chrono::milliseconds in_all, const Alive& alive, const Attempt& attempt) {
  for (Patience patience(in_all);;) {
    alive();
    auto result = attempt();
    if (result || !result.error().passing) return result;
    const auto pause = patience.pause();
    if (!pause) return result;
    std::this_thread::sleep_for(*pause);
  }
}
template <class Attempt>
auto patiently(std::chrono::milliseconds in_all, const Attempt& attempt) {
  return patiently(
      in_all, [] {}, attempt);
}

}  // namespace headrace
