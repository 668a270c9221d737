// headrace plan: what the container gives, and what follows from it.
#pragma once

#include "cli/options.h"

namespace headrace::cli {

// The exit code of the process.
int plan_command(const PlanOptions& options);

}  // namespace headrace::cli
