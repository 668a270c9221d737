// Who takes what, for people who would rather look: cores and memory as bars of text.
//
// A bar is drawn to scale, but whoever takes anything at all gets at least one column. Pure: the
// same text for the same numbers, plain ASCII.
#pragma once

#include <optional>
#include <string>

#include "base/units.h"
#include "plan/budget.h"
#include "plan/plan.h"

namespace headrace::plan {

struct Scene {
  unsigned cpus_in_mask = 1;
  Bytes worker_memory;                    // of one worker
  Bytes supervisor_memory;                // of the supervisor
  std::optional<Bytes> used_by_others{};  // of the memory limit, before Headrace takes anything
};

// Ends with a line end.
std::string drawing(const Budget& budget, const Plan& plan, const Scene& scene);

}  // namespace headrace::plan
