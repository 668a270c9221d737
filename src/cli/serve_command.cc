#include "cli/serve_command.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/health.h"
#include "cli/log.h"
#include "cli/served_model.h"
#include "server/admin_door.h"
#include "server/grpc_door.h"
#include "server/http_door.h"
#include "server/repository.h"
#include "server/server.h"
#include "sys/files.h"
#include "sys/process.h"

#ifndef HEADRACE_VERSION
#error "HEADRACE_VERSION comes from the build"
#endif

namespace headrace::cli {
namespace {

constexpr Bytes kLeastForMessages = 16_MiB;
constexpr std::uint64_t kLeastPace = 16 << 10;  // bytes a second, of a body
constexpr std::size_t kMostPathInLog = 1000;

// Whether there is something to load from; what is odd but may be meant is only said.
Status check_repository(const std::string& folder, spdlog::logger& log) {
  namespace fs = std::filesystem;
  std::error_code wrong;
  bool any = false;
  for (fs::directory_iterator at(folder, wrong), end; !wrong && at != end; at.increment(wrong)) {
    std::error_code ignored;
    any = any || fs::exists(at->path() / "model.toml", ignored);
  }
  if (wrong) return Error{"--repository " + folder + ": " + wrong.message()};
  if (fs::exists(fs::path(folder) / "model.toml", wrong)) {
    log.warn("--repository {} is a model itself: name the folder that it lies in", folder);
  } else if (!any) {
    log.warn("--repository {} holds no folder with a model.toml yet", folder);
  }
  return Ok{};
}

// Says of each model of the command line that it is ready, once; and now and then what the log left out.
class Teller final : public server::Attendant {
 public:
  Teller(const server::Server& server, const std::string& log_level, ServerLog& log)
      : server_(server), log_(log), silent_(log_level == "error" || log_level == "off") {}

  std::chrono::milliseconds step(server::Clock::time_point now) override {
    if (now >= next_look_) {
      next_look_ = now + kPace;
      log_.tell_left_out();
    }
    for (const auto& model : server_.models()) {
      if (silent_ || !model->essential || !model->line->ready(now)) continue;
      const auto& fleet = model->line->fleet();
      std::size_t ready = 0;
      bool loading = false;
      for (const auto& worker : fleet.workers()) {
        ready += worker->state() == supervisor::WorkerState::ready ? 1 : 0;
        loading = loading || worker->state() == supervisor::WorkerState::starting;
      }
      if (loading || !told_.insert(model->line->name()).second) continue;
      const std::chrono::duration<double> taken = now - begin_;
      log_.say(fmt::format("{} is ready: {} worker{} of {}, {:.1f} s", model->line->name(), ready,
                           ready == 1 ? "" : "s", fleet.equipment(), taken.count()));
    }
    return kPace;
  }
  void drain() override { silent_ = true; }

 private:
  static constexpr std::chrono::seconds kPace{1};

  const server::Server& server_;
  ServerLog& log_;
  bool silent_;
  server::Clock::time_point next_look_;
  server::Clock::time_point begin_ = server::Clock::now();
  std::set<std::string> told_;
};

// The parts of a server, in the order in which they need each other.
class Serving {
 public:
  Serving(const ServeOptions& options, const std::string& program, ServerLog& log)
      : options_(options),
        program_(program),
        log_(log),
        server_({.grace = options.grace,
                 .has_secrets = !options.token_file.empty() || !options.admin_token_file.empty() ||
                                !options.tls_certificate.empty()},
                io_, poller_, signals_, *log.answers()),
        models_(options, program, server_, poller_, log.logger()),
        repository_({.load_timeout = options.load_timeout}, models_, server_, *log.answers()),
        teller_(server_, options.log_level, log) {
    server_.add(repository_);
    server_.add(teller_);
  }

  Status start_models() {
    for (const std::string& model : options_.models) {
      if (Status started = models_.start(model); !started) return started;
    }
    models_.all_are_started();
    return Ok{};
  }

  Status open_http() {
    http::Settings listener = listener_at("--http", options_.http, options_.token_file);
    listener.limits.connections = options_.connections;
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
    // Without it a health check has the command line.
    if (auto note = note_place(http_->address(), !options_.tls_certificate.empty()))
      place_note_ = std::move(*note);
    say("serving " + names() + " on " + scheme("http") + http_->address());
    return Ok{};
  }

  Status open_admin() {
    auto door =
        server::AdminDoor::open({.listener = listener_at("--admin", options_.admin, admin_tokens()),
                                 .server_version = HEADRACE_VERSION,
                                 .own_tokens = !options_.admin_token_file.empty()},
                                server_, *http_, repository_);
    if (!door) return door.error();
    admin_ = std::move(*door);
    server_.add(*admin_);
    say("a page for people is on " + scheme("http") + admin_->address());
    return Ok{};
  }

  Status open_grpc() {
    return open_grpc_at(listener_at("--grpc", options_.grpc, options_.token_file), nullptr,
                        "serving " + names(), grpc_);
  }

