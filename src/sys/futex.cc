#include "sys/futex.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace headrace::sys {
namespace {

// The kernel compares and keys on the plain 32-bit word behind the atomic.
const std::uint32_t* plain(const std::atomic<std::uint32_t>& word) {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  return reinterpret_cast<const std::uint32_t*>(&word);
}

}  // namespace

bool futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::chrono::steady_clock::time_point deadline) {
  using namespace std::chrono;
  // steady_clock is CLOCK_MONOTONIC, which is what an absolute FUTEX_WAIT_BITSET counts in.
  const auto since = duration_cast<nanoseconds>(deadline.time_since_epoch()).count();
  const timespec until{.tv_sec = since / 1'000'000'000, .tv_nsec = since % 1'000'000'000};
  return ::syscall(SYS_futex, plain(word), FUTEX_WAIT_BITSET, expected, &until, nullptr,
                   FUTEX_BITSET_MATCH_ANY) == 0;
}

int futex_wake(const std::atomic<std::uint32_t>& word, int count) {
  const long woken = ::syscall(SYS_futex, plain(word), FUTEX_WAKE, count, nullptr, nullptr, 0);
  return woken > 0 ? static_cast<int>(woken) : 0;
}

void give_way() {
  ::sched_yield();
}

}  // namespace headrace::sys
