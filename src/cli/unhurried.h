// What a network share may take long for, or for ever, outside of the run's own loop.
//
// Done by the main thread it would leave the command deaf to SIGTERM. So another thread does it; one that
// hangs is left behind, and what it works on must be its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "sys/poller.h"
#include "sys/process.h"

namespace headrace::cli {

template <class T>
struct Unhurried {
  std::optional<T> value{};     // neither this
  std::optional<int> signal{};  // nor a signal: it has taken longer than `at_most`
};

// Waits for `work`, for a signal that ends commands if there are `signals` to listen to, or until `at_most`
// has passed; `slow` is called once when it takes longer than a moment.
template <class T>
Unhurried<T> unhurried(std::function<T()> work, sys::Signals* signals,
                       std::chrono::milliseconds at_most, const std::function<void()>& slow) {
  struct Desk {
    sys::Bell bell{};
    std::mutex mutex{};
    std::optional<T> value{};
  };
  const auto desk = std::make_shared<Desk>();
  std::thread([desk, work = std::move(work)] {
    T value = work();
    const std::lock_guard lock(desk->mutex);
    desk->value.emplace(std::move(value));
    desk->bell.ring();
  }).detach();
  sys::Poller poller;
  if (signals != nullptr) poller.watch(signals->fd(), 0);
  poller.watch(desk->bell.fd(), 1);
  const auto start = std::chrono::steady_clock::now();
  constexpr std::chrono::milliseconds kMoment{3'000};
  for (bool quick = true;;) {
    poller.wait(std::min(at_most, kMoment));
    {
      const std::lock_guard lock(desk->mutex);
      if (desk->value) return {.value = std::move(desk->value)};
    }
    while (const auto signal = signals != nullptr ? signals->next() : std::nullopt) {
      if (*signal != SIGCHLD) return {.signal = signal};
      sys::reap_orphans([](int) { return false; });
    }
    const auto taken = std::chrono::steady_clock::now() - start;
    if (taken >= at_most) return {};
    if (quick && taken >= kMoment) slow();
    quick = taken < kMoment;
  }
}

}  // namespace headrace::cli
