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
  virtual Status finish() = 0;
};

}  // namespace headrace::pipeline
