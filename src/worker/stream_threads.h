// Threads that work on several things at once, again and again.
//
// An engine keeps what belongs to a thread for as long as that lives, so a stream always has the same:
// they stay, and wait while there is nothing to do.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace headrace::worker {

// One thread a stream; that of stream 0 is the caller's own. Used from one thread.
class StreamThreads {
 public:
  explicit StreamThreads(unsigned streams);
  ~StreamThreads();
  StreamThreads(const StreamThreads&) = delete;
  StreamThreads& operator=(const StreamThreads&) = delete;

  // Calls work(stream) for every stream, all at once and each always on the same thread; returns when
  // all have returned. `work` must not throw.
  void run(const std::function<void(unsigned stream)>& work);

 private:
  void live(unsigned stream);
  void leave();

  std::mutex mutex_;
  std::condition_variable begin_, end_;
  std::uint64_t round_ = 0;
  const std::function<void(unsigned)>* work_ = nullptr;
  std::size_t working_ = 0;  // threads that have yet to return in this round, but the caller's
  bool leaving_ = false;
  std::vector<std::jthread> threads_;  // last, so that they end before what they use
};

}  // namespace headrace::worker
