// headrace probe: everything that an unknown platform could differ in.
#pragma once

#include "cli/options.h"

namespace headrace::cli {

// The exit code of the process.
int probe_command(const ProbeOptions& options);

}  // namespace headrace::cli
