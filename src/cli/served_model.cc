#include "cli/served_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "cli/sizing.h"
#include "cli/tuned.h"
#include "cli/workload.h"
#include "plan/words.h"
#include "shm/slots.h"
#include "sys/cgroup.h"
#include "sys/process.h"

namespace headrace::cli {

namespace fs = std::filesystem;

namespace {

// Room for requests unless the user says: a share of the memory, within bounds.
constexpr std::uint64_t kShareForRequests = 8;
constexpr Bytes kLeastForRequests = 16_MiB;
constexpr Bytes kMostForRequests = 256_MiB;
// Of one model; what a request brings lies outside of its slot.
constexpr std::uint32_t kNothingInSlot = 64;
constexpr std::uint32_t kResultBytes = 64 << 10;
constexpr std::uint32_t kKept = 64;  // slots for bytes that are kept beside requests
constexpr const char* kTomlName = "model.toml";

// The container is shared evenly by the models.
JobOptions share_of(const JobOptions& options, const plan::Budget& budget, std::size_t models) {
  JobOptions share = options;
  if (models <= 1) return share;
  const auto n = static_cast<double>(models);
  share.cpus = fmt::format("{:.4f}", std::max(0.01, budget.cpu.cpus.value / n));
  share.memory_mb = fmt::format("{}", std::max(1.0, budget.memory.limit.mib() / n));
  share.sharers = models;
  return share;
}

}  // namespace

// One model: how large it is made, now and when the container changes.
class ServedModel {
 public:
  ServedModel(JobOptions options, Workload workload)
      : options_(std::move(options)), workload_(std::move(workload)) {}

  const JobOptions& options() const { return options_; }
  const Workload& workload() const { return workload_; }
  const Sizing& sizing() const { return sizing_; }

  Status size(const ServeOptions& wishes, std::size_t models) {
    const Result<plan::Budget> budget = read_budget(options_);
    if (!budget) return budget.error();
    const JobOptions share = share_of(options_, *budget, models);
    const Result<plan::Budget> mine = read_budget(share);
    if (!mine) return mine.error();
    const Bytes eighth{mine->memory.limit.value / kShareForRequests};
    const Bytes bodies{
        wishes.queue_bytes.value_or(std::clamp(eighth, kLeastForRequests, kMostForRequests).value)};
    workload_.result_bytes = std::max(workload_.result_bytes, kResultBytes);
    const std::uint64_t results = share.result_bytes.value_or(workload_.result_bytes);
    workload_.shared_memory = bodies + Bytes{(wishes.queue + kKept) * results} +
                              Bytes{wishes.spare * workload_.worker_memory.value};
    Result<Sizing> sizing = size_job(share, workload_);
    if (!sizing) return sizing.error();
    sizing_ = std::move(*sizing);
    sizing_.slots.count = wishes.queue + kKept;
    sizing_.slots.input_capacity = kNothingInSlot;
    sizing_.slots.bodies = bodies;
    if (sizing_.first_workers + wishes.spare > supervisor::Fleet::kMaxWorkers) {
      return Error{"more than " + std::to_string(supervisor::Fleet::kMaxWorkers) +
                   " workers with --spare: lower --workers or --spare"};
    }
    return check_room(sizing_);
  }

  // With one measured worker, as soon as there is one.
  supervisor::Watch::Settings::Planned plan(const sys::CgroupFacts& facts,
                                            const supervisor::Fleet& fleet, std::size_t models) {
    if (!sizing_.request.worker_memory_measured) measure(fleet);
    const Result<plan::Budget> whole = budget_of(options_, facts);
    // As it is, unless more is known.
    supervisor::Watch::Settings::Planned planned = {.cpus = sizing_.budget.cpu.cpus,
                                                    .memory = sizing_.budget.memory.limit,
                                                    .workers = fleet.active(),
                                                    .threads = sizing_.plan.threads.value};
    if (!whole) return planned;
    planned.whole_cpus = whole->cpu.cpus;
    planned.whole_memory = whole->memory.limit;
    const JobOptions share = share_of(options_, *whole, models);
    const Result<plan::Budget> mine = budget_of(share, facts);
    const Result<plan::Plan> plan = plan_again(share, sizing_, facts);
    if (!mine || !plan) return planned;
    // By an estimate no worker is added.
    const bool known = options_.workers || sizing_.request.worker_memory_measured;
    const unsigned most = known ? plan->workers.value : fleet.active();
    planned.cpus = mine->cpu.cpus;
    planned.memory = mine->memory.limit;
    planned.workers = std::min(plan->workers.value, most);
    planned.threads = plan->threads.value;
    return planned;
  }

