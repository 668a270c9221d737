#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "base/result.h"
#include "cli/command_options.h"
#include "cli/option_kinds.h"
#include "model/toml.h"
#include "plan/budget.h"
#include "server/admin_door.h"

#ifndef HEADRACE_VERSION
#error "HEADRACE_VERSION comes from the build"
#endif

namespace headrace::cli {
namespace {

constexpr const char* kRunText =
    R"(Put a model, or a handler of your own, over inputs with worker processes; write one JSON line an item.

MODEL  a folder with model.toml, or a bare .onnx (or OpenVINO .xml) file; or a handler: a shared object
       (.so) made with <headrace/handler.h>
INPUT  files, folders (walked), @LIST (a file with one path a line), - (such a list on standard input)

A worker that dies costs only the item it was at: that is tried again, and after --attempts deaths it gets a
`failed` line that names the signal. One bad input never ends the run.)";

constexpr const char* kSources = R"(
Every option is also read from the environment (--workers as HEADRACE_WORKERS) and from --config FILE
(TOML, workers = 2). The command line wins over the environment, the environment over the file.
)";

constexpr const char* kRunCodes = R"(
Exit codes: 0 every input has its line; 1 the same, but some failed and --strict was given; 2 wrong usage;
3 the job could not run, or not to its end; 128+N stopped by signal N. After 3 and 128+N, --resume goes on.)";

constexpr const char* kPlanText =
    R"(Say what the container gives, and the plan that follows from it, each number with its reason.

MODEL  as for headrace run: one worker is started and measured, and the plan rests on that
INPUT  as for headrace run: what it is measured with; without, something is made up that the model takes)";

constexpr const char* kPlanCodes = R"(
Exit codes: 0 there is a plan; 2 wrong usage; 3 MODEL cannot run here, or has no room; 128+N stopped by signal N.)";

constexpr const char* kProbeText =
    R"(Print everything that an unknown platform could differ in, to be pasted into a report. Needs no model and
no rights, changes nothing, and shows no value of the environment but sizes.)";

constexpr const char* kTuneText =
    R"(Find the fastest plan for MODEL within the container's limits, by measuring with INPUTs.

Plans (engine, workers, threads, streams, batch) take turns over a sample of the inputs until the best is known or
the time is up; stopping it sooner (Ctrl-C) keeps the best so far. The plan goes into a file beside the model, which
`headrace run` takes up by itself, in this container and with this model.)";

constexpr const char* kTuneCodes = R"(
Exit codes: 0 the plan is written; 2 wrong usage; 3 there is no plan, or too little was measured to trust one;
128+N stopped by signal N.)";

constexpr const char* kServeText =
    R"(Answer requests with models: Open Inference Protocol over HTTP and gRPC, and pictures as they are.

MODEL  a folder with model.toml, or a bare .onnx (or OpenVINO .xml) file; each gets workers of its own. With
       --repository and --admin models are loaded, changed and unloaded while it serves

    curl --data-binary @cat.jpg -H 'content-type: image/jpeg' localhost:8080/v2/models/NAME/infer

A worker that dies costs only the request it was at: that is tried again. When too many requests wait, the next
one gets a 429 at once. SIGTERM: no new requests, what was admitted is answered, then it ends.)";

constexpr const char* kServeCodes = R"(
Exit codes: 0 told to end, and every admitted request was answered; 2 wrong usage, which shows before a file or an
address is tried; 3 it could not serve (no such model, an address in use), or not to the end.)";

