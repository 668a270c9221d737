#include "cli/serve_command.h"

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

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

// The parts of a server, in the order in which they need each other.
class Serving {
 public:
  Serving(const ServeOptions& options, const std::string& program,
          const std::shared_ptr<spdlog::logger>& log)
      : options_(options),
        program_(program),
        server_({.grace = options.grace}, io_, poller_, signals_, *log),
        models_(options, program, server_, poller_, log),
        repository_({.load_timeout = options.load_timeout}, models_, server_, *log) {
    server_.add(repository_);
  }

  Status start_models() {
    for (const std::string& model : options_.models) {
      if (Status started = models_.start(model); !started) return started;
    }
    models_.all_are_started();
    return Ok{};
  }

  Status open_http() {
    http::Settings listener = listener_at(options_.http);
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
    sys::write_text(2, "headrace: serving " + names() + " on " +
                           (options_.tls_certificate.empty() ? "http://" : "https://") +
                           http_->address() + "\n");
    return Ok{};
  }

  Status open_admin() {
    auto door = server::AdminDoor::open(
        {.listener = listener_at(options_.admin), .server_version = HEADRACE_VERSION}, server_,
        *http_, repository_);
    if (!door) return door.error();
    admin_ = std::move(*door);
    server_.add(*admin_);
    sys::write_text(2, "headrace: a page for people is on " +
                           std::string(options_.tls_certificate.empty() ? "http://" : "https://") +
                           admin_->address() + "\n");
    return Ok{};
  }

  Status open_grpc() { return open_grpc_at(options_.grpc, nullptr, "serving " + names(), grpc_); }

  Status open_admin_grpc() {
    if (!server::is_loopback(options_.admin_grpc) && options_.token_file.empty())
      return server::only_with_tokens("--admin-grpc", options_.admin_grpc);
    return open_grpc_at(options_.admin_grpc, &repository_, "models are loaded and unloaded",
                        admin_grpc_);
  }

  Status run() { return server_.run(); }

 private:
  Status open_grpc_at(const std::string& address, server::Repository* repository,
                      const std::string& what, std::unique_ptr<server::Door>& door) {
    server::GrpcSettings settings{.address = address,
                                  .server_version = HEADRACE_VERSION,
                                  .max_message = options_.max_body,
                                  .memory = 2 * options_.max_body + kLeastForMessages.value,
                                  .calls = options_.connections,
                                  .token_file = options_.token_file,
                                  .certificate = options_.tls_certificate,
                                  .key = options_.tls_key,
                                  .repository = repository};
    auto opened = server::open_grpc_door(program_, settings, server_);
    if (!opened) return opened.error();
    door = std::move(opened->door);
    server_.add(*door);
    sys::write_text(2, "headrace: " + what + " on " +
                           (options_.tls_certificate.empty() ? "grpc://" : "grpcs://") +
                           opened->address + "\n");
    return Ok{};
  }

  http::Settings listener_at(const std::string& address) const {
    http::Settings listener{.address = address, .token_file = options_.token_file};
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
  sys::Signals signals_{/*hangup=*/true};
  sys::Poller poller_;
  boost::asio::io_context io_{1};
  server::Server server_;
  ServedModels models_;
  server::Repository repository_;
  std::unique_ptr<server::HttpDoor> http_;
  std::unique_ptr<server::AdminDoor> admin_;
  std::unique_ptr<server::Door> grpc_;
  std::unique_ptr<server::Door> admin_grpc_;
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
  if (Status served = serving.run(); !served) return cannot(served.error());
  return kDone;
}

}  // namespace headrace::cli
