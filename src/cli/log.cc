#include "cli/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <climits>
#include <mutex>

#include "sys/files.h"

namespace headrace::cli {
namespace {

constexpr int kStandardError = 2;
constexpr const char* kPattern = "headrace: %l: %v";
constexpr const char* kName = "headrace";
constexpr std::string_view kAnswers = "answers";

std::shared_ptr<spdlog::logger> log_to(spdlog::sink_ptr sink, const std::string& level,
                                       const std::string& pattern, std::string_view name = kName) {
  auto log = std::make_shared<spdlog::logger>(std::string(name), std::move(sink));
  log->set_level(spdlog::level::from_str(level));
  log->set_pattern(pattern);
  return log;
}

}  // namespace

std::shared_ptr<spdlog::logger> make_log(const std::string& level, bool over_a_bar) {
  return log_to(std::make_shared<spdlog::sinks::stderr_sink_mt>(), level,
                std::string(over_a_bar ? "\r\033[K" : "") + kPattern);
}

std::string to_rfc3339(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), rest.count());
}

bool Repeats::admit(const std::string& text, Time now) {
  auto found = seen_.find(text);
  if (found == seen_.end()) {
    if (seen_.size() >= kMostTexts) return true;
    found = seen_.emplace(text, Seen{.since = now}).first;
  }
  Seen& seen = found->second;
  if (seen.said < kSaid) {
    ++seen.said;
    return true;
  }
  ++seen.left_out;
  return false;
}

std::vector<std::pair<std::string, std::uint64_t>> Repeats::take_left_out(Time now, bool all) {
  std::vector<std::pair<std::string, std::uint64_t>> left_out;
  for (auto at = seen_.begin(); at != seen_.end();) {
    const Seen& seen = at->second;
    // A clock that was set back would keep a text for as long.
    const bool over = now - seen.since >= kWindow || now < seen.since;
    if (!over && !all) {
      ++at;
      continue;
    }
    if (seen.left_out > 0) left_out.emplace_back(at->first, seen.left_out);
    at = seen_.erase(at);
  }
  return left_out;
}

class ServerLog::Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void say(std::string_view line) {
    const std::scoped_lock lock(mutex_);
    write(line, std::chrono::system_clock::now());
  }
  void tell_left_out(bool all) {
    const std::scoped_lock lock(mutex_);
    tell(std::chrono::system_clock::now(), all);
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t formatted;
    formatter_->format(message, formatted);
    std::string line(formatted.data(), formatted.size());
    if (line.ends_with('\n')) line.pop_back();
    tell(message.time, false);
    const bool answer =
        std::string_view(message.logger_name.data(), message.logger_name.size()) == kAnswers;
    if (answer || repeats_.admit(line, message.time)) write(line, message.time);
  }
  void flush_() override {}

  void tell(std::chrono::system_clock::time_point now, bool all) {
    for (const auto& [text, times] : repeats_.take_left_out(now, all)) {
      write(
          fmt::format("{} ({} time{} more in the last minute)", text, times, times == 1 ? "" : "s"),
          now);
    }
  }

  // One line of the log, or several, each with the time.
  void write(std::string_view text, std::chrono::system_clock::time_point now) {
    const std::string time = to_rfc3339(now) + ' ';
    if (lost_ > 0) {
      const std::string confession =
          fmt::format("{}headrace: warning: {} line{} lost: nobody read standard error\n", time,
                      lost_, lost_ == 1 ? " was" : "s were");
      if (!sys::write_if_room(kStandardError, confession)) return void(++lost_);
      lost_ = 0;
    }
    std::string lines;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      lines.append(time).append(text.substr(0, end)).append("\n");
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    // Only so much is sure to have room at once.
    for (std::string_view rest = lines; !rest.empty();) {
      const std::string_view part = rest.substr(0, PIPE_BUF);
      if (!sys::write_if_room(kStandardError, part)) return void(++lost_);
      rest.remove_prefix(part.size());
    }
  }

  Repeats repeats_;
  std::uint64_t lost_ = 0;
};

ServerLog::ServerLog(const std::string& level)
    : sink_(std::make_shared<Sink>()),
      logger_(log_to(sink_, level, kPattern)),
      answers_(log_to(sink_, level, kPattern, kAnswers)) {}

ServerLog::~ServerLog() {
  sink_->tell_left_out(true);
}

void ServerLog::say(std::string_view line) {
  sink_->say("headrace: " + std::string(line));
}

void ServerLog::tell_left_out(bool all) {
  sink_->tell_left_out(all);
}

}  // namespace headrace::cli