constexpr const char* kSize = "Size of the job (auto: from the container's CPU and memory)";
// Of items or bytes, past which nobody counts.
constexpr std::uint64_t kMostCount = 1'000'000'000'000'000;
constexpr const char* kLimits = "Limits of one item";
// Half a dozen short trials.
constexpr std::chrono::milliseconds kShortestTuning{5'000};
constexpr const char* kTalk = "What it tells";

std::string variable_of(std::string name) {
  for (char& c : name)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "HEADRACE_" + name;
}

// Where MODEL comes from, how large the job is made and what bounds one item.
void add_job_options(CLI::App& app, JobOptions& o) {
  app.add_option("--engine", o.engine,
                 "openvino or onnxruntime, over what model.toml says; not for handlers")
      ->type_name("NAME")
      ->group(kSize);
  add_budget(app, "cpus", o.cpus, &plan::BudgetInput::cpus_override,
             "CPU budget, over what the container says; decimals allowed")
      ->type_name("CPUS")
      ->group(kSize);
  add_budget(app, "memory-mb", o.memory_mb, &plan::BudgetInput::memory_override,
             "Memory budget, over what the container says")
      ->type_name("MIB")
      ->group(kSize);
  add_duration(app, "timeout", o.timeout, "How long one attempt may take; 0: no limit")
      ->group(kLimits);
  add_duration(app, "load-timeout", o.load_timeout,
               "How long a worker may take to load the model or handler")
      ->group(kLimits);
  app.add_option("--max-bytes", o.max_bytes, "Largest input file")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE")
      ->default_str("256MiB")
      ->group(kLimits);
  app.add_option("--max-pixels", o.max_pixels, "Largest picture that a model gets, width x height")
      ->type_name("N")
      ->capture_default_str()
      ->group(kLimits);
  app.add_option("--result-bytes", o.result_bytes, "Room for one result")
      ->check(CLI::Range(256U, 1U << 30))
      ->type_name("N")
      ->default_str("from the model; 262144 for a handler")
      ->group(kLimits);
  add_choice<sys::Confine>(
      app, "sandbox", o.sandbox,
      {{"auto", sys::Confine::where_possible},
       {"on", sys::Confine::always},
       {"off", sys::Confine::off}},
      "Workers give up network, programs and files once they are loaded. auto: "
      "where the kernel can, and not for handlers; on: or they do not start")
      ->group("Safety");
  app.add_option("--log-level", o.log_level, "Least important messages to show")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}).description(""))
      ->type_name("debug|info|warn|error|off")
      ->capture_default_str()
      ->group(kTalk);
}

void add_handler_options(CLI::App& app, JobOptions& o) {
  app.add_option("--handler-settings", o.handler_settings, "Text for the handler")
      ->type_name("TEXT")
      ->group("Handler");
}

// What a plan decides, unless it is given.
void add_size_options(CLI::App& app, JobOptions& o) {
  add_number_or_auto(app, "workers", o.workers, 256, "Worker processes")->group(kSize);
  add_number_or_auto(app, "threads", o.threads, 1024, "Compute threads of each worker")
      ->group(kSize);
  add_number_or_auto(app, "streams", o.streams, 128,
                     "Batches that a worker works on at once, which share the model's memory")
      ->group(kSize);
  add_number_or_auto(app, "batch", o.batch, 128, "Items that a worker infers together")
      ->group(kSize);
  app.add_option("--plan", o.plan,
                 "A plan of headrace tune, for what is auto above (unset: the one beside MODEL)")
      ->type_name("FILE|none")
      ->group(kSize);
}

void add_progress(CLI::App& app, ProgressStyle& style) {
  add_choice<ProgressStyle>(app, "progress", style,
                            {{"auto", ProgressStyle::automatic},
                             {"bar", ProgressStyle::bar},
                             {"plain", ProgressStyle::plain},
                             {"none", ProgressStyle::none}},
                            "bar on a terminal, otherwise a plain line now and then")
      ->group(kTalk);
}

template <class Options>
void add_governor_options(CLI::App& app, Options& o) {
  const char* governor = "Governor (watches CPU and memory meanwhile)";
  add_choice<bool>(app, "governor", o.governor_acts, {{"act", true}, {"watch", false}},
                   "act: keep the job within the container; watch: only say what is used")
      ->group(governor);
  app.add_option("--recycle-after", o.recycle_after,
                 "Replace a worker after about N items (a tenth more or less)")
      ->check(CLI::Range(std::uint64_t{1}, kMostCount).description(""))
      ->type_name("N")
      ->group(governor);
  app.add_option(
         "--recycle-growth", o.recycle_growth,
         "Replace a worker when it has grown by about SIZE; without it, when memory runs short")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->check(CLI::Range(std::uint64_t{1}, kMostCount).description(""))
      ->type_name("SIZE")
      ->group(governor);
}

}  // namespace

