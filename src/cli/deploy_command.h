// `headrace deploy`: prints the files, or the arithmetic of their cost; findings go to standard error.
#pragma once

#include "cli/deploy_options.h"

namespace headrace::cli {

int deploy_command(const DeployOptions& options);

}  // namespace headrace::cli
