#include "cli/serve_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cli/log.h"
#include "cli/sizing.h"
#include "cli/tuned.h"
#include "cli/workload.h"
#include "plan/words.h"
#include "server/grpc_door.h"
#include "server/http_door.h"
#include "server/server.h"
#include "sys/cgroup.h"
#include "sys/files.h"
#include "sys/process.h"

#ifndef HEADRACE_VERSION
#error "HEADRACE_VERSION comes from the build"
#endif

namespace headrace::cli {
namespace {

// Room for requests unless the user says: a share of the memory, within bounds.
constexpr std::uint64_t kShareForRequests = 8;
constexpr Bytes kLeastForRequests = 16_MiB;
constexpr Bytes kMostForRequests = 256_MiB;
// Of one model; what a request brings lies outside of its slot.
constexpr std::uint32_t kNothingInSlot = 64;
constexpr std::uint32_t kResultBytes = 64 << 10;
constexpr std::uint64_t kLeastPace = 16 << 10;  // bytes a second, of a body
constexpr std::size_t kMostPathInLog = 1000;
constexpr std::uint32_t kKept = 64;  // slots for bytes that are kept beside requests

// The container is shared evenly by the models.
JobOptions share_of(const JobOptions& options, const plan::Budget& budget, std::size_t models) {
  JobOptions share = options;
  if (models == 1) return share;
  const auto n = static_cast<double>(models);
  share.cpus = fmt::format("{:.4f}", std::max(0.01, budget.cpu.cpus.value / n));
  share.memory_mb = fmt::format("{}", std::max(1.0, budget.memory.limit.mib() / n));
  return share;
}

// One model: how large it is made, now and when the container changes.
class Served {
 public:
  Served(JobOptions options, std::size_t of, Workload workload)
      : options_(std::move(options)), of_(of), workload_(std::move(workload)) {}

  const Workload& workload() const { return workload_; }

  Status size(const ServeOptions& wishes) {
    const Result<plan::Budget> budget = read_budget(options_);
    if (!budget) return budget.error();
    const JobOptions share = share_of(options_, *budget, of_);
    const Result<plan::Budget> mine = read_budget(share);
    if (!mine) return mine.error();
    const Bytes eighth{mine->memory.limit.value / kShareForRequests};
    bodies_ = Bytes{
        wishes.queue_bytes.value_or(std::clamp(eighth, kLeastForRequests, kMostForRequests).value)};
    workload_.result_bytes = std::max(workload_.result_bytes, kResultBytes);
    const std::uint64_t results = share.result_bytes.value_or(workload_.result_bytes);
    workload_.shared_memory = bodies_ + Bytes{(wishes.queue + kKept) * results} +
                              Bytes{wishes.spare * workload_.worker_memory.value};
    Result<Sizing> sizing = size_job(share, workload_);
    if (!sizing) return sizing.error();
    sizing_ = std::move(*sizing);
    sizing_.slots.count = wishes.queue + kKept;
    sizing_.slots.input_capacity = kNothingInSlot;
    sizing_.slots.bodies = bodies_;
    return check_room(sizing_);
  }

  const Sizing& sizing() const { return sizing_; }

  // With one measured worker, as soon as there is one.
  supervisor::Watch::Settings::Planned plan(const sys::CgroupFacts& facts,
                                            const server::Line& line) {
    const supervisor::Fleet& fleet = line.fleet();
    if (!sizing_.request.worker_memory_measured && line.tally().success.count > 0) measure(fleet);
    const Result<plan::Budget> whole = budget_of(options_, facts);
    const supervisor::Watch::Settings::Planned as_it_is = {
        sizing_.budget.cpu.cpus, sizing_.budget.memory.limit, fleet.active(),
        sizing_.plan.threads.value};
    if (!whole) return as_it_is;
    const JobOptions share = share_of(options_, *whole, of_);
    const Result<plan::Budget> mine = budget_of(share, facts);
    const Result<plan::Plan> plan = plan_again(share, sizing_, facts);
    if (!mine || !plan) return as_it_is;
    // By an estimate no worker is added.
    const bool known = options_.workers || sizing_.request.worker_memory_measured;
    const unsigned most = known ? plan->workers.value : fleet.active();
    return {mine->cpu.cpus, mine->memory.limit, std::min(plan->workers.value, most),
            plan->threads.value};
  }