void add_run_options(CLI::App& run, RunOptions& o) {
  run.add_option("MODEL", o.model, "Model folder or file, or handler")->required()->type_name("");
  run.add_option("INPUT", o.inputs, "Inputs")->required()->type_name("");
  add_size_options(run, o);
  add_job_options(run, o);
  add_handler_options(run, o);

  const char* results = "Results";
  run.add_option("--out", o.out, "Where the lines go; - is standard output")
      ->type_name("FILE|-")
      ->capture_default_str()
      ->group(results);
  run.add_flag("--resume", o.resume,
               "Go on with --out FILE: inputs that have a line there are left out")
      ->group(results);
  run.add_flag("--overwrite", o.overwrite, "Empty --out FILE first, should it hold results")
      ->group(results);
  run.add_flag("--ordered", o.ordered, "Lines in the order of the inputs")->group(results);
  run.add_flag("--strict", o.strict, "Exit with 1 when an item failed")->group(results);
  run.add_option("--summary", o.summary, "Write the summary of the run as JSON")
      ->type_name("FILE")
      ->group(results);
  run.add_option("--files", o.files,
                 "Of a handler: results of bytes become files in DIR, at the paths of the inputs")
      ->type_name("DIR")
      ->group(results);
  run.add_option("--attempts", o.attempts,
                 "How often an item is tried in all before it is quarantined")
      ->check(CLI::Range(1U, 100U))
      ->type_name("N")
      ->capture_default_str()
      ->group(kLimits);
  add_duration(run, "patience", o.patience,
               "How long results and inputs on a network share that is away are tried again")
      ->group(kLimits);
  add_progress(run, o.progress);

  add_governor_options(run, o);
}

