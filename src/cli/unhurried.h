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
  std::optional<T> value{};     // neither this (both, if it was nearly done)
  std::optional<int> signal{};  // nor a signal: it was silent for longer than `at_most`
};

// What work calls before each step that may hang: it goes on.
using Alive = std::function<void()>;

// Waits for `work`, for a signal that ends commands if there are `signals` to listen to, or until `at_most`
// has passed since its last sign of life; `slow` is called once when it takes longer than a moment.
template <class T>
Unhurried<T> unhurried(std::function<T(const Alive&)> work, sys::Signals* signals,
                       std::chrono::milliseconds at_most, const std::function<void()>& slow) {
  using Steady = std::chrono::steady_clock;
  struct Desk {
    sys::Bell bell{};
    std::mutex mutex{};
    std::optional<T> value{};
    Steady::time_point alive = Steady::now();
  };
  const auto desk = std::make_shared<Desk>();
  std::thread([desk, work = std::move(work)] {
    T value = work([desk] {
      const std::lock_guard lock(desk->mutex);
      desk->alive = Steady::now();
    });
    const std::lock_guard lock(desk->mutex);
    desk->value.emplace(std::move(value));
    desk->bell.ring();
  }).detach();
  sys::Poller poller;
  if (signals != nullptr) poller.watch(signals->fd(), 0);
  poller.watch(desk->bell.fd(), 1);
  const auto start = Steady::now();
  constexpr std::chrono::milliseconds kMoment{3'000};
  constexpr std::chrono::milliseconds kGrace{500};
  std::chrono::milliseconds left = at_most;
  for (bool quick = true;;) {
    poller.wait(std::min(left, kMoment));
    {
      const std::lock_guard lock(desk->mutex);
      if (desk->value) return {.value = std::move(desk->value)};
      left = std::chrono::ceil<std::chrono::milliseconds>(at_most - (Steady::now() - desk->alive));
    }
    while (const auto signal = signals != nullptr ? signals->next() : std::nullopt) {
      if (*signal != SIGCHLD) {
        // What is nearly done is better whole: the summary that says how it ended.
        sys::Poller done;
        done.watch(desk->bell.fd(), 0);
        done.wait(kGrace);
        const std::lock_guard lock(desk->mutex);
        return {.value = std::move(desk->value), .signal = signal};
      }
      sys::reap_orphans([](int) { return false; });
    }
    if (left <= std::chrono::milliseconds(0)) return {};
    const auto taken = Steady::now() - start;
    if (quick && taken >= kMoment) slow();
    quick = taken < kMoment;
  }
}

}  // namespace headrace::cli
