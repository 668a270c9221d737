#include "cli/deploy_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "cli/command_options.h"
#include "cli/option_kinds.h"
#include "cli/options.h"
#include "server/admin_door.h"

namespace headrace::cli {
namespace {

constexpr const char* kText =
    R"(Print files for a container platform, made of the options of run or serve. Runs nothing, asks nobody, needs no network.

    headrace deploy aci serve /models/lite0 --name classify --image registry.example/headrace:0.1.0 --cpus 4 --memory 8 \
        --mount models=azurefile:pictures/models:/models:ro --public --as all --into deploy

Paths are those of the container. No value of a secret is ever asked for or written: files name what must be filled in.)";

constexpr const char* kCodes = R"(
Exit codes: 0 the files are printed; 2 wrong usage, or something that the platform would refuse; 3 a file cannot be
read or written.)";

constexpr const char* kContainer = "The container";
constexpr const char* kOutside = "Who and where";
constexpr const char* kFiles = "The files";
constexpr const char* kCosts = "Costs, instead of files";

// A number above 0.
CLI::Option* add_amount(CLI::App& app, const std::string& name, double& value,
                        const std::string& text) {
  const auto set = [&value, name](const std::string& given) {
    double number = 0;
    if (!CLI::detail::lexical_cast(given, number) || !(number > 0) || number > 1e6)
      throw CLI::ValidationError("--" + name, "'" + given + "' is no number above 0");
    value = number;
  };
  return app.add_option_function<std::string>("--" + name, set, text)->type_name("N");
}

