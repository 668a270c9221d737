#include "worker/stream_threads.h"

namespace headrace::worker {

StreamThreads::StreamThreads(unsigned streams) {
  try {
    for (unsigned stream = 1; stream < streams; ++stream)
      threads_.emplace_back([this, stream] { live(stream); });
  } catch (...) {
    leave();  // those that were made would be waited for
    throw;
  }
}

StreamThreads::~StreamThreads() {
  leave();
}

void StreamThreads::leave() {
  const std::lock_guard lock(mutex_);
  leaving_ = true;
  begin_.notify_all();
}

void StreamThreads::run(const std::function<void(unsigned)>& work) {
  {
    const std::lock_guard lock(mutex_);
    ++round_;
    work_ = &work;
    working_ = threads_.size();
    begin_.notify_all();
  }
  work(0);
  std::unique_lock lock(mutex_);
  end_.wait(lock, [this] { return working_ == 0; });
}

void StreamThreads::live(unsigned stream) {
  // No signal is blocked: what an engine raises in a stream must end the process as anywhere else.
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    begin_.wait(lock, [&] { return leaving_ || round_ != seen; });
    if (leaving_) return;
    seen = round_;
    const auto& work = *work_;
    lock.unlock();
    work(stream);
    lock.lock();
    if (--working_ == 0) end_.notify_one();
  }
}

}  // namespace headrace::worker
