// Files, folders and lists as a source.
//
// Reading folders and lists may block for long (a network share, a pipe), and the supervisor must
// not; so a thread reads ahead, by a bounded number of names, however many there are. A second one
// counts, for the sake of the time left, unless the names come through standard input and can be
// read but once.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/source.h"

namespace headrace::pipeline {

class FileSource : public Source {
 public:
  // `count_ahead`: also find out the total early. `patience`: how long errors that may pass are tried
  // again.
  FileSource(std::vector<std::string> arguments, bool count_ahead,
             std::chrono::milliseconds patience = std::chrono::minutes(5));
  // Waits for nobody: a thread that hangs in a folder is left behind, and touches nothing of ours any more.
  ~FileSource() override;

  Pulled next(Input& input) override;
  int fd() const override;
  void heard() override;
  std::optional<std::uint64_t> total() const override;
  std::optional<Error> trouble() const override;
  // Since when it has waited for the next name; nothing while there are names, or no more.
  std::optional<std::chrono::steady_clock::time_point> waiting_since() const;

 private:
  struct Desk;
  std::shared_ptr<Desk> desk_;  // shared with the threads
  std::deque<Input> taken_;     // the supervisor's own: names come over in lots, one lock for many
};

}  // namespace headrace::pipeline
