#include "cli/workload.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

#include "engine/engine.h"
#include "model/model.h"
#include "sys/sandbox.h"
#include "worker/handler_body.h"
#include "worker/handler_file.h"
#include "worker/model_body.h"

namespace headrace::cli {
namespace {

namespace fs = std::filesystem;

// Before anything is measured: an engine with its libraries, and a model of which repacked copies
// are made.
constexpr Bytes kEngineMemory = 160_MiB;
constexpr std::uint64_t kModelCopies = 4;
// Of a handler nothing at all is known.
constexpr Bytes kHandlerMemory = 256_MiB;
// For results of which nobody knows how long they get.
constexpr std::uint32_t kUnknownResultBytes = 256 << 10;

std::vector<fs::path> engine_folders(const fs::path& program) {
  std::vector<fs::path> folders;
  if (const char* extra = std::getenv("HEADRACE_ENGINE_PATH")) folders.emplace_back(extra);
  folders.push_back(program.parent_path() / "engines");
  folders.push_back(program.parent_path().parent_path() / "lib/headrace/engines");
  return folders;
}

// Turns `auto` into the engine that is there, so that all workers take the same.
Status choose_engine(model::Model& model, const std::string& asked,
                     const std::vector<fs::path>& folders) {
  if (!asked.empty()) model.engine = asked;
  const std::vector<std::string> installed = engine::available(folders);
  std::string names;
  for (const std::string& name : installed) names += (names.empty() ? "" : ", ") + name;
  if (model.engine == "auto") {
    const auto chosen = engine::choose(model.file, installed);
    if (!chosen) {
      return Error{"no installed engine reads " + model.file.string() +
                   " (installed: " + (names.empty() ? "none" : names) +
                   "; HEADRACE_ENGINE_PATH may name another folder)"};
    }
    model.engine = *chosen;
  }
  if (!engine::find(model.engine, folders)) {
    return Error{"there is no engine '" + model.engine +
                 "' (installed: " + (names.empty() ? "none" : names) + ")"};
  }
  return Ok{};
}

// What else could have been chosen, after what was.
std::vector<std::string> engines_for(const model::Model& model, bool open,
                                     const std::vector<fs::path>& folders) {
  std::vector<std::string> engines{model.engine};
  if (!open) return engines;
  const std::vector<std::string> installed = engine::available(folders);
  for (const std::string_view name : engine::preference(model.file)) {
    if (name != model.engine &&
        std::find(installed.begin(), installed.end(), name) != installed.end())
      engines.emplace_back(name);
  }
  return engines;
}

// Engines, handlers and their libraries size themselves by the host unless they are told.
std::vector<std::string> thread_variables(unsigned threads) {
  std::vector<std::string> out;
  for (const char* name :
       {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TBB_NUM_THREADS"}) {
    out.push_back(std::string(name) + "=" + std::to_string(threads));
  }
  return out;
}

std::uint32_t result_room(const model::Output& output) {
  if (output.kind == model::OutputKind::raw) return kUnknownResultBytes;
  std::size_t longest = 0;
  for (const std::string& label : output.labels) longest = std::max(longest, label.size());
  // Escapes can make a label six times as long; one more entry for the best one, which comes first.
  return static_cast<std::uint32_t>(
      std::max<std::size_t>(1024, (output.top_k + 1) * (64 + 6 * longest)));
}

// What workers give up; adds a warning where they should and cannot.
Result<sys::Sandbox> sandbox(sys::Confine asked, sys::FileUse files,
                             std::vector<std::string>& warnings) {
  if (asked == sys::Confine::where_possible && sys::watched_by_sanitizer())
    asked = sys::Confine::off;
  if (asked == sys::Confine::off) return sys::Sandbox{};
  const sys::SandboxFacts facts = sys::sandbox_facts();
  if (!facts.seccomp && asked == sys::Confine::always) {
    return Error{
        "workers cannot be sandboxed here: the kernel, or what this container runs in, has no "
        "seccomp; use --sandbox auto to run without"};
  }
  if (facts.landlock == 0 && asked == sys::Confine::always && files != sys::FileUse::none) {
    return Error{
        "handlers cannot be sandboxed here: they may read files, and the kernel has no Landlock to "
        "keep them from other processes; leave --sandbox on out to run without"};
  }
  if (!facts.seccomp) {
    warnings.push_back(
        facts.landlock > 0
            ? "workers are only half sandboxed: there is Landlock here, but no seccomp"
            : "workers are not sandboxed: there is neither Landlock nor seccomp here");
  }
  return sys::Sandbox{asked, files};
}

Result<Workload> of_model(const JobOptions& options, const fs::path& program, bool served) {
  for (const auto& [given, option] : {std::pair(options.handler_settings, "--handler-settings"),
                                      std::pair(options.files, "--files")}) {
    if (!given.empty())
      return Error{std::string(option) + " is for handlers, but '" + options.model + "' is none"};
  }
  Result<model::Model> model = model::load(options.model, options.beneath);
  if (!model) return model.error();
  if (!served && model->input.kind == model::InputKind::tensors) {
    return Error{
        "'" + options.model + "' takes tensors, which are not made of files: serve it with " +
        "`headrace serve`, or say in a model.toml what a file is to it, with kind in [input]"};
  }
  std::vector<std::string> warnings = model->guesses;
  // Its inputs come to it as descriptors, names or bytes.
  const Result<sys::Sandbox> kept = sandbox(options.sandbox, sys::FileUse::none, warnings);
  if (!kept) return kept.error();
  const std::vector<fs::path> folders = engine_folders(program);
  const bool engine_open = options.engine.empty() && model->engine == "auto";
  if (Status chosen = choose_engine(*model, options.engine, folders); !chosen)
    return chosen.error();
  std::error_code ignored;
  const auto file_bytes = fs::file_size(model->file, ignored);
  Workload workload{.name = model->name,
                    .worker_memory = kEngineMemory + Bytes{ignored ? 0 : file_bytes} * kModelCopies,
                    .result_bytes = result_room(model->output),
                    .warnings = std::move(warnings),
                    .engines = engines_for(*model, engine_open, folders),
                    .fixed_batch = model->fixed_batch,
                    .model = *model,
                    .start = {}};
  workload.start = [settings = worker::ModelSettings{.model = std::move(*model),
                                                     .engine_folders = folders,
                                                     .threads = 1,
                                                     .max_bytes = Bytes{options.max_bytes},
                                                     .max_pixels = options.max_pixels},
                    kind = served ? "served" : "model",
                    kept = *kept](unsigned threads, unsigned streams) mutable {
    settings.threads = threads;
    settings.streams = streams;
    return supervisor::Start{worker::to_json(settings, kind), thread_variables(threads), kept};
  };
  return workload;
}

Result<Workload> of_handler(const JobOptions& options) {
  if (!options.engine.empty()) {
    return Error{"--engine " + options.engine + " is for models, but '" + options.model +
                 "' is a handler, which is its own engine: leave --engine (HEADRACE_ENGINE) out"};
  }
  if (options.streams.value_or(1) != 1) {
    return Error{
        "--streams " + std::to_string(*options.streams) + " is for models, but '" + options.model +
        "' is a handler, which does one thing at a time: leave --streams (HEADRACE_STREAMS) "
        "out, and ask for more --workers instead"};
  }
  std::error_code wrong;
  if (!options.files.empty()) fs::create_directories(options.files, wrong);
  if (wrong) return Error{"cannot make the folder " + options.files + ": " + wrong.message()};
  // Code of the user's own may need the network and whatever else; only at his word.
  const bool asked = options.sandbox == sys::Confine::always;
  std::vector<std::string> warnings;
  const Result<sys::Sandbox> kept =
      sandbox(asked ? sys::Confine::always : sys::Confine::off,
              options.files.empty() ? sys::FileUse::reading : sys::FileUse::writing, warnings);
  if (!kept) return kept.error();
  const fs::path file = fs::absolute(options.model);
  Workload workload{.name = file.filename().string(),
                    .worker_memory = kHandlerMemory,
                    .result_bytes = kUnknownResultBytes,
                    .engines = {""},
                    .start = {}};
  workload.start = [settings = worker::HandlerSettings{.file = file,
                                                       .settings = options.handler_settings,
                                                       .folder = options.files,
                                                       .threads = 1,
                                                       .max_bytes = Bytes{options.max_bytes}},
                    kept = *kept](unsigned threads, unsigned /*streams*/) mutable {
    settings.threads = threads;
    return supervisor::Start{worker::to_json(settings), thread_variables(threads), kept};
  };
  return workload;
}

}  // namespace

Result<Workload> load_workload(const JobOptions& options, const fs::path& program) {
  const Result<bool> handler = worker::is_handler(options.model);
  if (!handler) return handler.error();
  return *handler ? of_handler(options) : of_model(options, program, /*served=*/false);
}

Result<Workload> load_served(const JobOptions& options, const fs::path& program) {
  const Result<bool> handler = worker::is_handler(options.model);
  if (!handler) return handler.error();
  if (*handler)
    return Error{"'" + options.model + "' is a handler; only models can be served so far"};
  return of_model(options, program, /*served=*/true);
}

}  // namespace headrace::cli
