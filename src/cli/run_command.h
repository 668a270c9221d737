// headrace run: a model or a handler over inputs.
#pragma once

#include "cli/options.h"

namespace headrace::cli {

// Runs the job; the exit code of the process. On the main thread, before any other thread was
// started.
int run_command(const RunOptions& options);

}  // namespace headrace::cli
