// The program's own lines on standard error: the same form for every command.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace headrace::cli {

// Says what is of this level or graver. `over_a_bar`: a progress bar is redrawn on the same line, which each line wipes
// off before it is written.
std::shared_ptr<spdlog::logger> make_log(const std::string& level, bool over_a_bar = false);

}  // namespace headrace::cli
