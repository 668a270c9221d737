// Where the plan of a tuning and its page with plots go.
//
// A tuning takes minutes, and what it found shall not be lost to a place that cannot be written, nor a file of somebody's
// be lost to it. So the places are tried, and what lies there is looked at, before anything is measured.
#pragma once

#include <spdlog/logger.h>

#include <string>

#include "base/result.h"
#include "cli/options.h"

namespace headrace::cli {

struct PlanPlace {
  std::string plan;
  std::string page;  // empty: none
};

// The plan: --out, or beside MODEL, or, where that cannot be written, the current folder (with a warning). The error is
// that no place can be written, or that what is there is no plan. A page that cannot be written is only warned of. Leaves
// no file behind.
Result<PlanPlace> find_place(const TuneOptions& options, spdlog::logger& log);

}  // namespace headrace::cli