  supervisor::Start start(unsigned threads) const {
    return workload_.start(threads, sizing_.plan.streams.value);
  }

 private:
  void measure(const supervisor::Fleet& fleet) {
    for (const auto& worker : fleet.workers()) {
      if (worker->state() != supervisor::WorkerState::ready) continue;
      (void)plan_by_measure(options_, sizing_, sys::proportional_memory(worker->child->pid()));
      return;
    }
  }

  JobOptions options_;
  std::size_t of_;  // models that share the container
  Workload workload_;
  Sizing sizing_{};
  Bytes bodies_{};
};

// The parts of a server, in the order in which they need each other.
class Serving {
 public:
  Serving(const ServeOptions& options, std::string program, spdlog::logger& log)
      : options_(options),
        program_(std::move(program)),
        log_(log),
        server_({.grace = options.grace}, io_, poller_, signals_, log) {}

  Status add_model(const std::string& place) {
    const JobOptions& of_all = options_;
    JobOptions mine = of_all;
    mine.model = place;
    if (Status taken = take_up_plan(mine, log_); !taken) return taken;
    Result<Workload> workload = load_served(mine, program_);
    if (!workload) return workload.error();
    for (const std::string& guess : workload->warnings) log_.warn("{}: {}", workload->name, guess);
    if (server_.find(workload->name, "") != nullptr) {
      return Error{"two models are called '" + workload->name +
                   "'; give one of them another name in its model.toml"};
    }
    served_.push_back(std::make_unique<Served>(mine, options_.models.size(), std::move(*workload)));
    Served& served = *served_.back();
    if (Status sized = served.size(options_); !sized) return sized;
    if (served.sizing().first_workers + options_.spare > supervisor::Fleet::kMaxWorkers) {
      return Error{"more than " + std::to_string(supervisor::Fleet::kMaxWorkers) +
                   " workers with --spare: lower --workers or --spare"};
    }
    const Sizing& sizing = served.sizing();
    for (const std::string& warning : sizing.plan.warnings) log_.warn("{}", warning);
    log_.info("{}:\n{}", served.workload().name, plan::plan_text(sizing.budget, sizing.plan));
    Result<shm::SlotArea> slots = shm::SlotArea::create(sizing.slots);
    if (!slots) return slots.error();
    server::Model model{
        .about = *served.workload().model,
        .platform = served.workload().engines.front(),
        .line = std::make_unique<server::Line>(
            line_settings(served), std::move(*slots), poller_,
            server::Server::kFirstTag + (served_.size() - 1) * server::Line::kTags, log_),
        .watch = nullptr};
    model.watch = std::make_unique<supervisor::Watch>(watch_settings(served, *model.line),
                                                      model.line->fleet(), log_);
    server_.add(std::move(model));
    return Ok{};
  }

  Status open_http() {
    http::Settings listener{.address = options_.http, .token_file = options_.token_file};
    listener.limits.body = Bytes{options_.max_body};
    listener.limits.connections = options_.connections;
    // A body that is being read takes its place in the queue.
    listener.limits.body_pace.bytes_per_second = kLeastPace;
    if (!options_.tls_certificate.empty())
      listener.tls = http::TlsFiles{options_.tls_certificate, options_.tls_key};
    if (options_.access_log == "-") {
      // A reader that is slow or gone costs lines, never an answer.
      listener.log = [](const http::AccessRecord& record) {
        http::AccessRecord cut = record;
        cut.path = cut.path.substr(0, kMostPathInLog);
        sys::write_if_room(1, http::to_json(cut) + "\n");
      };
    }
    auto door = server::HttpDoor::open(
        {.listener = std::move(listener), .server_version = HEADRACE_VERSION}, server_);
    if (!door) return door.error();
    http_ = std::move(*door);
    server_.add(*http_);
    sys::write_text(2, "headrace: serving " + names() + " on " +
                           (options_.tls_certificate.empty() ? "http://" : "https://") +
                           http_->address() + "\n");
    return Ok{};
  }

