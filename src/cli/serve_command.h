// `headrace serve`: models behind doors, until it is told to end.
#pragma once

#include "cli/options.h"

namespace headrace::cli {

// Returns the exit code.
int serve_command(const ServeOptions& options);

}  // namespace headrace::cli