  Status open_admin_grpc() {
    if (!server::is_loopback(options_.admin_grpc) && options_.admin_token_file.empty())
      return server::only_with_tokens("--admin-grpc", options_.admin_grpc);
    return open_grpc_at(listener_at("--admin-grpc", options_.admin_grpc, admin_tokens()),
                        &repository_, "models are loaded and unloaded", admin_grpc_);
  }

  // Once every door is open: a line that says "serving" before that may not be true.
  Status run() {
    const auto is_public = [](const std::string& place) {
      return !place.empty() && !server::is_loopback(place);
    };
    if (options_.token_file.empty() && (is_public(options_.http) || is_public(options_.grpc)))
      say("whoever reaches this address may ask: see --token-file, and --http 127.0.0.1:8080");
    for (const std::string& line : said_) log_.say(line);
    return server_.run();
  }
  // Somebody is still at work whom nothing can end: a thread at a file, a worker in the kernel.
  bool left_behind() const { return server_.left_behind() || repository_.reading(); }
  // Lets clients take their last answers.
  void close_doors() {
    admin_grpc_.reset();
    grpc_.reset();
    admin_.reset();
    http_.reset();
  }

 private:
  const std::string& admin_tokens() const {
    return options_.admin_token_file.empty() ? options_.token_file : options_.admin_token_file;
  }

  void say(std::string line) { said_.push_back(std::move(line)); }

  std::string scheme(const std::string& plain) const {
    return plain + (options_.tls_certificate.empty() ? "://" : "s://");
  }

  Status open_grpc_at(const http::Settings& place, server::Repository* repository,
                      const std::string& what, std::unique_ptr<server::Door>& door) {
    // gRPC only says that it could not.
    if (Status free = http::try_to_listen(io_, place); !free) return free;
    server::GrpcSettings settings{.address = place.address,
                                  .server_version = HEADRACE_VERSION,
                                  .max_message = options_.max_body,
                                  .memory = 2 * options_.max_body + kLeastForMessages.value,
                                  .calls = options_.connections,
                                  .token_file = place.token_file,
                                  .certificate = options_.tls_certificate,
                                  .key = options_.tls_key,
                                  .repository = repository};
    auto opened = server::open_grpc_door(program_, settings, server_);
    if (!opened) return opened.error();
    door = std::move(opened->door);
    server_.add(*door);
    say(what + " on " + scheme("grpc") + opened->address);
    return Ok{};
  }

  http::Settings listener_at(const std::string& option, const std::string& address,
                             const std::string& token_file) const {
    http::Settings listener{.address = address, .option = option, .token_file = token_file};
    listener.limits.body = Bytes{options_.max_body};
    // A body that is being read takes its place in the queue.
    listener.limits.body_pace.bytes_per_second = kLeastPace;
    if (!options_.tls_certificate.empty())
      listener.tls = http::TlsFiles{options_.tls_certificate, options_.tls_key};
    return listener;
  }

  std::string names() const {
    std::string all;
    for (const auto& model : server_.models())
      all += (all.empty() ? "" : ", ") + model->line->name();
    return all.empty() ? "no model yet" : all;
  }

  const ServeOptions& options_;
  std::string program_;
  ServerLog& log_;
  sys::Signals signals_{/*hangup=*/true};
  sys::Poller poller_;
  boost::asio::io_context io_{1};
  server::Server server_;
  ServedModels models_;
  server::Repository repository_;
  Teller teller_;
  std::vector<std::string> said_;  // where the doors are
  sys::Fd place_note_;             // for health checks
  std::unique_ptr<server::HttpDoor> http_;
  std::unique_ptr<server::AdminDoor> admin_;
  std::unique_ptr<server::Door> grpc_;
  std::unique_ptr<server::Door> admin_grpc_;
};

}  // namespace

int serve_command(const ServeOptions& options) {
  sys::adopt_orphans();
  ServerLog log(options.log_level);
  const auto cannot = [&](const Error& error) {
    log.logger()->error("{}", error.message);
    return static_cast<int>(kCannotRun);
  };
  const Result<std::string> program = sys::own_program();
  if (!program) return cannot(program.error());
  if (!options.repository.empty()) {
    if (Status good = check_repository(options.repository, *log.logger()); !good)
      return cannot(good.error());
  }
  Serving serving(options, *program, log);
  if (Status started = serving.start_models(); !started) return cannot(started.error());
  if (Status open = serving.open_http(); !open) return cannot(open.error());
  if (!options.admin.empty()) {
    if (Status open = serving.open_admin(); !open) return cannot(open.error());
  }
  if (!options.grpc.empty()) {
    if (Status open = serving.open_grpc(); !open) return cannot(open.error());
  }
  if (!options.admin_grpc.empty()) {
    if (Status open = serving.open_admin_grpc(); !open) return cannot(open.error());
  }
  const Status served = serving.run();
  const int code = served ? static_cast<int>(kDone) : cannot(served.error());
  if (!serving.left_behind()) return code;
  serving.close_doors();
  log.tell_left_out(true);
  // To wait for them, or to destroy what they use, would be worse than to leave it all to the kernel.
  sys::exit_now(code);
}

}  // namespace headrace::cli