  Status open_grpc() {
    server::GrpcSettings settings{.address = options_.grpc,
                                  .server_version = HEADRACE_VERSION,
                                  .max_message = options_.max_body,
                                  .memory = 2 * options_.max_body + kLeastForRequests.value,
                                  .calls = options_.connections,
                                  .token_file = options_.token_file,
                                  .certificate = options_.tls_certificate,
                                  .key = options_.tls_key};
    auto opened = server::open_grpc_door(program_, settings, server_);
    if (!opened) return opened.error();
    grpc_ = std::move(opened->door);
    server_.add(*grpc_);
    sys::write_text(2, "headrace: serving " + names() + " on " +
                           (options_.tls_certificate.empty() ? "grpc://" : "grpcs://") +
                           opened->address + "\n");
    return Ok{};
  }

  Status run() { return server_.run(); }

 private:
  server::LineSettings line_settings(const Served& served) const {
    const Sizing& sizing = served.sizing();
    supervisor::FleetSettings fleet = fleet_settings(options_, served.workload(), sizing, program_);
    fleet.workers += options_.spare;
    fleet.spare = options_.spare;
    fleet.attempts = options_.attempts;
    // A server does not give up what has worked once.
    fleet.hopeless_after = std::numeric_limits<std::uint32_t>::max();
    return {.name = served.workload().name,
            .version = "",
            .fleet = std::move(fleet),
            .slots = sizing.slots,
            .queue = options_.queue,
            .delay = options_.batch_delay};
  }

  supervisor::Watch::Settings watch_settings(Served& served, const server::Line& line) const {
    using Watch = supervisor::Watch;
    const Sizing& sizing = served.sizing();
    Watch::Settings settings{
        .mode = options_.governor_acts ? Watch::Mode::act : Watch::Mode::look,
        .wishes = {.recycle_after = options_.recycle_after, .recycle_growth = {}},
        .threads = sizing.plan.threads.value,
        .streams = sizing.plan.streams.value,
        .spare = options_.spare,
        .gives_up = false,
        .plan = [&served,
                 &line](const sys::CgroupFacts& facts) { return served.plan(facts, line); },
        .start = [&served](unsigned threads) { return served.start(threads); },
        .advice = [&served](Bytes taken) { return no_room_advice(served.sizing(), taken); },
        .own_limit = {}};
    if (options_.recycle_growth) settings.wishes.recycle_growth = Bytes{*options_.recycle_growth};
    if (!options_.memory_mb.empty()) settings.own_limit = sizing.budget.memory.limit;
    return settings;
  }

  std::string names() const {
    std::string all;
    for (const auto& served : served_) all += (all.empty() ? "" : ", ") + served->workload().name;
    return all;
  }

  const ServeOptions& options_;
  std::string program_;
  spdlog::logger& log_;
  sys::Signals signals_;
  sys::Poller poller_;
  boost::asio::io_context io_{1};
  std::vector<std::unique_ptr<Served>> served_;
  server::Server server_;
  std::unique_ptr<server::HttpDoor> http_;
  std::unique_ptr<server::Door> grpc_;
};

}  // namespace

int serve_command(const ServeOptions& options) {
  sys::adopt_orphans();
  const std::shared_ptr<spdlog::logger> log = make_log(options.log_level);
  const auto cannot = [&](const Error& error) {
    log->error("{}", error.message);
    return static_cast<int>(kCannotRun);
  };
  const Result<std::string> program = sys::own_program();
  if (!program) return cannot(program.error());
  Serving serving(options, *program, *log);
  for (const std::string& model : options.models) {
    if (Status added = serving.add_model(model); !added) return cannot(added.error());
  }
  if (Status open = serving.open_http(); !open) return cannot(open.error());
  if (!options.grpc.empty()) {
    if (Status open = serving.open_grpc(); !open) return cannot(open.error());
  }
  if (Status served = serving.run(); !served) return cannot(served.error());
  return kDone;
}

}  // namespace headrace::cli
