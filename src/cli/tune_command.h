// headrace tune: the fastest plan, found by measuring.
#pragma once

#include "cli/options.h"

namespace headrace::cli {

// The exit code of the process.
int tune_command(const TuneOptions& options);

}  // namespace headrace::cli
