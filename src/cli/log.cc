#include "cli/log.h"

#include <spdlog/sinks/stdout_sinks.h>

namespace headrace::cli {

std::shared_ptr<spdlog::logger> make_log(const std::string& level, bool over_a_bar) {
  auto log = std::make_shared<spdlog::logger>("headrace",
                                              std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_level(spdlog::level::from_str(level));
  log->set_pattern(over_a_bar ? "\r\033[Kheadrace: %l: %v" : "headrace: %l: %v");
  return log;
}

}  // namespace headrace::cli
