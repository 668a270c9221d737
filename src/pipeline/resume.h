// What an earlier run has already answered, read from its results.
//
// Any death of that run may have left a torn last line; it counts for nothing and is cut off. So does
// everything from a line with a zero byte on: no result has one, and a file system that lost a write
// (the power went, or a network share) shows it as zeros. Zeros at the very beginning may be somebody
// else's: they are ours when there is nothing else, or results behind them.
// Inputs are known by name, not by place, so a folder that has got new files since is no trouble.
// An input that is listed twice is answered twice.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/files.h"

namespace headrace::pipeline {

class Answered {
 public:
  Answered() = default;
  // Reads a results file; blocks as long as that takes, and tries again for that long while errors may
  // pass; `alive` is called before each call to the file. The error names the line that is no result:
  // such a file is not ours to extend.
  static Result<Answered> read(
      const sys::RecordFile& file, std::chrono::milliseconds patience,
      const std::function<void()>& alive = [] {});

  // Whether `input`, as the source gives it, has an answer; uses up that answer.
  bool take(std::string_view input);
  std::uint64_t count() const { return hashes_.size(); }
  // Where the last whole line ends, in bytes.
  std::uint64_t whole_bytes() const { return whole_bytes_; }
  // What follows it: a line that was torn, or what was lost and all that comes after.
  std::uint64_t torn_bytes() const { return torn_bytes_; }
  // It is the latter.
  bool lost() const { return lost_; }

 private:
  // 8 bytes an answer: of a million inputs, two share a hash by chance once in 37 million runs.
  std::vector<std::uint64_t> hashes_;  // sorted
  std::vector<bool> used_;
  std::uint64_t whole_bytes_ = 0;
  std::uint64_t torn_bytes_ = 0;
  bool lost_ = false;
};

}  // namespace headrace::pipeline
