// The gRPC door: opening it, its limits, its health, and how it is shut.
//
// gRPC's own defaults bound little: threads by the host's cores, messages by 4 MiB, memory not at all,
// and a port is shared in silence with whoever has it already. What is not bounded elsewhere (calls by
// Calls, requests by the lines) is bounded here.
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "calls.h"
#include "http/tokens.h"
#include "server/grpc_door.h"
#include "service.h"

#ifndef HEADRACE_VERSION
#error "HEADRACE_VERSION comes from the build"
#endif

namespace headrace::grpc_door {
namespace {

using namespace std::chrono_literals;
using server::Clock;
using server::GrpcSettings;
using server::OpenedDoor;
using server::Server;

constexpr std::string_view kUnix = "unix:";
// How old the word on a model's health may be.
constexpr auto kHealthAge = 200ms;
// For answers to reach clients, and for clients to leave.
constexpr auto kFarewell = 1s;
constexpr auto kInsist = 50ms;

int in_ms(std::chrono::milliseconds time) {
  return static_cast<int>(time.count());
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file || text.empty()) return Error{"cannot read " + path};
  return text;
}

Result<std::shared_ptr<grpc::ServerCredentials>> credentials(const GrpcSettings& settings) {
  if (settings.certificate.empty()) return grpc::InsecureServerCredentials();
  Result<std::string> certificate = read_file(settings.certificate);
  if (!certificate) return certificate.error();
  Result<std::string> key = read_file(settings.key);
  if (!key) return key.error();
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({std::move(*key), std::move(*certificate)});
  return grpc::SslServerCredentials(options);
}

void set_limits(grpc::ServerBuilder& builder, const GrpcSettings& settings) {
  constexpr int kMostInt = std::numeric_limits<int>::max();
  builder.SetMaxReceiveMessageSize(
      static_cast<int>(std::min<std::uint64_t>(settings.max_message, kMostInt)));
  builder.SetMaxSendMessageSize(-1);
  grpc::ResourceQuota quota("headrace");
  quota.Resize(settings.memory);
  // Only reflection, which gRPC brings along, works in threads of this kind.
  quota.SetMaxThreads(4);
  builder.SetResourceQuota(quota);
  using Option = grpc::ServerBuilder::SyncServerOption;
  builder.SetSyncServerOption(Option::NUM_CQS, 1);
  builder.SetSyncServerOption(Option::MIN_POLLERS, 1);
  builder.SetSyncServerOption(Option::MAX_POLLERS, 1);
  // A small message may inflate to any size before gRPC looks at how large it is.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  for (const auto& [name, value] : {
           std::pair{GRPC_ARG_ALLOW_REUSEPORT, 0},
           {GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(settings.calls)},
           {GRPC_ARG_MAX_METADATA_SIZE, 16 << 10},
           {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, in_ms(10s)},
           // Who says nothing for long is asked whether he is still there; who has no call, let go.
           {GRPC_ARG_KEEPALIVE_TIME_MS, in_ms(60s)},
           {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, in_ms(20s)},
           {GRPC_ARG_MAX_CONNECTION_IDLE_MS, in_ms(10min)},
           // Clients may ask the same of us, not too often.
           {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
           {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, in_ms(10s)},
       }) {
    builder.AddChannelArgument(name, value);
  }
}

// gRPC has a log of its own on standard error, in which anybody can write by sending nonsense.
void silence_log() {
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
}

class GrpcDoor final : public server::Door {
 public:
  GrpcDoor(const GrpcSettings& settings, std::shared_ptr<const http::Tokens> tokens, Server& server)
      : settings_(settings),
        server_(server),
        calls_(server.io()),
        service_({settings.server_version, settings.calls, std::move(tokens), settings.repository},
                 server, calls_),
        look_(server.io()) {}

  ~GrpcDoor() override {
    if (!grpc_) return;
    drain();
    calls_.close();
    std::unique_lock lock(mutex_);
    for (auto wait = std::chrono::milliseconds(kFarewell); !shut_; wait = kInsist) {
      if (shut_changed_.wait_for(lock, wait, [this] { return shut_; })) break;
      grpc_server_cancel_all_calls(grpc_->c_server());
    }
    lock.unlock();
    shutting_.join();
  }

