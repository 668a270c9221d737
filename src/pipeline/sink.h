// Where answers go.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace headrace::pipeline {

// Used by the supervisor's one thread.
class Sink {
 public:
  virtual ~Sink() = default;
  // Takes the answer to item `index`: one whole line, its end included. May hold it back until
  // flush().
  virtual Status write(std::uint64_t index, std::string line) = 0;
  // Item `index` has its answer from an earlier run.
  virtual Status skip(std::uint64_t index) = 0;
  // Whether item `index` may be worked on already. A sink that keeps an order says no to what lies
  // too far ahead, so that what it holds back is bounded.
  virtual bool accepts(std::uint64_t index) const = 0;
  virtual Status flush() = 0;
  // No more answers come. Whether all of them are where they belong, or never will be; a sink that takes
  // its time over that is asked again, when news_fd() is readable at the latest.
  virtual bool settle() { return true; }
  // Nobody waits any longer. The error: not everything is where it belongs.
  virtual Status finish() = 0;
  // Readable when accepts(), flush() or settle() has something new to say; -1: they never have.
  virtual int news_fd() const { return -1; }
  // That was seen readable: quiet until there is news again.
  virtual void news_heard() {}
};

}  // namespace headrace::pipeline
