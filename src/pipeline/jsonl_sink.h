// JSON Lines in a file or on standard output, as they come or in the order of the inputs.
//
// Lines are handed to a ResultWriter many at a time. In order, a line waits in memory for those before
// it, within a window.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "pipeline/result_writer.h"
#include "pipeline/sink.h"
#include "sys/files.h"

namespace headrace::pipeline {

enum class Order : unsigned char { as_they_come, of_inputs };

class JsonlSink : public Sink {
 public:
  // `window`: how many items beyond the next line to be written may be answered already
  // (Order::of_inputs).
  JsonlSink(sys::RecordFile file, Order order, std::uint64_t window,
            ResultWriter::Settings settings = {})
      : writer_(std::move(file), settings), order_(order), window_(window) {}

  Status write(std::uint64_t index, std::string line) override;
  Status skip(std::uint64_t index) override { return write(index, {}); }
  bool accepts(std::uint64_t index) const override;
  Status flush() override;
  // Drops what lies beyond gaps (a run that was stopped has some), so that the file stays in order.
  bool settle() override;
  Status finish() override;
  int news_fd() const override { return writer_.fd(); }
  void news_heard() override { writer_.heard(); }

  // What keeps lines from their file, if something does.
  std::optional<ResultWriter::Trouble> trouble() const { return writer_.trouble(); }
  // Answers that it took and that are not known to be kept.
  std::uint64_t not_kept() const { return dropped_ + writer_.not_kept(); }

 private:
  void hand_over();
  void append(const std::string& line);

  ResultWriter writer_;
  Order order_;
  std::uint64_t window_;
  std::string pending_;  // whole lines
  std::uint64_t pending_lines_ = 0;
  std::uint64_t dropped_ = 0;  // lines beyond gaps
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::string> early_;  // lines that wait for those before them
};

}  // namespace headrace::pipeline