  // Returns the port.
  Result<int> listen(const GrpcSettings& settings) {
    const Error cannot{"cannot listen on " + settings.address +
                       ": gRPC could not, for a reason that it does not say"};
    auto credentials_or_error = credentials(settings);
    if (!credentials_or_error) return credentials_or_error.error();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(settings.address, *credentials_or_error, &port);
    builder.RegisterService(&service_);
    set_limits(builder, settings);
    grpc_ = builder.BuildAndStart();
    if (!grpc_ || port == 0) return cannot;
    look_at_health();
    return port;
  }

  // No new calls or clients; GOAWAY to those that are there.
  void drain() override {
    if (shutting_.joinable()) return;
    tell_health();
    look_.cancel();
    calls_.drain();
    // It returns when every client has left.
    shutting_ = std::thread([this] {
      grpc_->Shutdown();
      const std::lock_guard lock(mutex_);
      shut_ = true;
      shut_changed_.notify_all();
    });
  }

  // gRPC has read the certificate for good.
  Result<std::function<void()>> read_again() override {
    if (settings_.token_file.empty()) return Door::read_again();
    Result<http::Tokens> loaded = http::Tokens::load(settings_.token_file);
    if (!loaded) return loaded.error();
    return std::function<void()>([this, tokens = std::make_shared<const http::Tokens>(
                                            std::move(*loaded))] { service_.set_tokens(tokens); });
  }

  bool quiet() const override { return calls_.open() == 0; }
  void shut() override { calls_.close(); }

 private:
  void tell_health() {
    tell_health("", server_.ready());
    for (const auto& [name, serving] : told_) {
      if (!name.empty() && !server_.find(name, "")) tell_health(name, false);
    }
    for (const auto& model : server_.models())
      tell_health(model->line->name(), !server_.draining() && model->line->ready(Clock::now()));
  }

  // gRPC passes on every word to those who watch, whether it is news or not.
  void tell_health(const std::string& name, bool serving) {
    const auto [told, first] = told_.try_emplace(name, serving);
    if (!first && told->second == serving) return;
    told->second = serving;
    grpc_->GetHealthCheckService()->SetServingStatus(name, serving);
  }

  // Whoever watches is told of changes; gRPC does that, and must be told itself.
  void look_at_health() {
    tell_health();
    look_.expires_after(kHealthAge);
    look_.async_wait([this, alive = calls_.alive()](const boost::system::error_code& error) {
      if (!error && *alive && !shutting_.joinable()) look_at_health();
    });
  }

  const GrpcSettings settings_;
  Server& server_;
  Calls calls_;
  Service service_;
  boost::asio::steady_timer look_;
  std::map<std::string, bool> told_;
  std::unique_ptr<grpc::Server> grpc_;
  std::thread shutting_;
  std::mutex mutex_;  // of what follows
  std::condition_variable shut_changed_;
  bool shut_ = false;
};

Result<OpenedDoor> open(const GrpcSettings& settings, Server& server) {
  silence_log();
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  std::shared_ptr<const http::Tokens> tokens;
  if (!settings.token_file.empty()) {
    Result<http::Tokens> loaded = http::Tokens::load(settings.token_file);
    if (!loaded) return loaded.error();
    tokens = std::make_shared<const http::Tokens>(std::move(*loaded));
  }
  auto door = std::make_unique<GrpcDoor>(settings, std::move(tokens), server);
  const Result<int> port = door->listen(settings);
  if (!port) return port.error();
  std::string address = settings.address;
  if (address.starts_with(kUnix)) {
    // As private as the HTTP door's.
    std::error_code refused;
    std::filesystem::permissions(
        address.substr(kUnix.size()),
        std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, refused);
    if (refused) return Error{"cannot make " + address + " private: " + refused.message()};
  } else {
    address.replace(address.rfind(':') + 1, std::string::npos, std::to_string(*port));
  }
  return OpenedDoor{std::move(door), std::move(address)};
}

}  // namespace
}  // namespace headrace::grpc_door

extern "C" [[gnu::visibility("default")]] headrace::server::OpenDoor headrace_open_grpc_door;

void headrace_open_grpc_door(const std::string& version,
                             const headrace::server::GrpcSettings& settings,
                             headrace::server::Server& server,
                             headrace::Result<headrace::server::OpenedDoor>& opened) {
  opened = version == HEADRACE_VERSION
               ? headrace::grpc_door::open(settings, server)
               : headrace::Result<headrace::server::OpenedDoor>(headrace::Error{
                     "the gRPC door is of version " HEADRACE_VERSION ", but this is " + version});
}
