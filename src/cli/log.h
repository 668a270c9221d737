// The program's own lines on standard error: the same form for every command.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace headrace::cli {

// Says what is of this level or graver. `over_a_bar`: a progress bar is redrawn on the same line, which each line wipes
// off before it is written.
std::shared_ptr<spdlog::logger> make_log(const std::string& level, bool over_a_bar = false);

// For a server: whoever reads standard error and stops doing so must not stop the server with it, which would wait in
// the write for ever. Lines for which there is no room are lost, and the next one that is not says how many.
std::shared_ptr<spdlog::logger> make_log_that_never_waits(const std::string& level);

}  // namespace headrace::cli
