#include "plan/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "plan/words.h"

namespace headrace::plan {
namespace {

// A quota of 3.999 is 4 with a rounding error, not 3 and a large fraction.
constexpr double kNearlyWhole = 0.005;
// Slots may take at most this part of the usable memory, so that a large slot costs depth, not
// workers.
constexpr std::uint64_t kSlotsPart = 4;
// Memory is never so short that these would not be worth it: slots bound for good how many workers
// there can be, and the first guess at a worker's memory is often too high.
constexpr unsigned kLeastMailbox = 16;
constexpr Bytes kLeastMailboxMemory = 256_KiB;
constexpr Bytes kMostSlotBytes{std::uint64_t{1} << 36};
constexpr Bytes kMostMemory{std::uint64_t{1} << 50};

Status check_number(const char* option, std::optional<unsigned> value, unsigned most) {
  if (!value || (*value >= 1 && *value <= most)) return Ok{};
  return Error{fmt::format("{} {}: it must be from 1 to {}, or auto", option, *value, most)};
}

Status check_streams(const Request& request) {
  const unsigned streams = request.streams.value_or(1), batch = request.batch.value_or(1);
  if (request.threads && streams > *request.threads) {
    return Error{fmt::format(
        "--streams {} with --threads {}: a stream takes a thread at least, so ask for {} or more",
        streams, *request.threads, count(streams, "thread"))};
  }
  if (streams * batch > kMostBatch) {
    return Error{fmt::format("--streams {} with --batch {}: together at most {} items at once",
                             streams, batch, kMostBatch)};
  }
  return Ok{};
}

Status check(const Request& request) {
  for (Status status : {check_number("--workers", request.workers, kMostWorkers),
                        check_number("--threads", request.threads, kMostThreads),
                        check_number("--streams", request.streams, kMostStreams),
                        check_number("--batch", request.batch, kMostBatch)}) {
    if (!status) return status;
  }
  if (Status status = check_streams(request); !status) return status;
  if (request.slot_bytes > kMostSlotBytes) {
    return Error{
        fmt::format("a slot of {} is more than {}", mib(request.slot_bytes), mib(kMostSlotBytes))};
  }
  for (const Bytes bytes :
       {request.worker_memory, request.supervisor_memory, request.shared_memory}) {
    if (bytes > kMostMemory) return Error{fmt::format("{} is no memory size", mib(bytes))};
  }
  return Ok{};
}

Bytes less(Bytes from, Bytes what) {
  return {from.value - std::min(from.value, what.value)};
}

Bytes fixed_memory(const Request& request) {
  return request.supervisor_memory + request.shared_memory;
}

unsigned least_mailbox(const Request& request, unsigned at_once) {
  const unsigned least = std::bit_ceil(at_once);
  unsigned depth = kLeastMailbox;
  while (depth > least && request.slot_bytes * depth > kLeastMailboxMemory) depth /= 2;
  return std::max(depth, least);
}

// How many workers the memory holds, each with the smallest mailbox.
std::uint64_t workers_in_memory(const Budget& budget, const Request& request, unsigned at_once) {
  const Bytes one = request.worker_memory + fewest_slots(request, at_once);
  return less(budget.memory.usable, fixed_memory(request)).value /
         std::max<std::uint64_t>(1, one.value);
}

std::string rounding_words(Cpus cpus, unsigned whole, Job job, bool lockstep) {
  if (cpus.value < 1)
    return fmt::format("{} CPUs are less than one, but one worker there must be",
                       decimal(cpus.value));
  if (std::abs(cpus.value - whole) < kNearlyWhole) return fmt::format("{} CPUs", whole);
  if (whole > cpus.value) {
    return fmt::format("{} CPUs rounded up: a fraction of half a CPU or more is worth a worker",
                       decimal(cpus.value));
  }
  const char* reason = job == Job::latency ? "a latency job is not to be throttled"
                       : lockstep ? "threads that wait for each other are not to be throttled"
                                  : "the fraction is below half a CPU";
  return fmt::format("{} CPUs rounded down: {}", decimal(cpus.value), reason);
}

Reasoned<unsigned> plan_workers(const Budget& budget, const Request& request, unsigned at_once) {
  if (request.workers) return {*request.workers, "asked for"};
  const unsigned streams = request.streams.value_or(1);
  const unsigned threads = std::max(request.threads.value_or(1), streams);
  const bool lockstep = threads > streams;  // only threads of one stream wait for each other
  const unsigned cpus = whole_cpus(budget.cpu.cpus, request.job, lockstep);
  const unsigned by_cpu = std::max(1U, cpus / threads);
  const std::uint64_t by_memory =
      std::max<std::uint64_t>(1, workers_in_memory(budget, request, at_once));
  if (by_memory < by_cpu && by_memory < kMostWorkers) {
    return {static_cast<unsigned>(by_memory),
            fmt::format("{} usable hold no more at {} each ({}); the CPUs would take {}",
                        mib(budget.memory.usable), mib(request.worker_memory),
                        request.worker_memory_measured ? "measured" : "estimated", by_cpu)};
  }
  if (by_cpu > kMostWorkers) return {kMostWorkers, "no more workers are supported"};
  std::string why = rounding_words(budget.cpu.cpus, cpus, request.job, lockstep);
  if (threads > 1) why += fmt::format(", {} each", count(threads, "thread"));
  return {by_cpu, why};
}

Reasoned<unsigned> plan_threads(const Budget& budget, const Request& request, unsigned workers) {
  if (request.threads) return {*request.threads, "asked for"};
  const unsigned whole = whole_cpus(budget.cpu.cpus, request.job, true);
  const unsigned streams = request.streams.value_or(1);
  const unsigned threads = std::clamp(whole / workers, streams, kMostThreads);
  if (threads == streams && streams > 1) return {threads, "one for each stream"};
  if (threads == 1) return {1, "one thread each wastes nothing on waiting for others"};
  if (workers == 1) return {threads, fmt::format("the only worker has {}", count(whole, "CPU"))};
  return {threads,
          fmt::format("{} share {}, rounded down", count(workers, "worker"), count(whole, "CPU"))};
}

Reasoned<unsigned> plan_mailbox(const Budget& budget, const Request& request, unsigned workers,
                                unsigned at_once) {
  const unsigned two_batches = std::bit_ceil(at_once) * 2;
  const bool full = request.job == Job::throughput;
  unsigned depth = std::max(full ? kFullMailbox : 2U, two_batches);
  const unsigned least = std::min(depth, least_mailbox(request, at_once));
  std::string why = full ? "so that a worker with quick items never waits for the supervisor"
                         : "one batch in work and one behind it, so that no request waits long";
  const auto slots = [&] { return std::uint64_t{workers} * depth; };
  while (depth > std::max(kUsualMailbox, two_batches) &&
         request.slot_bytes * slots() > kDeepMailboxMemory) {
    depth /= 2;
  }
  while (depth > least && slots() > kMostSlots) {
    depth /= 2;
    why = fmt::format("halved until all mailboxes together have at most {} slots", kMostSlots);
  }
  const Bytes rest =
      less(budget.memory.usable, fixed_memory(request) + request.worker_memory * workers);
  const Bytes share = std::min(rest, Bytes{budget.memory.usable.value / kSlotsPart});
  while (depth > least && request.slot_bytes * slots() > share) {
    depth /= 2;
    why = fmt::format("halved until the slots of {} fit into {}", mib(request.slot_bytes),
                      mib(share));
  }
  if (request.slot_bytes * slots() > share) why = "memory is short, and fewer would be of no help";
  return {depth, why};
}

void warn_of_cpus(const Budget& budget, const Request& request, Plan& plan) {
  const unsigned running = plan.workers.value * plan.threads.value;
  const unsigned allowed =
      whole_cpus(budget.cpu.cpus, request.job, plan.threads.value > plan.streams.value);
  if (running <= allowed) return;
  plan.warnings.push_back(fmt::format(
      "{} x {} are more than the {} CPUs there are: expect throttling; {} would fill them",
      count(plan.workers.value, "worker"), count(plan.threads.value, "thread"),
      decimal(budget.cpu.cpus.value), count(allowed, "thread") + " in all"));
}

void warn_of_memory(const Budget& budget, const Request& request, Plan& plan) {
  if (plan.memory.value <= budget.memory.usable) return;
  const std::uint64_t fit = workers_in_memory(budget, request, plan.at_once());
  const std::string advice = fit == 0 ? "give the container more memory, or use a smaller model"
                                      : fmt::format("{} would fit", count(fit, "worker"));
  plan.warnings.push_back(fmt::format(
      "{} and {} are expected to take {}, more than the {} usable: the kernel may kill; {}",
      count(plan.workers.value, "worker"), count(plan.slots.value, "slot"), mib(plan.memory.value),
      mib(budget.memory.usable), advice));
}

void warn_of_large_requests(const Budget& budget, Plan& plan) {
  // A share of what is there, or less than that by the user's will, is nothing that anybody enforces.
  if (budget.cpu.cpus.value >= 1 || !budget.cpu.quota) return;
  plan.warnings.push_back(
      fmt::format("{} CPUs: the worker will be stopped for {:.0f} % of the time when busy",
                  decimal(budget.cpu.cpus.value), 100 * (1 - budget.cpu.cpus.value)));
}

std::string row(const char* name, const std::string& value, const std::string& why) {
  return fmt::format("{:<14} {:>10}  {}\n", name, value, why);
}

}  // namespace

unsigned whole_cpus(Cpus cpus, Job job, bool lockstep) {
  const double value = std::clamp(cpus.value, 1.0, 1e6);
  const double floor = std::floor(value + kNearlyWhole);
  const bool up = job == Job::throughput && !lockstep && value - floor >= 0.5;
  return static_cast<unsigned>(floor) + (up ? 1U : 0U);
}

Bytes fewest_slots(const Request& request, unsigned at_once) {
  return request.slot_bytes * least_mailbox(request, at_once);
}

Bytes least_limit(const Request& request, unsigned at_once) {
  const Bytes need = fixed_memory(request) + request.worker_memory + fewest_slots(request, at_once);
  // A sixteenth of the limit is kept back, as the budget does.
  const Bytes limit = need + Bytes{std::clamp(need.value / 15, (32_MiB).value, (512_MiB).value)};
  const std::uint64_t step = (32_MiB).value;
  return {(limit.value + step - 1) / step * step};
}

Result<Plan> make_plan(const Budget& budget, const Request& request) {
  if (Status status = check(request); !status) return std::move(status).error();
  Plan plan;
  plan.batch = request.batch ? Reasoned<unsigned>{*request.batch, "asked for"}
                             : Reasoned<unsigned>{1, "one item at a time, so that only it fails"};
  plan.streams = request.streams ? Reasoned<unsigned>{*request.streams, "asked for"}
                                 : Reasoned<unsigned>{1,
                                                      "workers are as quick, and one that dies "
                                                      "takes no others along"};
  plan.workers = plan_workers(budget, request, plan.at_once());
  plan.threads = plan_threads(budget, request, plan.workers.value);
  plan.mailbox = plan_mailbox(budget, request, plan.workers.value, plan.at_once());
  plan.slots = {plan.workers.value * plan.mailbox.value,
                fmt::format("{} with a mailbox of {}", count(plan.workers.value, "worker"),
                            plan.mailbox.value)};
  conclude(budget, request, plan);
  return plan;
}

void conclude(const Budget& budget, const Request& request, Plan& plan) {
  plan.in_flight = {
      request.slot_bytes * plan.slots.value,
      fmt::format("{} of {}", count(plan.slots.value, "slot"), mib(request.slot_bytes))};
  const Bytes workers = request.worker_memory * plan.workers.value;
  plan.memory = {
      fixed_memory(request) + workers + plan.in_flight.value,
      fmt::format(
          "supervisor {}, workers {} ({}), slots {}{}", mib(request.supervisor_memory),
          mib(workers), request.worker_memory_measured ? "measured" : "estimated",
          mib(plan.in_flight.value),
          request.shared_memory.value == 0 ? "" : ", shared " + mib(request.shared_memory))};
  plan.warnings.clear();
  warn_of_cpus(budget, request, plan);
  warn_of_memory(budget, request, plan);
  warn_of_large_requests(budget, plan);
}

std::string plan_text(const Budget& budget, const Plan& plan) {
  const MemoryBudget& memory = budget.memory;
  std::string text = row("CPU budget", decimal(budget.cpu.cpus.value), budget.cpu.why);
  text += row("memory budget", mib(memory.usable),
              fmt::format("{} less a reserve of {}: {}", mib(memory.limit), mib(memory.reserve),
                          memory.why));
  const auto number = [&](const char* name, const Reasoned<unsigned>& reasoned) {
    text += row(name, std::to_string(reasoned.value), reasoned.why);
  };
  number("workers", plan.workers);
  number("threads each", plan.threads);
  number("streams each", plan.streams);
  number("batch", plan.batch);
  number("mailbox", plan.mailbox);
  number("slots", plan.slots);
  text += row("in flight", mib(plan.in_flight.value), plan.in_flight.why);
  text += row("expected use", mib(plan.memory.value), plan.memory.why);
  for (const std::string& warning : plan.warnings) text += "warning: " + warning + "\n";
  for (const std::string& note : budget.notes) text += "note: " + note + "\n";
  return text;
}

}  // namespace headrace::plan
