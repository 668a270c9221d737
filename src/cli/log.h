// The program's own lines on standard error: the same form for every command.
//
// A person at a terminal reads those of a run as they come. Those of a server are read later, by somebody who wants to
// know when, beside the lines of others, in a place that has only so much room: so each has its time, and a text that
// comes again and again is said a few times and then counted.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headrace::cli {

// Says what is of this level or graver. `over_a_bar`: a progress bar is redrawn on the same line, which each line wipes
// off before it is written.
std::shared_ptr<spdlog::logger> make_log(const std::string& level, bool over_a_bar = false);

// "2026-11-23T03:35:44.017Z", in UTC (RFC 3339).
std::string to_rfc3339(std::chrono::system_clock::time_point time);

// Which lines of a log are too many: those whose text was said a few times within the last minute. Bounded: past so
// many texts at a time, further ones are said and not remembered. No thread, no clock.
class Repeats {
 public:
  using Time = std::chrono::system_clock::time_point;
  static constexpr std::chrono::seconds kWindow{60};
  static constexpr unsigned kSaid = 3;  // times within a window
  static constexpr std::size_t kMostTexts = 256;

  // Whether the line shall be said; otherwise it is counted.
  bool admit(const std::string& text, Time now);
  // The texts whose window is over (`all`: any) and how often each was left out in it, once.
  std::vector<std::pair<std::string, std::uint64_t>> take_left_out(Time now, bool all = false);

 private:
  struct Seen {
    Time since;
    unsigned said = 0;
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Seen> seen_;
};

// For a server. Whoever reads standard error and stops doing so must not stop the server with it, which would wait in
// the write for ever: lines for which there is no room are lost, and the next one that is not says how many.
//
//   2026-11-23T03:35:44.017Z headrace: warning: lite0: worker 0 was killed by SIGSEGV at work; another takes its place
//
// Any thread.
class ServerLog {
 public:
  explicit ServerLog(const std::string& level);
  ~ServerLog();  // says what was left out
  ServerLog(const ServerLog&) = delete;
  ServerLog& operator=(const ServerLog&) = delete;

  const std::shared_ptr<spdlog::logger>& logger() const { return logger_; }
  // For answers to what somebody has just done (a signal, a model loaded): each is said, however often it comes. A log
  // whose last line is that of an earlier act tells of a state that is over.
  const std::shared_ptr<spdlog::logger>& answers() const { return answers_; }
  // A line of no level, which is said at any.
  void say(std::string_view line);
  // Says how often what was left out, of texts whose minute is over; `all`: of any. To be called about every second.
  void tell_left_out(bool all = false);

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
  std::shared_ptr<spdlog::logger> logger_;
  std::shared_ptr<spdlog::logger> answers_;
};

}  // namespace headrace::cli
