// What a tuning tells people while it goes on: a line for each trial, and on a terminal one that is redrawn.
#pragma once

#include <chrono>
#include <string>

#include "cli/options.h"

namespace headrace::cli {

// Writes to standard error. Says nothing with ProgressStyle::none.
class Talk {
 public:
  explicit Talk(ProgressStyle style);
  bool is_bar() const { return style_ == ProgressStyle::bar; }
  // A line that stays.
  void say(const std::string& line);
  // Draws the line that is redrawn, at its own pace; only on a terminal.
  void live(const std::string& line, std::chrono::steady_clock::time_point now);
  // Wipes that one off.
  void clear();

 private:
  ProgressStyle style_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace headrace::cli
