// A moment to wait for, as a descriptor among others.
#pragma once

#include <chrono>
#include <string_view>

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

// From now on this process has so long. If it is still there then, wherever it waits (for a file, for a name to be
// resolved), it writes the start of `last_words` to standard output and ends with `code`. Once in a process.
void end_after(std::chrono::milliseconds patience, std::string_view last_words, int code);

}  // namespace headrace::sys
