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
#include "sys/cgroup.h"

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
Result<plan::Budget> budget_of(const JobOptions& options, const sys::CgroupFacts& facts);
Result<Sizing> size_job(const JobOptions& options, const Workload& workload);

// The workers of a job so sized: those to begin with, as deep queues and as many attempts as usual. A command changes what
// it wants otherwise. `program` is this very program.
supervisor::FleetSettings fleet_settings(const JobOptions& options, const Workload& workload,
                                         const Sizing& sizing, const std::string& program);

// Whether what is left of the memory limit holds the slots. A memory cgroup past its limit does not
// refuse, it kills; so this is asked before they are reserved.
Status check_room(const Sizing& sizing);

// The plan for the same job in a container with these facts: it may have changed meanwhile. Never more workers than
// there are slots for.
Result<plan::Plan> plan_again(const JobOptions& options, const Sizing& sizing,
                              const sys::CgroupFacts& facts);

// For a container in which not even one worker fits, which took `taken` when it was stopped: what to ask for.
std::string no_room_advice(const Sizing& sizing, Bytes taken);

// Once the first worker is warm: puts what it takes into `sizing.request`. The plan by that; nothing when the number of
// workers was given by the user, or memory could not be measured (0). Never more than there are slots for.
std::optional<plan::Plan> plan_by_measure(const JobOptions& options, Sizing& sizing,
                                          Bytes measured);

// When not even one worker has room: the numbers, and what to ask for.
std::optional<std::string> lack_of_room(const plan::Budget& budget, const plan::Request& request,
                                        const plan::Plan& plan);

}  // namespace headrace::cli