void add_serve_options(CLI::App& serve, ServeOptions& o) {
  serve.add_option("MODEL", o.models, "Model folders or files, or names of models in --repository")
      ->type_name("");
  serve
      .add_option("--repository", o.repository,
                  "A folder of model folders that may be loaded while it serves, through --admin "
                  "or --admin-grpc")
      ->type_name("FOLDER");
  const char* doors = "Doors";
  add_place(serve, "http", o.http, "Where HTTP is served: ADDRESS:PORT, or unix:PATH", false)
      ->group(doors);
  add_place(serve, "grpc", o.grpc,
            "Where gRPC is served: ADDRESS:PORT, or unix:PATH (unset: nowhere)")
      ->group(doors);
  add_place(serve, "admin", o.admin,
            "Where a page shows what the server does, and models are loaded and unloaded, such as "
            "127.0.0.1:8081 (unset: nowhere)")
      ->group(doors);
  add_place(serve, "admin-grpc", o.admin_grpc,
            "Where models are loaded and unloaded over gRPC, beside all that --grpc answers")
      ->group(doors);
  serve
      .add_option(
          "--token-file", o.token_file,
          "Who names none of the tokens in it (one a line) gets a 401; health is open to all")
      ->type_name("FILE")
      ->group(doors);
  serve
      .add_option("--admin-token-file", o.admin_token_file,
                  "The same for --admin and --admin-grpc, where those of --token-file are worth "
                  "nothing then (unset: they are good where only this machine gets to)")
      ->type_name("FILE")
      ->group(doors);
  CLI::Option* certificate =
      serve.add_option("--tls-cert", o.tls_certificate, "Certificate (PEM); then HTTP is HTTPS")
          ->type_name("FILE")
          ->group(doors);
  CLI::Option* key =
      serve.add_option("--tls-key", o.tls_key, "Its key (PEM)")->type_name("FILE")->group(doors);
  certificate->needs(key);
  key->needs(certificate);
  serve.add_option("--connections", o.connections, "Clients connected at once, at most")
      ->check(CLI::Range(1U, 1'000'000U).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(doors);
  serve.add_option("--access-log", o.access_log, "A line of JSON a request; - is standard output")
      ->check(CLI::IsMember({"-", "none"}).description(""))
      ->type_name("-|none")
      ->capture_default_str()
      ->group(doors);
  add_duration(serve, "grace", o.grace, "After SIGTERM: how long what is in flight may take")
      ->group(doors);

  const char* requests = "Requests";
  serve
      .add_option("--queue", o.queue,
                  "Requests of one model that may wait and be in work; the next one gets a 429")
      ->check(CLI::Range(1U, 60'000U).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(requests);
  serve.add_option("--queue-bytes", o.queue_bytes, "The same in bytes")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->check(CLI::Range(std::uint64_t{1} << 20, std::uint64_t{1} << 40).description(""))
      ->type_name("SIZE")
      ->default_str("an eighth of the memory, 256MiB at most")
      ->group(requests);
  serve.add_option("--max-body", o.max_body, "Largest body of a request")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->check(CLI::Range(std::uint64_t{1} << 10, std::uint64_t{1} << 40).description(""))
      ->type_name("SIZE")
      ->default_str("64MiB")
      ->group(requests);
  serve
      .add_option("--attempts", o.attempts,
                  "How often a request is tried in all, when workers die at it")
      ->check(CLI::Range(1U, 100U))
      ->type_name("N")
      ->capture_default_str()
      ->group(requests);
  add_duration(serve, "batch-delay", o.batch_delay,
               "How long a request waits for others, up to --batch of them")
      ->group(requests);
  add_size_options(serve, o);
  serve
      .add_option("--spare", o.spare, "Workers of each model that are kept warm for when one dies")
      ->check(CLI::Range(0U, 64U).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(kSize);
  add_job_options(serve, o);
  serve.get_option("--load-timeout")
      ->description(
          "How long a worker may take to load the model, and a whole load while it serves");
  add_governor_options(serve, o);
}

namespace {

void add_plan_options(CLI::App& plan, PlanOptions& o) {
  plan.add_option("MODEL", o.model, "Model folder or file, or handler")->type_name("");
  plan.add_option("INPUT", o.inputs, "Inputs to measure with")->type_name("");
  add_size_options(plan, o);
  add_job_options(plan, o);
  add_handler_options(plan, o);
  plan.add_flag("--json", o.json, "For machines")->group(kTalk);
}

void add_tune_options(CLI::App& tune, TuneOptions& o) {
  tune.add_option("MODEL", o.model, "Model folder or file, or handler")->required()->type_name("");
  tune.add_option("INPUT", o.inputs, "Inputs, the more like the real ones the better")
      ->required()
      ->type_name("");
  const char* goal = "What for";
  add_choice<bool>(tune, "for", o.latency, {{"throughput", false}, {"latency", true}},
                   "throughput: most items a second; latency: quick answers to --rate")
      ->group(goal);
  add_duration(tune, "p99", o.p99,
               "With latency: 99 of 100 answers within this; unset: the sooner the better",
               std::chrono::microseconds(1))
      ->default_str("")
      ->group(goal);
  add_rate(tune, "rate", o.rate, "With latency: items that arrive in a second")->group(goal);
  add_duration(tune, "time", o.time, "How long it may take in all", kShortestTuning)->group(goal);
  tune.add_option("--sample", o.sample, "How many of the inputs, evenly over all")
      ->check(CLI::Range(1U, 1'000'000U).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(goal);
  tune.add_option("--out", o.out, "Where the plan goes")
      ->type_name("FILE")
      ->default_str("beside MODEL")
      ->group("Results");
  tune.add_option("--report", o.report, "A page with plots, for a browser")
      ->type_name("FILE|none")
      ->capture_default_str()
      ->group("Results");
  add_job_options(tune, o);
  add_handler_options(tune, o);
  add_progress(tune, o.progress);
}

// A subcommand that also reads the environment and a file.
struct Command {
  CLI::App* app;
  std::string config{};

  Command(CLI::App& program, const std::string& name, const char* text)
      : app(program.add_subcommand(name, text)) {}
  void finish() {
    for (CLI::Option* option : app->get_options()) {
      const std::string name = option->get_single_name();
      if (option->get_positional() || name == "help") continue;
      // The run's results, or the plan? A tuning only writes where the command line says.
      if (app->get_name() == "tune" && (name == "out" || name == "report")) continue;
      option->envname(variable_of(name));
    }
    app->add_option("--config", config, "Read options from a TOML file")
        ->type_name("FILE")
        ->envname("HEADRACE_CONFIG");
  }
};

std::string as_text(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return std::to_string(number->get());
  return node.value_or(std::string());
}

// Options that neither the command line nor the environment set are taken from the file. One file
// serves all commands: what only another one knows is left to that.
Status apply_config(CLI::App& command, const std::vector<CLI::App*>& all, const std::string& path) {
  const toml::parse_result parsed = toml::parse_file(path);
  if (!parsed) {
    const auto line = parsed.error().source().begin.line;
    if (line == 0)
      return Error{"cannot read --config " + path + ": is it there, and may it be read?"};
    return Error{path + ":" + std::to_string(line) + ": " +
                 std::string(parsed.error().description())};
  }
  for (const auto& [key, node] : parsed.table()) {
    const std::string name(key.str());
    const std::string place = path + ":" + std::to_string(node.source().begin.line) + ": ";
    CLI::Option* option = command.get_option_no_throw("--" + name);
    const bool of_another = std::any_of(all.begin(), all.end(), [&](const CLI::App* other) {
      return other->get_option_no_throw("--" + name) != nullptr;
    });
    const bool tunes = command.get_name() == "tune" && (name == "out" || name == "report");
    if ((option == nullptr && of_another) || tunes) continue;
    if (option == nullptr || name == "config" || name == "help") {
      return Error{fmt::format("{}there is no option '{}'; headrace {} --help lists them", place,
                               name, command.get_name())};
    }
    if (node.is_table() || node.is_array())
      return Error{fmt::format("{}'{}' takes one value", place, name)};
    if (option->count() > 0) continue;
    try {
      option->add_result(as_text(node));
      option->run_callback();
    } catch (const CLI::Error& e) {
      return Error{place + e.what()};
    }
  }
  return Ok{};
}

// What is asked of a MODEL that is not there, and not only set for all commands alike.
std::optional<std::string> pointless(const CLI::App& plan) {
  for (const std::string name : {"engine", "plan", "handler-settings"}) {
    const bool elsewhere = std::getenv(variable_of(name).c_str()) != nullptr;
    if (plan.get_option("--" + name)->count() > 0 && !elsewhere)
      return "--" + name + " needs a MODEL: without one there is nothing that it could be for";
  }
  return std::nullopt;
}

// What changes models, for everybody.
std::optional<std::string> unguarded(const ServeOptions& o) {
  if (!o.admin_token_file.empty()) return std::nullopt;
  for (const auto& [option, place] :
       {std::pair{"--admin", o.admin}, std::pair{"--admin-grpc", o.admin_grpc}}) {
    if (!place.empty() && !server::is_loopback(place))
      return server::only_with_tokens(option, place).message;
  }
  return std::nullopt;
}

// What other servers call it.
std::string other_word(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "serve") return "";
  std::string host;
  std::string port;
  for (int i = 2; i < argc; ++i) {
    const std::string_view given(argv[i]);
    const std::string next = i + 1 < argc ? argv[i + 1] : "";
    if (given == "--port") port = next;
    if (given == "--host" || given == "--bind") host = next;
  }
  if (host.empty() && port.empty()) return "";
  if (host.empty()) host = "0.0.0.0";
  if (host.find(':') == std::string::npos) host += ":" + (port.empty() ? "8080" : port);
  return "; did you mean --http " + host + "?";
}

int explain(const std::string& message, const CLI::App& app) {
  const auto commands = app.get_subcommands();
  std::cerr << "headrace: " << message << "\nTry: headrace "
            << (commands.empty() ? "" : commands.front()->get_name() + " ") << "--help\n";
  return kUsage;
}

}  // namespace

std::optional<std::string> mistake_in(const RunOptions& o) {
  if (o.resume && o.overwrite) return "--resume and --overwrite exclude each other";
  if (o.resume && o.out == "-") return "--resume needs --out FILE: it goes on with that file";
  return std::nullopt;
}

std::optional<std::string> mistake_in(const ServeOptions& o) {
  if (o.models.empty() && o.repository.empty())
    return "name a MODEL to serve, or --repository FOLDER to load models from";
  if (!o.repository.empty() && o.admin.empty() && o.admin_grpc.empty())
    return "--repository needs --admin PLACE or --admin-grpc PLACE: there models are loaded and "
           "unloaded";
  if (!o.admin_token_file.empty() && o.admin.empty() && o.admin_grpc.empty())
    return "--admin-token-file is for --admin PLACE and --admin-grpc PLACE";
  return unguarded(o);
}

std::variant<RunOptions, PlanOptions, ProbeOptions, TuneOptions, ServeOptions, DeployOptions, int>
parse(int argc, char** argv) {
  using Parsed = std::variant<RunOptions, PlanOptions, ProbeOptions, TuneOptions, ServeOptions,
                              DeployOptions, int>;
  if (argc > 1 && std::string_view(argv[1]) == "deploy") {
    return std::visit([](const auto& options) -> Parsed { return options; },
                      parse_deploy(argc - 1, argv + 1));
  }
  RunOptions run_options;
  PlanOptions plan_options;
  ProbeOptions probe_options;
  TuneOptions tune_options;
  ServeOptions serve_options;
  CLI::App app("Inference with many processes inside one container.", "headrace");
  app.set_version_flag("--version", std::string("headrace ") + HEADRACE_VERSION);
  app.require_subcommand(1);
  Command run(app, "run", kRunText);
  run.app->footer(std::string(kSources) + kRunCodes);
  add_run_options(*run.app, run_options);
  Command plan(app, "plan", kPlanText);
  plan.app->footer(std::string(kSources) + kPlanCodes);
  add_plan_options(*plan.app, plan_options);
  Command probe(app, "probe", kProbeText);
  CLI::Option* as_json = probe.app->add_flag("--json", probe_options.json, "For machines");
  probe.app
      ->add_flag("--signals", probe_options.signals,
                 "Instead: print each signal that comes, with its time, until killed")
      ->excludes(as_json);
  CLI::Option* live = probe.app->add_flag(
      "--live", probe_options.live,
      "Instead, for a container's health check: ask its first process, a headrace serve, whether "
      "it lives; exit code 0 yes, 1 no");
  probe.app->add_flag("--ready", probe_options.ready, "The same: whether its models are ready")
      ->excludes(live);
  for (CLI::Option* other : {as_json, probe.app->get_option("--signals")}) {
    other->excludes(live);
    other->excludes(probe.app->get_option("--ready"));
  }
  Command tune(app, "tune", kTuneText);
  tune.app->footer(std::string(kSources) + kTuneCodes);
  add_tune_options(*tune.app, tune_options);
  Command serve(app, "serve", kServeText);
  serve.app->footer(std::string(kSources) + kServeCodes);
  add_serve_options(*serve.app, serve_options);
  app.add_subcommand("deploy", kDeployText);  // it has a command line of its own
  for (Command* command : {&run, &plan, &tune, &serve}) {
    // Only the one that is meant: probe must not fail at what a variable says to run.
    if (argc > 1 && command->app->get_name() == argv[1]) command->finish();
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(e);
    return explain(e.what() + other_word(argc, argv), app);
  }
  if (plan.app->parsed() && plan_options.model.empty()) {
    if (const auto mistake = pointless(*plan.app)) return explain(*mistake, app);
  }
  for (Command* command : {&run, &plan, &tune, &serve}) {
    if (!command->app->parsed() || command->config.empty()) continue;
    if (Status applied =
            apply_config(*command->app, {run.app, plan.app, tune.app, serve.app}, command->config);
        !applied)
      return explain(applied.error().message, app);
  }
  if (plan.app->parsed()) return plan_options;
  if (probe.app->parsed()) return probe_options;
  if (serve.app->parsed()) {
    if (const auto mistake = mistake_in(serve_options)) return explain(*mistake, app);
    return serve_options;
  }
  if (tune.app->parsed()) {
    if (tune_options.latency && !tune_options.rate)
      return explain("--for latency needs --rate N: the items that arrive in a second", app);
    if (!tune_options.latency && (tune_options.rate || tune_options.p99.count() > 0))
      return explain("--rate and --p99 are for --for latency", app);
    return tune_options;
  }
  if (const auto mistake = mistake_in(run_options)) return explain(*mistake, app);
  return run_options;
}

}  // namespace headrace::cli
