// A moment to wait for, as a descriptor among others.
#pragma once

#include <chrono>

#include "sys/fd.h"

namespace headrace::sys {

// One thread. Throws std::system_error when the kernel has no timers left.
class Timer {
 public:
  Timer();
  // Readable from then on, however long ago it was; replaces an earlier moment.
  void set(std::chrono::steady_clock::time_point moment);
  // Readable no more, until it is set again.
  void silence();
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace headrace::sys
