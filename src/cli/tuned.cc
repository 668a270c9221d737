#include "cli/tuned.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/sizing.h"
#include "cli/workload.h"
#include "model/files.h"
#include "model/model.h"
#include "sys/host.h"
#include "sys/process.h"
#include "worker/handler_file.h"

namespace headrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPlanBytes = 1 << 20;

// The files that make MODEL what it is.
Result<std::vector<fs::path>> files_of(const fs::path& given, const fs::path& beneath) {
  const Result<bool> handler = worker::is_handler(given);
  if (!handler) return handler.error();
  if (*handler) return std::vector{given};
  const Result<model::Model> model = model::load(given, beneath);
  if (!model) return model.error();
  std::vector<fs::path> files{model->file};
  std::error_code ignored;
  const fs::path weights = fs::path(model->file).replace_extension(".bin");
  if (model->file.extension() == ".xml" && fs::exists(weights, ignored)) files.push_back(weights);
  if (fs::is_directory(given, ignored)) {
    files.push_back(given / "model.toml");
  } else if (given.filename() == "model.toml") {
    files.push_back(given);
  }
  return files;
}

// Why the engine that a plan names cannot be had.
std::optional<std::string> lacks_engine(const JobOptions& options, const std::string& engine) {
  if (engine.empty()) return std::nullopt;
  const Result<std::string> program = sys::own_program();
  if (!program) return program.error().message;
  JobOptions with = options;
  with.engine = engine;
  const Result<Workload> workload = load_workload(with, *program);
  return workload ? std::nullopt : std::optional(workload.error().message);
}

// What the user left open, by the plan.
void fill_in(JobOptions& options, const tune::Numbers& numbers) {
  if (options.engine.empty()) options.engine = numbers.engine;
  options.workers = options.workers.value_or(numbers.workers);
  options.threads = options.threads.value_or(numbers.threads);
  // Streams share the threads: what was measured with more of them is no use with fewer.
  const unsigned streams = std::min(numbers.streams, *options.threads);
  options.streams = options.streams.value_or(streams);
  options.batch = options.batch.value_or(numbers.batch);
}

}  // namespace

Result<tune::PlanFile> read_plan(const std::string& file) {
  const Result<std::string> text = sys::read_text(file, kMostPlanBytes);
  if (!text) return Error{"cannot read the plan " + file + ": " + text.error().message};
  return tune::parse_plan_file(*text, file);
}

Result<tune::Place> place_here(const JobOptions& options) {
  const Result<plan::Budget> budget = read_budget(options);
  if (!budget) return budget.error();
  tune::Place place{.cpus = budget->cpu.cpus, .memory_limit = budget->memory.limit};
  if (const auto processor = sys::processor()) place.processor = processor->model;
  const auto files = files_of(options.model, options.beneath);
  if (!files) return files.error();
  Result<std::string> hash = tune::hash_of(*files);
  if (!hash) return hash.error();
  place.model_hash = std::move(*hash);
  return place;
}

Status take_up_plan(JobOptions& options, spdlog::logger& log) {
  if (options.plan == "none") return Ok{};
  const bool asked = !options.plan.empty();
  const std::string file = asked ? options.plan : tune::plan_path(options.model).string();
  std::error_code ignored;
  if (!asked && !fs::exists(file, ignored)) return Ok{};
  if (const Status in = model::check_beneath(asked ? "" : options.beneath, file); !in)
    return in.error();
  const Result<tune::PlanFile> plan = read_plan(file);
  if (!plan) {
    if (asked) return Error{plan.error().message + "; --plan none goes without"};
    log.warn("the plan {} is not used: {}", file, plan.error().message);
    return Ok{};
  }
  const Result<tune::Place> here = place_here(options);
  if (!here) return here.error();
  const std::string& engine = plan->numbers.engine;
  if (const auto why = tune::mismatch(*plan, *here)) {
    log.warn("the plan {} is not used: {}; headrace tune makes one that fits", file, *why);
  } else if (!options.engine.empty() && options.engine != engine) {
    log.warn("the plan {} is not used with --engine {}: it is for {}", file, options.engine,
             engine.empty() ? "a handler" : engine);
  } else if (!asked && plan->goal.latency) {
    log.warn("the plan {} is not used: it is for {}, not for throughput; --plan {} uses it", file,
             tune::to_text(plan->goal), file);
  } else if (const auto missing = lacks_engine(options, engine)) {
    if (asked) return Error{file + ": " + *missing};
    log.warn("the plan {} is not used: {}", file, *missing);
  } else {
    fill_in(options, plan->numbers);
    log.info("plan of {} (made {}, for {}): {}", file, plan->made_at, tune::to_text(plan->goal),
             tune::short_text(plan->numbers));
  }
  return Ok{};
}

}  // namespace headrace::cli