CLI::Option* add_count(CLI::App& app, const std::string& name, std::optional<unsigned>& value,
                       const std::string& text) {
  return app.add_option("--" + name, value, text)
      ->check(CLI::Range(0U, 10'000U).description(""))
      ->type_name("N");
}

// All that is not an option of run or serve.
struct Around {
  deploy::Deployment d{};
  std::vector<std::string> mounts{};
  std::vector<std::string> variables{};
  std::vector<std::string> secret_variables{};
  std::optional<unsigned> replicas{};
  std::optional<std::chrono::milliseconds> load_time{};
  std::optional<std::chrono::milliseconds> deadline{};
  std::optional<std::chrono::milliseconds> start_time{};
  double price_cpu = 0, price_memory = 0;
};

// --load-time and others: unset, or a time.
void add_optional_duration(CLI::App& app, const std::string& name,
                           std::optional<std::chrono::milliseconds>& value, const std::string& text,
                           const char* group) {
  const auto set = [&value, name](const std::string& given) {
    const std::optional<double> milliseconds = milliseconds_in(given);
    if (!milliseconds)
      throw CLI::ValidationError("--" + name,
                                 "'" + given + "' is no duration; write 500ms, 30s, 5m");
    value = std::chrono::milliseconds(std::llround(*milliseconds));
  };
  app.add_option_function<std::string>("--" + name, set, text)->type_name("DURATION")->group(group);
}

// One `headrace deploy PLATFORM run|serve`.
class Leaf {
 public:
  Leaf(CLI::App& platform, Platform where, deploy::Work work) : where_(where), work_(work) {
    const bool job = work == deploy::Work::job;
    app_ = platform.add_subcommand(
        job ? "run" : "serve", job ? "A job: ends by itself" : "A server: until it is told to end");
    if (job) {
      add_run_options(*app_, run_);
    } else {
      add_serve_options(*app_, serve_);
    }
    app_->add_option("--config", config_, "Read options from a TOML file in the container")
        ->type_name("FILE");
    // The container's is this command's own.
    app_->remove_option(app_->get_option("--cpus"));
    theirs_ = app_->get_options();
    add_container();
    add_outside();
    add_files();
    app_->footer(kCodes);
  }

  bool parsed() const { return app_->parsed(); }
  std::string called() const { return app_->get_parent()->get_name() + " " + app_->get_name(); }

  // Once parsed. What is wrong is a sentence that names the option.
  Result<DeployOptions> options() {
    if (const auto mistake = work_ == deploy::Work::job ? mistake_in(run_) : mistake_in(serve_))
      return Error{*mistake};
    deploy::Deployment& d = around_.d;
    d.work = work_;
    d.registry = deploy::registry_of(d.image);
    if (Status taken = take_around(); !taken) return taken.error();
    if (Status taken = take_words(); !taken) return taken.error();
    take_job_options(work_ == deploy::Work::job ? static_cast<JobOptions&>(run_) : serve_);
    Status taken = work_ == deploy::Work::job ? take_run() : take_serve();
    if (!taken) return taken.error();
    out_.platform = where_;
    out_.deployment = d;
    return out_;
  }

 private:
  bool azure() const { return where_ != Platform::kubernetes; }
  bool has_replicas() const { return where_ != Platform::aci && work_ == deploy::Work::server; }

  void add_container() {
    deploy::Deployment& d = around_.d;
    const auto add = [&](const char* name, auto& value, const char* text) {
      return app_->add_option(name, value, text)->group(kContainer);
    };
    add("--name", d.name, "What it is called on the platform")->required()->type_name("NAME");
    add("--image", d.image, "REGISTRY/NAME:TAG")->required()->type_name("IMAGE");
    add_amount(*app_, "cpus", d.cpus, "vCPUs that it asks for, gets, and is told of")
        ->group(kContainer);
    add_amount(*app_, "memory", d.memory_gb, "GB, as the platform counts them")->group(kContainer);
    add("--mount", around_.mounts,
        "NAME=KIND:SOURCE:/PATH[:ro]; KIND: azurefile, claim, secret, configmap, empty; once for "
        "each")
        ->type_name("MOUNT")
        ->allow_extra_args(false);
    add("--env", around_.variables, "NAME=VALUE of its environment; no secret")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    add("--env-secret", around_.secret_variables,
        "NAME[=WHERE]: its value is filled in when it is deployed; WHERE: k8s SECRET/KEY, "
        "containerapps the "
        "secret's name, aci the script's variable")
        ->type_name("NAME[=WHERE]")
        ->allow_extra_args(false);
    add_optional_duration(*app_, "load-time", around_.load_time,
                          "How long a worker takes to load the model, as headrace plan says",
                          kContainer);
    add("--from", out_.from,
        "What was measured: plan.toml of headrace tune, or the text of headrace plan --json")
        ->type_name("FILE");
    add("--restart", d.restart, "Over what fits: a job after a failure, a server always")
        ->type_name("POLICY");
    if (work_ == deploy::Work::job && where_ != Platform::aci) {
      add_count(*app_, "retries", d.retries, "How often a job that failed is started again")
          ->group(kContainer);
      add_optional_duration(*app_, "deadline", around_.deadline, "After which a job is ended",
                            kContainer);
    }
    if (has_replicas()) {
      add_count(*app_, "replicas", around_.replicas, "How many, at least")->group(kContainer);
      add_count(*app_, "max-replicas", d.most_replicas, "How many, at most")->group(kContainer);
    }
    if (has_replicas() && where_ == Platform::container_apps)
      add_count(*app_, "concurrency", d.concurrency,
                "Requests at once past which another replica is started")
          ->group(kContainer);
  }

  void add_outside() {
    deploy::Deployment& d = around_.d;
    const auto add = [&](const char* name, std::string& value, const char* type, const char* text) {
      app_->add_option(name, value, text)->type_name(type)->group(kOutside);
    };
    if (work_ == deploy::Work::server)
      app_->add_flag("--public", d.open_to_all, "An address on the internet")->group(kOutside);
    if (azure()) {
      add("--resource-group", d.resource_group, "NAME", "Where it is put (unset: asked for)");
      add("--location", d.location, "REGION", "Such as westeurope (unset: the resource group's)");
      add("--registry-identity", d.registry_identity, "ID",
          "User-assigned identity that pulls the image");
      add("--registry-user", d.registry_secret, "NAME",
          "Who pulls the image; the password is asked for");
    }
    if (where_ == Platform::aci) {
      if (work_ == deploy::Work::server)
        add("--dns-label", d.dns_label, "LABEL", "Name of the public address");
      add("--subnet", d.subnet, "ID", "Subnet of a virtual network");
      add("--log-workspace", d.log_workspace, "ID",
          "Log Analytics workspace; its key is asked for");
    }
    if (where_ == Platform::container_apps)
      add("--environment", d.environment, "NAME|ID", "Container Apps environment");
    if (where_ == Platform::kubernetes) {
      add("--namespace", d.kube_namespace, "NAME", "Namespace");
      add("--service-account", d.service_account, "NAME", "Service account");
      add("--registry-secret", d.registry_secret, "NAME", "Secret that pulls the image");
      app_->add_flag("--virtual-node", d.virtual_node,
                     "On virtual nodes, which are container instances")
          ->group(kOutside);
    }
  }

  void add_files() {
    std::vector<std::string> forms{"yaml"};
    if (azure()) forms = {"yaml", "bicep", "az", "all"};
    app_->add_option(
            "--as", out_.as,
            azure()
                ? "A file, the same as Bicep, or az commands for it (unset: yaml; all with --into)"
                : "The only form there is")
        ->check(CLI::IsMember(forms).description(""))
        ->type_name(azure() ? "yaml|bicep|az|all" : "yaml")
        ->group(kFiles);
    app_->add_option("--into", out_.into, "Write files into this folder instead of standard output")
        ->type_name("FOLDER")
        ->group(kFiles);
    app_->add_flag("--replace", out_.replace, "Write over files that are there")->group(kFiles);
    app_->add_flag("--explain", out_.explain, "Say of each line why it is there")->group(kFiles);
    app_->add_option("--cost", out_.cost,
                     "Items a second, or measured (--from): print the arithmetic")
        ->type_name("RATE|measured")
        ->group(kCosts);
    add_amount(*app_, "price-cpu", around_.price_cpu, "Of a vCPU-second")->group(kCosts);
    add_amount(*app_, "price-memory", around_.price_memory, "Of a GB-second")->group(kCosts);
    add_optional_duration(*app_, "start-time", around_.start_time, "Paid for before the first item",
                          kCosts);
  }

  Status take_around() {
    deploy::Deployment& d = around_.d;
    for (const std::string& given : around_.mounts) {
      Result<deploy::Mount> mount = deploy::parse_mount(given);
      if (!mount)
        return Error{"--mount " + given.substr(0, given.find('=')) + ": " + mount.error().message};
      d.mounts.push_back(std::move(*mount));
    }
    for (const std::string& given : around_.variables) {
      Result<deploy::Variable> variable = deploy::parse_env(given);
      if (!variable) return Error{"--env: " + variable.error().message};
      d.variables.push_back(std::move(*variable));
    }
    for (const std::string& given : around_.secret_variables) {
      Result<deploy::Variable> variable = deploy::parse_env_secret(given);
      if (!variable) return Error{"--env-secret: " + variable.error().message};
      d.variables.push_back(std::move(*variable));
    }
    d.replicas = around_.replicas.value_or(1);
    const auto seconds = [](std::chrono::milliseconds time) {
      return std::chrono::duration<double>(time).count();
    };
    if (around_.load_time) d.load_seconds = seconds(*around_.load_time);
    if (around_.deadline) d.deadline_seconds = seconds(*around_.deadline);
    return take_costs(seconds);
  }

  template <class Seconds>
  Status take_costs(const Seconds& seconds) {
    deploy::CostInput& prices = out_.prices;
    const bool prices_given =
        around_.price_cpu > 0 || around_.price_memory > 0 || around_.start_time;
    if (!out_.cost && prices_given)
      return Error{"--price-cpu, --price-memory and --start-time are for --cost RATE"};
    if ((around_.price_cpu > 0) != (around_.price_memory > 0))
      return Error{"--price-cpu and --price-memory go together"};
    if (around_.price_cpu > 0) prices.price_cpu = around_.price_cpu;
    if (around_.price_memory > 0) prices.price_memory = around_.price_memory;
    if (around_.start_time) prices.start_seconds = seconds(*around_.start_time);
    if (out_.cost && *out_.cost == "measured") {
      if (out_.from.empty())
        return Error{"--cost measured needs --from FILE, which says what was measured"};
      return Ok{};
    }
    double rate = 0;
    if (out_.cost && (!CLI::detail::lexical_cast(*out_.cost, rate) || !(rate > 0) || rate > 1e9))
      return Error{"--cost: '" + *out_.cost +
                   "' is neither measured nor a number of items a second above 0"};
    return Ok{};
  }

  // The words of the container's command, and the paths in them.
  Status take_words() {
    std::vector<std::string>& words = around_.d.words;
    words.push_back(app_->get_name());
    for (const bool positional : {true, false}) {
      for (CLI::Option* option : theirs_) {
        const std::string name = option->get_single_name();
        if (option->get_positional() != positional || option->count() == 0) continue;
        if (name == "help" || name == "memory-mb") continue;
        if (Status taken = take_option(*option, positional ? name : "--" + name, words); !taken)
          return taken;
      }
    }
    return Ok{};
  }

  Status take_option(const CLI::Option& option, const std::string& name,
                     std::vector<std::string>& words) {
    const bool positional = option.get_positional();
    if (option.get_items_expected_max() == 0) {
      if (option.as<bool>()) words.push_back(name);
      return Ok{};
    }
    for (const std::string& value : option.results()) {
      if (!positional) words.push_back(name);
      words.push_back(value);
      const bool settings = name == "--handler-settings";
      if (deploy::looks_like_a_secret(value) || (settings && deploy::names_a_secret_within(value)))
        return Error{name + ": this looks like a secret, which must not stand in a file" +
                     (settings ? "; --env-secret HEADRACE_HANDLER_SETTINGS asks for it" : "")};
      if (Status taken = take_path(option, name, value); !taken) return taken;
    }
    return Ok{};
  }

  Status take_path(const CLI::Option& option, const std::string& name, const std::string& value) {
    if (name == "INPUT" && value == "-")
      return Error{"INPUT: - is standard input, and a container has none: name a folder or @LIST"};
    if (!is_path(option, name, value)) return Ok{};
    std::string path = value;
    const bool of_repository = !serve_.repository.empty() && value.find('/') == std::string::npos;
    if (name == "MODEL" && of_repository) path = serve_.repository + "/" + value;
    if (name == "INPUT" && value.starts_with("@")) path = value.substr(1);
    if (!path.starts_with("/"))
      return Error{fmt::format("{}: '{}' is no absolute path: paths are those of the container",
                               name, value)};
    around_.d.paths.push_back(
        {.use = use_of(name), .path = path, .option = name, .folder = name == "--files"});
    return Ok{};
  }

  static bool is_path(const CLI::Option& option, const std::string& name,
                      const std::string& value) {
    if (name == "MODEL" || name == "INPUT") return true;
    const std::string& type = option.get_type_name();
    const auto is_of = [&](const char* word) { return type.find(word) != std::string::npos; };
    const bool may_be = is_of("FILE") || is_of("FOLDER") || is_of("DIR");
    return may_be && !value.empty() && value != "-" && value != "none";
  }

  static deploy::Path::Use use_of(const std::string& name) {
    using Use = deploy::Path::Use;
    if (name == "MODEL" || name == "--repository") return Use::model;
    if (name == "INPUT") return Use::input;
    if (name == "--out" || name == "--summary" || name == "--files") return Use::written;
    if (name == "--token-file" || name == "--admin-token-file" || name == "--tls-key")
      return Use::token;
    return Use::read;
  }

  void take_job_options(const JobOptions& o) {
    deploy::Deployment& d = around_.d;
    d.load_timeout_seconds = std::chrono::duration<double>(o.load_timeout).count();
    d.item_timeout_seconds = std::chrono::duration<double>(o.timeout).count();
    d.sandbox_required = o.sandbox == sys::Confine::always;
    d.threads = o.threads;
    if (!o.memory_mb.empty()) d.memory_mb_given = std::stod(o.memory_mb);
  }

  Status take_run() {
    deploy::Deployment& d = around_.d;
    d.strict = run_.strict;
    d.overwrites = run_.overwrite;
    d.results_on_output = run_.out == "-";
    d.resume_was_added = !d.results_on_output && !run_.resume && !run_.overwrite;
    if (d.resume_was_added) d.words.emplace_back("--resume");
    d.resumes = run_.resume || d.resume_was_added;
    return Ok{};
  }

  Status take_serve() {
    deploy::Deployment& d = around_.d;
    d.grace_seconds = std::chrono::duration<double>(serve_.grace).count();
    d.has_tokens = !serve_.token_file.empty();
    const bool tls = !serve_.tls_certificate.empty();
    for (const auto& [name, place, door] :
         {std::tuple{"--http", serve_.http, deploy::Port::Door::http},
          std::tuple{"--grpc", serve_.grpc, deploy::Port::Door::grpc}}) {
      if (place.empty() || server::is_loopback(place)) continue;
      const Result<std::uint16_t> port = port_of(name, place);
      if (!port) return port.error();
      d.ports.push_back(
          {.door = door, .number = *port, .tls = tls, .option = fmt::format("{} {}", name, place)});
    }
    d.has_admin_door = !serve_.admin.empty() || !serve_.admin_grpc.empty();
    for (const auto& [name, place] :
         {std::pair{"--admin", serve_.admin}, std::pair{"--admin-grpc", serve_.admin_grpc}}) {
      if (place.empty() || server::is_loopback(place)) continue;
      d.admin_beyond_loopback = true;
      d.admin_option = fmt::format("{} {}", name, place);
    }
    return Ok{};
  }

  // Of ADDRESS:PORT, which was looked at already.
  static Result<std::uint16_t> port_of(const std::string& option, const std::string& place) {
    unsigned number = 0;
    if (place.starts_with("unix:"))
      return Error{option + ": " + place +
                   " has no port, so nobody reaches it from outside of the container; "
                   "write 0.0.0.0:8080"};
    if (!CLI::detail::lexical_cast(place.substr(place.rfind(':') + 1), number) || number < 1 ||
        number > 65'535)
      return Error{option + ": " + place +
                   " leaves the port open, and others must know it; write 0.0.0.0:8080"};
    return static_cast<std::uint16_t>(number);
  }

  Platform where_;
  deploy::Work work_;
  CLI::App* app_ = nullptr;
  std::vector<CLI::Option*> theirs_{};  // of run or serve
  RunOptions run_{};
  ServeOptions serve_{};
  std::string config_{};
  Around around_{};
  DeployOptions out_{};
};

int explain(const std::string& message, const std::string& called) {
  std::cerr << "headrace: " << message << "\nTry: headrace deploy "
            << (called.empty() ? "" : called + " ") << "--help\n";
  return kUsage;
}

}  // namespace

std::variant<DeployOptions, int> parse_deploy(int argc, char** argv) {
  CLI::App app(kText, "headrace deploy");
  app.require_subcommand(1);
  app.footer(kCodes);
  constexpr std::array<std::tuple<const char*, const char*, Platform>, 3> kPlatforms = {{
      {"aci", "Azure Container Instances: a container group", Platform::aci},
      {"k8s", "Kubernetes: a Job, or a Deployment and its Service", Platform::kubernetes},
      {"containerapps", "Azure Container Apps: a job or an app", Platform::container_apps},
  }};
  std::vector<std::unique_ptr<Leaf>> leaves;
  for (const auto& [name, text, platform] : kPlatforms) {
    CLI::App* under = app.add_subcommand(name, text);
    under->require_subcommand(1);
    leaves.push_back(std::make_unique<Leaf>(*under, platform, deploy::Work::job));
    leaves.push_back(std::make_unique<Leaf>(*under, platform, deploy::Work::server));
  }
  const auto parsed = [&]() {
    return std::find_if(leaves.begin(), leaves.end(),
                        [](const auto& leaf) { return leaf->parsed(); });
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(e);
    if (parsed() != leaves.end()) return explain(e.what(), (*parsed())->called());
    const auto platforms = app.get_subcommands();
    if (e.get_exit_code() != static_cast<int>(CLI::ExitCodes::RequiredError))
      return explain(e.what(), "");
    const int at = platforms.empty() ? 1 : 2;  // what should stand there
    const std::string given = at < argc ? std::string("'") + argv[at] + "' is none; " : "";
    return platforms.empty() ? explain(given + "name a platform: aci, k8s or containerapps", "")
                             : explain(given + "name what it shall do there: run or serve",
                                       platforms.front()->get_name());
  }
  Result<DeployOptions> options = (*parsed())->options();
  if (!options) return explain(options.error().message, (*parsed())->called());
  return std::move(*options);
}

}  // namespace headrace::cli
