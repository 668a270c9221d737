#include "queue/eventcount.h"

#include <algorithm>
#include <climits>

#include "sys/futex.h"

namespace headrace::queue {
namespace {

constexpr std::chrono::milliseconds kLongestSleep{200};

constexpr std::uint32_t epoch_of(std::uint32_t waiters) {
  return waiters >> 16;
}
constexpr std::uint32_t count_of(std::uint32_t waiters) {
  return waiters & 0xFFFF;
}

// Nothing if they were forgotten since.
void take_off(EventFormat& event, std::uint32_t epoch, std::uint32_t count) {
  std::uint32_t now = event.waiters.load();
  while (count != 0 && epoch_of(now) == epoch && count_of(now) != 0) {
    if (event.waiters.compare_exchange_weak(now, now - std::min(count, count_of(now)))) return;
  }
}

}  // namespace

Waiting::Waiting(EventFormat& event) : event_(event) {
  // Again only if a recount came in between. Several in a row would be nonsense; then sleep()'s
  // limit has to do.
  for (int tries = 0; tries < 8; ++tries) {
    epoch_ = epoch_of(event_.waiters.fetch_add(1));
    sequence_ = event_.sequence.load();
    // The recount sets the epoch before it bumps the sequence. So with the old epoch still here, its
    // bump is yet to come, and will end our sleep.
    if (epoch_of(event_.waiters.load()) == epoch_) return;
  }
}

Waiting::~Waiting() {
  if (counted_) take_off(event_, epoch_, 1);
}

void Waiting::sleep(std::chrono::steady_clock::time_point deadline) {
  const auto longest = std::chrono::steady_clock::now() + kLongestSleep;
  const bool woken = sys::futex_wait(event_.sequence, sequence_, std::min(deadline, longest));
  if (woken) counted_ = false;  // its waker takes it off
}

bool waited_for(const EventFormat& event) {
  return count_of(event.waiters.load()) != 0;
}

void wake(EventFormat& event, std::uint32_t count) {
  if (count == 0) return;
  const std::uint32_t waiters = event.waiters.load();
  if (count_of(waiters) == 0) return;
  event.sequence.fetch_add(1);
  const int most = static_cast<int>(std::min(count, count_of(waiters)));
  take_off(event, epoch_of(waiters),
           static_cast<std::uint32_t>(sys::futex_wake(event.sequence, most)));
}

void wake_all(EventFormat& event) {
  const std::uint32_t epoch = epoch_of(event.waiters.load());
  event.sequence.fetch_add(1);
  take_off(event, epoch, static_cast<std::uint32_t>(sys::futex_wake(event.sequence, INT_MAX)));
}

void recount(EventFormat& event) {
  std::uint32_t now = event.waiters.load();
  // A failed swap means that somebody came or went; that is no reason to try for ever.
  for (int tries = 0; tries < 1000; ++tries) {
    if (event.waiters.compare_exchange_weak(now, (epoch_of(now) + 1) << 16)) break;
  }
  // Those whom this wakes were forgotten already: there is nobody to take off.
  event.sequence.fetch_add(1);
  sys::futex_wake(event.sequence, INT_MAX);
}

}  // namespace headrace::queue
