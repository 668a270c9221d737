// Files, folders and lists as a source.
//
// Reading folders and lists may block for long (a network share, a pipe), and the supervisor must
// not; so a thread reads ahead, by a bounded number of names, however many there are. A second one
// counts, for the sake of the time left, unless the names come through standard input and can be
// read but once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/source.h"
#include "sys/poller.h"

namespace headrace::pipeline {

class FileSource : public Source {
 public:
  // `count_ahead`: also find out the total early.
  FileSource(std::vector<std::string> arguments, bool count_ahead);
  ~FileSource() override;

  Pulled next(Input& input) override;
  int fd() const override { return news_.fd(); }
  void heard() override { news_.silence(); }
  std::optional<std::uint64_t> total() const override;
  std::optional<Error> trouble() const override;

 private:
  void read_ahead();
  void count();
  bool take(std::string name, std::optional<Input::Unfit> unfit);

  std::vector<std::string> arguments_;
  sys::Bell news_;  // for the supervisor
  sys::Bell stop_;  // for the threads
  std::atomic<bool> stopping_ = false;

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Input> ahead_;             // guarded by mutex_
  std::uint64_t read_ = 0;              // guarded by mutex_
  bool ended_ = false;                  // guarded by mutex_
  std::optional<Error> trouble_;        // guarded by mutex_
  std::optional<std::uint64_t> total_;  // guarded by mutex_

  std::deque<Input> taken_;  // the supervisor's own: names come over in lots, one lock for many
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace headrace::pipeline
