// A plan that `headrace tune` left behind, taken up by the commands that size a job.
#pragma once

#include <spdlog/logger.h>

#include "base/result.h"
#include "cli/options.h"
#include "tune/plan_file.h"

namespace headrace::cli {

// This container, this processor, this model.
Result<tune::Place> place_here(const JobOptions& options);

// Fills in what the user left open, from --plan FILE or the file beside MODEL, and says so; leaves
// all as it is, and says why, when that plan was made for another place. The error is a file that
// makes no sense, or a --plan FILE that is not there. Before anything is sized.
Status take_up_plan(JobOptions& options, spdlog::logger& log);

}  // namespace headrace::cli
