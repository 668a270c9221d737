#include "cli/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <climits>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <utility>

#include "sys/files.h"

namespace headrace::cli {
namespace {

constexpr int kStandardError = 2;

// Any thread may log.
class SinkThatNeverWaits final : public spdlog::sinks::base_sink<std::mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (lost_ > 0) {
      const std::string confession =
          fmt::format("headrace: warning: {} line{} lost: nobody read standard error\n", lost_,
                      lost_ == 1 ? " was" : "s were");
      if (!sys::write_if_room(kStandardError, confession)) return void(++lost_);
      lost_ = 0;
    }
    // Only so much is sure to have room at once.
    for (std::string_view rest(line.data(), line.size()); !rest.empty();) {
      const std::string_view part = rest.substr(0, PIPE_BUF);
      if (!sys::write_if_room(kStandardError, part)) return void(++lost_);
      rest.remove_prefix(part.size());
    }
  }
  void flush_() override {}

  std::uint64_t lost_ = 0;
};

std::shared_ptr<spdlog::logger> log_to(spdlog::sink_ptr sink, const std::string& level,
                                       bool over_a_bar) {
  auto log = std::make_shared<spdlog::logger>("headrace", std::move(sink));
  log->set_level(spdlog::level::from_str(level));
  log->set_pattern(over_a_bar ? "\r\033[Kheadrace: %l: %v" : "headrace: %l: %v");
  return log;
}

}  // namespace

std::shared_ptr<spdlog::logger> make_log(const std::string& level, bool over_a_bar) {
  return log_to(std::make_shared<spdlog::sinks::stderr_sink_mt>(), level, over_a_bar);
}

std::shared_ptr<spdlog::logger> make_log_that_never_waits(const std::string& level) {
  return log_to(std::make_shared<SinkThatNeverWaits>(), level, false);
}

}  // namespace headrace::cli
