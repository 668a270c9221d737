#include "cli/plan_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/container.h"
#include "cli/fact_sheet.h"
#include "cli/first_worker.h"
#include "cli/log.h"
#include "cli/sizing.h"
#include "cli/tuned.h"
#include "cli/workload.h"
#include "plan/drawing.h"
#include "plan/plan.h"
#include "plan/words.h"
#include "sys/process.h"

#ifndef HEADRACE_VERSION
#error "HEADRACE_VERSION comes from the build"
#endif

namespace headrace::cli {
namespace {

using nlohmann::ordered_json;
using plan::mib;

// All that is said in the end.
struct Answer {
  plan::Budget budget;
  plan::Request request;  // with the worker's memory as it was measured, if it was
  plan::Plan plan;
  std::string model{};
  std::optional<FirstWorker> first{};
  std::optional<std::string> does_not_fit{};
};

// Only the budget: a worker is taken to be of the usual size.
Result<Answer> plan_for_anything(const JobOptions& options) {
  Result<plan::Budget> budget = read_budget(options);
  if (!budget) return budget.error();
  const plan::Request request{.workers = options.workers,
                              .threads = options.threads,
                              .streams = options.streams,
                              .batch = options.batch};
  Result<plan::Plan> plan = plan::make_plan(*budget, request);
  if (!plan) return plan.error();
  return Answer{.budget = std::move(*budget), .request = request, .plan = std::move(*plan)};
}

// The plan as a run has it once its first worker is warm: workers and threads by what was measured,
// the slots as they were made before.
plan::Plan settled(const Sizing& sizing, const plan::Request& request,
                   const std::optional<plan::Plan>& by_measure) {
  plan::Plan plan = sizing.plan;
  const unsigned before = plan.workers.value;
  if (by_measure) {
    plan.workers = by_measure->workers;
    plan.threads = by_measure->threads;
  }
  if (plan.workers.value != before)
    plan.slots.why =
        fmt::format("made before the first worker is measured: {} with a mailbox of {}",
                    plan::count(before, "worker"), plan.mailbox.value);
  plan::conclude(sizing.budget, request, plan);
  return plan;
}

Result<Answer> plan_for_model(const JobOptions& asked, spdlog::logger& log) {
  JobOptions options = asked;
  const Result<std::string> program = sys::own_program();
  if (!program) return program.error();
  if (Status taken = take_up_plan(options, log); !taken) return taken.error();
  const Result<Workload> workload = load_workload(options, *program);
  if (!workload) return workload.error();
  for (const std::string& guess : workload->warnings) log.warn("{}", guess);
  Result<Sizing> sizing = size_job(options, *workload);
  if (!sizing) return sizing.error();
  if (const Status room = check_room(*sizing); !room) {
    return Answer{.budget = std::move(sizing->budget),
                  .request = sizing->request,
                  .plan = std::move(sizing->plan),
                  .model = workload->name,
                  .does_not_fit = room.error().message};
  }
  Result<FirstWorker> first = measure_first_worker(options, *workload, *sizing, *program, log);
  if (!first) return first.error();
  const plan::Request request = sizing->request;
  plan::Plan plan = settled(*sizing, request, first->plan);
  if (!first->no_room && first->inputs != "none" && first->items == 0)
    plan.warnings.push_back(
        "not one item was done: a worker's memory was measured before it had any work, so expect "
        "more");
  std::optional<std::string> lack =
      first->no_room ? first->no_room : lack_of_room(sizing->budget, request, plan);
  return Answer{.budget = std::move(sizing->budget),
                .request = request,
                .plan = std::move(plan),
                .model = workload->name,
                .first = std::move(*first),
                .does_not_fit = std::move(lack)};
}

Section measured_section(const FirstWorker& first, unsigned planned_threads) {
  Section section{"Measured with one worker"};
  if (first.no_room) {
    section.add("failed", std::string("the kernel killed it for its memory"));
    return section;
  }
  if (!first.equipment.empty())
    section.add("works with", first.threads == planned_threads
                                  ? first.equipment
                                  : fmt::format("{} (by the plan below it has {})", first.equipment,
                                                plan::count(planned_threads, "thread")));
  section.add("load", fmt::format("{:.2f} s until it could work", first.load_seconds));
  section.add("memory", first.proportional.value == 0
                            ? std::string("unreadable: /proc/PID/smaps_rollup")
                            : fmt::format("{} (PSS); {} come back when it ends (USS)",
                                          mib(first.proportional), mib(first.unique)));
  if (first.inputs == "none") {
    section.add("item",
                std::string("not measured: name an INPUT, for nobody knows what a handler takes"));
    return section;
  }
  if (first.items > 0) {
    section.add("decode", fmt::format("p50 {:.2f} ms, p95 {:.2f} ms", first.decode.p50_ms,
                                      first.decode.p95_ms));
    section.add("infer", fmt::format("p50 {:.2f} ms, p95 {:.2f} ms", first.infer.p50_ms,
                                     first.infer.p95_ms));
    section.add("items", fmt::format("{} {} inputs, {:.1f} a second", first.items, first.inputs,
                                     first.rate));
  }
  if (first.failed > 0 || first.items == 0)
    section.add("failed", fmt::format("{}{}", first.failed,
                                      first.failure.empty() ? "" : ", first " + first.failure));
  return section;
}

plan::Scene scene_of(const Answer& answer, const Container& container) {
  plan::Scene scene{.cpus_in_mask = static_cast<unsigned>(container.affinity.size()),
                    .worker_memory = answer.request.worker_memory,
                    .supervisor_memory = answer.request.supervisor_memory};
  for (const sys::MemoryLevel& level : container.groups.memory) {
    if (level.path == answer.budget.memory.from) scene.used_by_others = level.unreclaimable();
  }
  const auto& groups = container.groups;
  if (answer.budget.memory.from == "MemTotal" && groups.mem_total && groups.mem_available &&
      *groups.mem_available <= *groups.mem_total)
    scene.used_by_others = Bytes{groups.mem_total->value - groups.mem_available->value};
  return scene;
}

// The plan itself only knows of what Headrace takes.
void warn_of_others(Answer& answer, const Container& container) {
  const std::optional<Bytes> others = scene_of(answer, container).used_by_others;
  const plan::MemoryBudget& memory = answer.budget.memory;
  const Bytes expected = answer.plan.memory.value;
  if (!others || expected > memory.usable || *others + expected <= memory.limit) return;
  answer.plan.warnings.push_back(fmt::format(
      "others use {} of the {} already, too much for the {} that are expected here: stop them, or "
      "take fewer workers",
      mib(*others), mib(memory.limit), mib(expected)));
}

std::string answer_text(const Answer& answer, const Container& container) {
  std::string text = to_table(container_sections(container, answer.budget)) + "\n";
  if (answer.first)
    text += to_table({measured_section(*answer.first, answer.plan.threads.value)}) + "\n";
  text += answer.model.empty()
              ? fmt::format("Plan, if a worker takes {} (name a MODEL to measure it)\n",
                            mib(answer.request.worker_memory))
              : "Plan for " + answer.model + "\n";
  text += plan::plan_text(answer.budget, answer.plan) + "\n";
  return text + plan::drawing(answer.budget, answer.plan, scene_of(answer, container));
}

template <class T>
ordered_json reasoned_json(const plan::Reasoned<T>& number) {
  ordered_json json;
  if constexpr (std::is_same_v<T, Bytes>) {
    json["value"] = number.value.value;
  } else {
    json["value"] = number.value;
  }
  json["why"] = number.why;
  return json;
}

ordered_json budget_json(const plan::Budget& budget) {
  return {{"cpu",
           {{"cpus", budget.cpu.cpus.value}, {"from", budget.cpu.from}, {"why", budget.cpu.why}}},
          {"memory",
           {{"limit_bytes", budget.memory.limit.value},
            {"reserve_bytes", budget.memory.reserve.value},
            {"usable_bytes", budget.memory.usable.value},
            {"from", budget.memory.from},
            {"why", budget.memory.why}}}};
}

ordered_json plan_json(const plan::Plan& plan) {
  return {{"workers", reasoned_json(plan.workers)},
          {"threads", reasoned_json(plan.threads)},
          {"streams", reasoned_json(plan.streams)},
          {"batch", reasoned_json(plan.batch)},
          {"mailbox", reasoned_json(plan.mailbox)},
          {"slots", reasoned_json(plan.slots)},
          {"in_flight_bytes", reasoned_json(plan.in_flight)},
          {"memory_bytes", reasoned_json(plan.memory)}};
}

ordered_json measured_json(const FirstWorker& first) {
  const auto latency = [&](const tune::Latency& l) {
    return first.items == 0 ? ordered_json(nullptr)
                            : ordered_json{{"p50", l.p50_ms}, {"p95", l.p95_ms}};
  };
  return {{"equipment", first.equipment},
          {"load_seconds", first.load_seconds},
          {"pss_bytes", first.proportional.value},
          {"uss_bytes", first.unique.value},
          {"inputs", first.inputs},
          {"items", first.items},
          {"failed", first.failed},
          {"failure", first.failure},
          {"items_per_second", first.rate},
          {"decode_ms", latency(first.decode)},
          {"infer_ms", latency(first.infer)}};
}

std::string answer_json(const Answer& answer, const Container& container) {
  const ordered_json json{
      {"version", HEADRACE_VERSION},
      {"container", container_json(container, answer.budget)},
      {"budget", budget_json(answer.budget)},
      {"model", answer.model.empty() ? ordered_json(nullptr) : ordered_json(answer.model)},
      {"measured", answer.first && !answer.first->no_room ? measured_json(*answer.first)
                                                          : ordered_json(nullptr)},
      {"plan", plan_json(answer.plan)},
      {"worker_bytes", answer.request.worker_memory.value},
      {"fits", !answer.does_not_fit},
      {"warnings", answer.plan.warnings},
      {"notes", answer.budget.notes}};
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

int plan_command(const PlanOptions& options) {
  const auto log = make_log(options.log_level);
  sys::adopt_orphans();
  // Before the worker is there: what is told is what the job would find.
  const Container container = look_at_container();
  Result<Answer> answer =
      options.model.empty() ? plan_for_anything(options) : plan_for_model(options, *log);
  if (!answer) {
    log->error("{}", answer.error().message);
    return kCannotRun;
  }
  if (answer->first && answer->first->stopped_by) return 128 + *answer->first->stopped_by;
  warn_of_others(*answer, container);
  std::cout << (options.json ? answer_json(*answer, container) : answer_text(*answer, container));
  if (!std::cout.flush()) return kCannotRun;
  if (answer->does_not_fit) {
    log->error("{}", *answer->does_not_fit);
    return kCannotRun;
  }
  return kDone;
}

}  // namespace headrace::cli
