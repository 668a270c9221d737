#include "cli/sizing.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "sys/affinity.h"
#include "sys/cgroup.h"
#include "sys/process.h"
#include "sys/rlimit.h"

namespace headrace::cli {
namespace {

// Before anything is measured: an engine with its libraries, and a model of which repacked copies
// are made.
constexpr Bytes kEngineMemory = 160_MiB;
constexpr std::uint64_t kModelCopies = 4;
// A path is at most this long.
constexpr std::uint32_t kInputBytes = 4096;
constexpr std::uint32_t kRawResultBytes = 256 << 10;

std::uint32_t result_room(const RunOptions& options, const model::Output& output) {
  if (options.result_bytes) return *options.result_bytes;
  if (output.kind == model::OutputKind::raw) return kRawResultBytes;
  std::size_t longest = 0;
  for (const std::string& label : output.labels) longest = std::max(longest, label.size());
  // Escapes can make a label six times as long; one more entry for the best one, which comes first.
  return static_cast<std::uint32_t>(
      std::max<std::size_t>(1024, (output.top_k + 1) * (64 + 6 * longest)));
}

}  // namespace

Result<plan::Budget> read_budget(const RunOptions& options) {
  return plan::make_budget({.facts = sys::read_cgroup(),
                            .affinity = static_cast<unsigned>(sys::allowed_cpus().size()),
                            .address_space = sys::address_space_limit(),
                            .cpus_override = options.cpus,
                            .memory_override = options.memory_mb});
}

Result<Sizing> size_job(const RunOptions& options, const model::Model& model) {
  Result<plan::Budget> budget = read_budget(options);
  if (!budget) return budget.error();
  std::error_code ignored;
  const auto file_bytes = std::filesystem::file_size(model.file, ignored);
  Sizing sizing{.budget = std::move(*budget), .request = {}, .plan = {}, .slots = {}};
  sizing.slots.input_capacity = kInputBytes;
  sizing.slots.result_capacity = result_room(options, model.output);
  sizing.request = {
      .workers = options.workers,
      .threads = options.threads,
      .batch = options.batch,
      .worker_memory = kEngineMemory + Bytes{ignored ? 0 : file_bytes} * kModelCopies,
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

Status check_room(const Sizing& sizing) {
  const std::optional<Bytes> left = plan::memory_headroom(sys::read_cgroup());
  const Bytes wanted = sizing.slots.total();
  if (!left || wanted <= *left) return Ok{};
  return Error{fmt::format(
      "the slots for results need {:.1f} MiB of shared memory, but the container has only {:.1f} "
      "MiB left: give it more, or lower --result-bytes or --workers",
      wanted.mib(), left->mib())};
}

std::optional<plan::Plan> plan_by_measure(const RunOptions& options, const Sizing& sizing,
                                          int worker_pid) {
  if (options.workers) return std::nullopt;
  const Bytes measured = sys::proportional_memory(worker_pid);
  if (measured.value == 0) return std::nullopt;
  plan::Request request = sizing.request;
  request.worker_memory = measured;
  request.worker_memory_measured = true;
  Result<plan::Plan> plan = plan::make_plan(sizing.budget, request);
  if (!plan) return std::nullopt;
  const unsigned by_slots = std::max(1U, sizing.plan.slots.value / sizing.plan.batch.value);
  plan->workers.value = std::min(plan->workers.value, by_slots);
  return std::move(*plan);
}

}  // namespace headrace::cli
