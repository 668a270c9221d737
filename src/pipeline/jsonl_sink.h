// JSON Lines in a file or on standard output, as they come or in the order of the inputs.
//
// Lines are written many at a time, each whole or absent: on a full disk the file is cut back to
// its last whole line. In order, a line waits in memory for those before it, within a window.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "pipeline/sink.h"
#include "sys/files.h"

namespace headrace::pipeline {

enum class Order : unsigned char { as_they_come, of_inputs };

class JsonlSink : public Sink {
 public:
  // `window`: how many items beyond the next line to be written may be answered already
  // (Order::of_inputs).
  JsonlSink(sys::RecordFile file, Order order, std::uint64_t window)
      : file_(std::move(file)), order_(order), window_(window) {}

  Status write(std::uint64_t index, std::string line) override;
  Status skip(std::uint64_t index) override { return write(index, {}); }
  bool accepts(std::uint64_t index) const override;
  Status flush() override;
  // Writes what is left, also beyond gaps (a run that was stopped has some), and reports late
  // errors.
  Status finish() override;

 private:
  sys::RecordFile file_;
  Order order_;
  std::uint64_t window_;
  std::string pending_;  // whole lines
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::string> early_;  // lines that wait for those before them
};

}  // namespace headrace::pipeline
