// How many workers, threads and slots a job gets, from what the container gives and what the first
// worker costs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/options.h"
#include "cli/workload.h"
#include "plan/budget.h"
#include "plan/plan.h"
#include "shm/slots.h"
#include "supervisor/fleet.h"

namespace headrace::cli {

struct Sizing {
  plan::Budget budget;
  plan::Request request;
  plan::Plan plan;
  shm::SlotSizes slots;
  // Workers to begin with: one, when memory and not CPU decides how many there may be, so that the
  // real cost of one is known before the next is started.
  unsigned first_workers = 1;
};

// The budget, or what is wrong with an override.
Result<plan::Budget> read_budget(const JobOptions& options);
Result<Sizing> size_job(const JobOptions& options, const Workload& workload);

// Whether what is left of the memory limit holds the slots. A memory cgroup past its limit does not
// refuse, it kills; so this is asked before they are reserved.
Status check_room(const Sizing& sizing);

// Once the first worker is warm: the plan by its measured memory; nothing when the number of
// workers was given by the user, or memory cannot be measured. Never more than there are slots for.
std::optional<plan::Plan> plan_by_measure(const JobOptions& options, const Sizing& sizing,
                                          int worker_pid);

}  // namespace headrace::cli