  supervisor::Start start(unsigned threads) const {
    return workload_.start(threads, sizing_.plan.streams.value);
  }

  // What one worker takes, as far as that is known: measured, or estimated.
  Bytes worker_memory() const { return sizing_.request.worker_memory; }

 private:
  // Once it has worked: what it takes before that says little.
  void measure(const supervisor::Fleet& fleet) {
    for (const auto& worker : fleet.workers()) {
      const bool warm = worker->state() == supervisor::WorkerState::ready &&
                        worker->finished > worker->finished_before;
      if (!warm) continue;
      (void)plan_by_measure(options_, sizing_, sys::proportional_memory(worker->child->pid()));
      return;
    }
  }

  JobOptions options_;
  Workload workload_;
  Sizing sizing_{};
};

namespace {

// All that reading one needs, so that it can go on when everything else has gone.
struct Wanted {
  std::shared_ptr<const ServeOptions> options;
  std::string program;
  std::shared_ptr<spdlog::logger> log;
  std::string path;
  fs::path beneath;                      // as ServedModels::Origin has it
  std::string name;                      // that it must have; empty: any
  std::size_t models = 1;                // that share the container, with this one
  bool beside = false;                   // of others that work already
  std::optional<Bytes> worker_memory{};  // of the one that it takes the place of
};

struct ReadServed final : server::ReadModel {
  ReadServed(std::shared_ptr<ServedModel> of, shm::SlotArea area, unsigned count)
      : served(std::move(of)), slots(std::move(area)), workers(count) {}
  std::shared_ptr<ServedModel> served;
  shm::SlotArea slots;
  unsigned workers;  // to begin with, spare ones left out
};

// How many workers there is room for beside everything that is there.
Result<unsigned> room_beside(const Wanted& wanted, const ServedModel& served) {
  const Sizing& sizing = served.sizing();
  const std::optional<Bytes> left = plan::memory_headroom(sys::read_cgroup());
  if (!left) return sizing.first_workers;
  // The one before is the better guess, with some room for what has changed.
  const Bytes guess = served.worker_memory();
  const Bytes each =
      wanted.worker_memory ? std::min(guess, Bytes{wanted.worker_memory->value * 5 / 4}) : guess;
  const std::uint64_t slots = std::min(sizing.slots.total().value, left->value);
  const std::uint64_t fit = (left->value - slots) / std::max<std::uint64_t>(1, each.value);
  if (fit == 0) {
    return Error{
        fmt::format("there is no room for it beside the others: its requests take {:.0f} MiB and a "
                    "worker about "
                    "{:.0f} MiB, but only {:.0f} MiB are left; unload a model first, or give the "
                    "container more",
                    sizing.slots.total().mib(), each.mib(), left->mib())};
  }
  const std::uint64_t spare = wanted.options->spare;
  const std::uint64_t fed = fit > spare ? fit - spare : 1;
  return static_cast<unsigned>(std::min<std::uint64_t>(fed, sizing.first_workers));
}

Result<std::unique_ptr<server::ReadModel>> read_served(const Wanted& wanted) {
  JobOptions mine = *wanted.options;
  mine.model = wanted.path;
  mine.beneath = wanted.beneath;
  if (Status taken = take_up_plan(mine, *wanted.log); !taken) return taken.error();
  Result<Workload> workload = load_served(mine, wanted.program);
  if (!workload) return workload.error();
  if (!wanted.name.empty() && workload->name != wanted.name) {
    return Error{
        fmt::format("the model there calls itself '{}': its name in {} must stay the same, and in "
                    "a repository be that of its folder, or left out",
                    workload->name, kTomlName)};
  }
  for (const std::string& warning : workload->warnings)
    wanted.log->warn("{}: {}", workload->name, warning);
  const auto served = std::make_shared<ServedModel>(mine, std::move(*workload));
  if (Status sized = served->size(*wanted.options, wanted.models); !sized) return sized.error();
  const Sizing& sizing = served->sizing();
  for (const std::string& warning : sizing.plan.warnings)
    wanted.log->warn("{}: {}", served->workload().name, warning);
  wanted.log->info("{}:\n{}", served->workload().name, plan::plan_text(sizing.budget, sizing.plan));
  unsigned workers = sizing.first_workers;
  if (wanted.beside) {
    const Result<unsigned> fit = room_beside(wanted, *served);
    if (!fit) return fit.error();
    // Later there is room for more, but only the governor would know.
    if (wanted.options->governor_acts) workers = *fit;
  }
  Result<shm::SlotArea> slots = shm::SlotArea::create(sizing.slots);
  if (!slots) return slots.error();
  return std::unique_ptr<server::ReadModel>(
      std::make_unique<ReadServed>(served, std::move(*slots), workers));
}

// Where a model's files lie is nothing to tell whoever may only load it.
Error without(const fs::path& folder, Error error) {
  std::error_code ignored;
  for (std::string prefix : {fs::absolute(folder, ignored).string(), folder.string()}) {
    if (prefix.empty()) continue;
    if (!prefix.ends_with('/')) prefix += '/';
    for (std::size_t at = 0; (at = error.message.find(prefix, at)) != std::string::npos;)
      error.message.erase(at, prefix.size());
  }
  return error;
}

server::LineSettings line_settings(const ServeOptions& options, const std::string& program,
                                   const ReadServed& read) {
  const ServedModel& served = *read.served;
  const Sizing& sizing = served.sizing();
  supervisor::FleetSettings fleet = fleet_settings(options, served.workload(), sizing, program);
  fleet.name = served.workload().name;
  fleet.workers = read.workers + options.spare;
  fleet.spare = options.spare;
  fleet.attempts = options.attempts;
  // A server does not give up what has worked once.
  fleet.hopeless_after = std::numeric_limits<std::uint32_t>::max();
  return {.name = served.workload().name,
          // Clients take a version for a number, and some have no call without one.
          .version = "1",
          .fleet = std::move(fleet),
          .slots = sizing.slots,
          .queue = options.queue,
          .delay = options.batch_delay};
}

supervisor::Watch::Settings watch_settings(
    const ServeOptions& options, const ServedModel& served,
    std::function<supervisor::Watch::Settings::Planned(const sys::CgroupFacts&)> plan) {
  using Watch = supervisor::Watch;
  const Sizing& sizing = served.sizing();
  Watch::Settings settings{
      .mode = options.governor_acts ? Watch::Mode::act : Watch::Mode::look,
      .wishes = {.recycle_after = options.recycle_after, .recycle_growth = {}},
      .threads = sizing.plan.threads.value,
      .streams = sizing.plan.streams.value,
      .spare = options.spare,
      .gives_up = false,
      .plan = std::move(plan),
      .start = [&served](unsigned threads) { return served.start(threads); },
      .advice = [&served](Bytes taken) { return no_room_advice(served.sizing(), taken); },
      .own_limit = {}};
  if (options.recycle_growth) settings.wishes.recycle_growth = Bytes{*options.recycle_growth};
  if (!options.memory_mb.empty()) settings.own_limit = sizing.budget.memory.limit;
  return settings;
}

}  // namespace

ServedModels::ServedModels(const ServeOptions& options, std::string program, server::Server& server,
                           sys::Poller& poller, std::shared_ptr<spdlog::logger> log)
    : options_(std::make_shared<const ServeOptions>(options)),
      program_(std::move(program)),
      server_(server),
      poller_(poller),
      log_(std::move(log)),
      least_sharers_(options.models.size()) {}

ServedModels::Origin ServedModels::in_repository(const std::string& name) const {
  return {.path = (fs::path(options_->repository) / name).string(),
          .beneath = options_->repository};
}

std::size_t ServedModels::sharers(const std::string& name) const {
  std::set<std::string> names = {name};
  for (const auto& model : server_.models()) names.insert(model->line->name());
  return names.size();
}

Status ServedModels::start(const std::string& model) {
  Origin origin{.path = model};
  std::error_code ignored;
  const bool by_name = !options_->repository.empty() && server::is_model_name(model) &&
                       fs::exists(fs::path(in_repository(model).path) / kTomlName, ignored);
  if (by_name) origin = in_repository(model);
  Result<std::unique_ptr<server::ReadModel>> read =
      read_served({.options = options_,
                   .program = program_,
                   .log = log_,
                   .path = origin.path,
                   .beneath = origin.beneath,
                   .name = by_name ? model : "",
                   .models = options_->models.size()});
  if (!read) return read.error();
  const std::string name = static_cast<const ReadServed&>(**read).served->workload().name;
  if (server_.find(name, "") != nullptr) {
    return Error{
        "two models are called '" + name +
        "': a model is called what its folder or file is called, unless its model.toml says "
        "name = \"...\"; rename one of them"};
  }
  const std::optional<unsigned> place = server_.free_place();
  if (!place || server_.models().size() == server::Server::kMostModels) {
    return Error{
        fmt::format("at most {} models can be served at a time", server::Server::kMostModels)};
  }
  given_[name] = origin;
  const std::shared_ptr<server::Model> made = make(std::move(*read), *place);
  made->essential = true;
  server_.add(made);
  server_.serve(made);
  return Ok{};
}

server::ModelMaker::Reading ServedModels::reading(const std::string& name) {
  using Read = std::unique_ptr<server::ReadModel>;
  const auto given = given_.find(name);
  if (given == given_.end() && options_->repository.empty())
    return []() -> Result<Read> { return Read(); };
  const Origin origin = given == given_.end() ? in_repository(name) : given->second;
  Wanted wanted{.options = options_,
                .program = program_,
                .log = log_,
                .path = origin.path,
                .beneath = origin.beneath,
                .name = name,
                .models = sharers(name),
                .beside = true};
  if (const auto made = made_.find(name); made != made_.end()) {
    if (const auto before = made->second.lock()) wanted.worker_memory = before->worker_memory();
  }
  return [wanted, given = given != given_.end()]() -> Result<Read> {
    std::error_code ignored;
    if (!given && !fs::exists(fs::path(wanted.path) / kTomlName, ignored)) {
      if (!fs::is_directory(wanted.path, ignored)) return Read();
      return Error{fmt::format("there is a folder of that name, but no {} in it", kTomlName)};
    }
    Result<Read> read = read_served(wanted);
    if (read) return read;
    const fs::path folder =
        wanted.beneath.empty() ? fs::path(wanted.path).parent_path() : wanted.beneath;
    return without(folder, read.error());
  };
}

std::shared_ptr<server::Model> ServedModels::make(std::unique_ptr<server::ReadModel> read,
                                                  unsigned place) {
  auto& mine = static_cast<ReadServed&>(*read);
  const std::shared_ptr<ServedModel> served = mine.served;
  auto model = std::make_shared<server::Model>();
  model->about = *served->workload().model;
  model->platform = served->workload().engines.front();
  model->maker = served;
  model->place = place;
  model->line = std::make_unique<server::Line>(line_settings(*options_, program_, mine),
                                               std::move(mine.slots), poller_,
                                               server::Server::first_tag(place), *log_);
  const auto plan = [this, &served = *served, &line = *model->line](const sys::CgroupFacts& facts) {
    return served.plan(facts, line.fleet(), std::max(sharers(line.name()), least_sharers_));
  };
  model->watch = std::make_unique<supervisor::Watch>(watch_settings(*options_, *served, plan),
                                                     model->line->fleet(), *log_);
  made_[served->workload().name] = served;
  return model;
}

server::ModelMaker::Listing ServedModels::listing() {
  std::set<std::string> names;
  for (const auto& [name, origin] : given_) names.insert(name);
  return [names, folder = options_->repository] {
    std::set<std::string> all = names;
    std::error_code wrong;
    for (fs::directory_iterator at(folder, wrong), end; !wrong && at != end; at.increment(wrong)) {
      const std::string name = at->path().filename().string();
      std::error_code ignored;
      if (server::is_model_name(name) && fs::exists(at->path() / kTomlName, ignored))
        all.insert(name);
    }
    return all;
  };
}

}  // namespace headrace::cli
