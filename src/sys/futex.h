// Sleeping on a word of shared memory.
//
// Not std::atomic::wait: libstdc++ passes the process-private futex operations, which never meet
// across processes. These use the shared form, whose key is the page of the memfd, so the word may
// lie at different addresses in each process.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace headrace::sys {

// Sleeps while `word` holds `expected`, at most until `deadline`. Returns on a wake, on the
// deadline, on a signal, or for no reason: the caller re-checks its condition. True: it slept and was
// woken, and is among those that some futex_wake() counted.
bool futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::chrono::steady_clock::time_point deadline);
// Wakes at most `count` sleepers, in any process; how many there were.
int futex_wake(const std::atomic<std::uint32_t>& word, int count);

// Tells the processor that this is a loop which waits for another processor's store.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Lets somebody else run on this processor, if anybody would: the one we wait for may stand behind us.
void give_way();

}  // namespace headrace::sys
