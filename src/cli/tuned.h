// A plan that `headrace tune` left behind, taken up by the commands that size a job.
#pragma once

#include <spdlog/logger.h>

#include "base/result.h"
#include "cli/options.h"
#include "tune/plan_file.h"

namespace headrace::cli {

// This container, this processor, this model.
Result<tune::Place> place_here(const JobOptions& options);

// The error is one for the user.
Result<tune::PlanFile> read_plan(const std::string& file);

// Fills in what the user left open, from --plan FILE or the file beside MODEL, and says so; leaves
// all as it is, and says why, when that plan was made for another place, or, being only found, makes
// no sense or is for latency. The error is a --plan FILE that is not there or makes no sense. Before
// anything is sized.
Status take_up_plan(JobOptions& options, spdlog::logger& log);

}  // namespace headrace::cli
