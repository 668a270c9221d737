#include "cli/sizing.h"

#include <fmt/format.h>

#include <algorithm>

#include "plan/words.h"
#include "sys/affinity.h"
#include "sys/cgroup.h"
#include "sys/process.h"
#include "sys/rlimit.h"

namespace headrace::cli {
namespace {

// A path is at most this long.
constexpr std::uint32_t kInputBytes = 4096;

// Slots are reserved once, so they bound the number of workers for good.
void bound_by_slots(const Sizing& sizing, plan::Plan& plan) {
  const unsigned by_slots = std::max(1U, sizing.plan.slots.value / sizing.plan.at_once());
  if (plan.workers.value <= by_slots) return;
  plan.workers = {by_slots,
                  fmt::format("{} made before a worker was measured hold no more; the plan "
                              "by what it takes would be {}",
                              plan::count(sizing.plan.slots.value, "slot"), plan.workers.value)};
}

}  // namespace

Result<plan::Budget> budget_of(const JobOptions& options, const sys::CgroupFacts& facts) {
  return plan::make_budget({.facts = facts,
                            .affinity = static_cast<unsigned>(sys::allowed_cpus().size()),
                            .address_space = sys::address_space_limit(),
                            .cpus_override = options.cpus,
                            .memory_override = options.memory_mb,
                            .sharers = options.sharers});
}

Result<plan::Budget> read_budget(const JobOptions& options) {
  return budget_of(options, sys::read_cgroup());
}

Result<Sizing> size_job(const JobOptions& options, const Workload& workload) {
  Result<plan::Budget> budget = read_budget(options);
  if (!budget) return budget.error();
  Sizing sizing{.budget = std::move(*budget), .request = {}, .plan = {}, .slots = {}};
  sizing.slots.input_capacity = kInputBytes;
  sizing.slots.result_capacity = options.result_bytes.value_or(workload.result_bytes);
  sizing.request = {
      .workers = options.workers,
      .threads = options.threads,
      .streams = options.streams,
      .batch = options.batch,
      .worker_memory = workload.worker_memory,
      .shared_memory = workload.shared_memory,
      .slot_bytes = Bytes{sizing.slots.input_capacity + sizing.slots.result_capacity + 128ULL}};
  Result<plan::Plan> plan = plan::make_plan(sizing.budget, sizing.request);
  if (!plan) return plan.error();
  sizing.plan = std::move(*plan);
  sizing.slots.count = sizing.plan.slots.value;
  const unsigned by_cpu = plan::whole_cpus(sizing.budget.cpu.cpus, plan::Job::throughput, false);
  const bool cpu_decides = sizing.plan.workers.value * sizing.plan.threads.value >= by_cpu;
  sizing.first_workers = options.workers || cpu_decides ? sizing.plan.workers.value : 1;
  return sizing;
}

supervisor::FleetSettings fleet_settings(const JobOptions& options, const Workload& workload,
                                         const Sizing& sizing, const std::string& program) {
  return {.program = program,
          .arguments = {"headrace", "--worker"},
          .start = workload.start(sizing.plan.threads.value, sizing.plan.streams.value),
          .workers = sizing.first_workers,
          .batch = sizing.plan.at_once(),
          .item_timeout = options.timeout,
          .load_timeout = options.load_timeout,
          .max_depth = sizing.plan.mailbox.value};
}

Status check_room(const Sizing& sizing) {
  const std::optional<Bytes> left = plan::memory_headroom(sys::read_cgroup());
  const Bytes wanted = sizing.slots.total();
  if (!left || wanted <= *left) return Ok{};
  return Error{fmt::format(
      "the slots for results need {:.1f} MiB of shared memory, but the container has only {:.1f} "
      "MiB left: give it more, or lower --result-bytes or --workers",
      wanted.mib(), left->mib())};
}

std::string no_room_advice(const Sizing& sizing, Bytes taken) {
  // What it would have come to is not known: half as much again, or the estimate.
  plan::Request request = sizing.request;
  request.worker_memory = std::max(Bytes{taken.value + taken.value / 2}, request.worker_memory);
  return fmt::format(
      "give it {:.0f} MiB or more (a worker may need {:.0f} MiB), or take a smaller model or "
      "another "
      "engine",
      plan::least_limit(request, sizing.plan.at_once()).mib(), request.worker_memory.mib());
}

Result<plan::Plan> plan_again(const JobOptions& options, const Sizing& sizing,
                              const sys::CgroupFacts& facts) {
  Result<plan::Budget> budget = budget_of(options, facts);
  if (!budget) return budget.error();
  Result<plan::Plan> plan = plan::make_plan(*budget, sizing.request);
  if (plan) bound_by_slots(sizing, *plan);
  return plan;
}

std::optional<std::string> lack_of_room(const plan::Budget& budget, const plan::Request& request,
                                        const plan::Plan& plan) {
  const Bytes slots = plan::fewest_slots(request, plan.at_once());
  const Bytes need =
      request.supervisor_memory + request.shared_memory + request.worker_memory + slots;
  if (need <= budget.memory.usable) return std::nullopt;
  return fmt::format(
      "no worker fits: one takes {} ({}), the supervisor {}, the fewest slots {}, together {}, but "
      "of {} only {} are usable ({}); give the container at least {}",
      plan::mib(request.worker_memory), request.worker_memory_measured ? "measured" : "estimated",
      plan::mib(request.supervisor_memory), plan::mib(slots), plan::mib(need),
      plan::mib(budget.memory.limit), plan::mib(budget.memory.usable), budget.memory.why,
      plan::mib(plan::least_limit(request, plan.at_once())));
}

std::optional<plan::Plan> plan_by_measure(const JobOptions& options, Sizing& sizing,
                                          Bytes measured) {
  if (measured.value == 0) return std::nullopt;
  sizing.request.worker_memory = measured;
  sizing.request.worker_memory_measured = true;
  if (options.workers) return std::nullopt;
  Result<plan::Plan> plan = plan::make_plan(sizing.budget, sizing.request);
  if (!plan) return std::nullopt;
  bound_by_slots(sizing, *plan);
  return std::move(*plan);
}

}  // namespace headrace::cli
