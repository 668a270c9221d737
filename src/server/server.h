// The supervisor's one thread while it serves: models on one side, doors on the other.
//
// Everything that happens, happens here in turn: bytes that arrive, workers that answer or die, limits
// that change, the signal to end. There is no lock and no second thread, so a request costs no wake-up
// but the worker's. Doors that need threads of their own (gRPC) hand over with asio::post().
//
// Owns the order of things: start, serve, drain, end. Knows nothing of protocols.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "server/line.h"
#include "supervisor/watch.h"
#include "sys/poller.h"

namespace headrace::server {

namespace asio = boost::asio;

// One model with all that belongs to it.
struct Model {
  model::Model about;
  std::string platform;  // "openvino"
  std::unique_ptr<Line> line;
  std::unique_ptr<supervisor::Watch> watch;
};

// What a door must be able to do.
class Door {
 public:
  virtual ~Door() = default;
  // No new clients; those that are waited upon get their answers.
  virtual void drain() = 0;
  // Nobody is waited upon any more.
  virtual bool quiet() const = 0;
  // Cuts whoever is left. What serves them ends when the io_context runs next.
  virtual void shut() = 0;
};

class Server {
 public:
  struct Settings {
    std::chrono::milliseconds grace{25'000};  // for what is in flight when it is told to end
  };
  // Tags of the poller below this are the server's own.
  static constexpr std::uint64_t kFirstTag = 16;

  Server(Settings settings, asio::io_context& io, sys::Poller& poller, sys::Signals& signals,
         spdlog::logger& log);

  // Before run(). The server outlives neither.
  void add(Model model) { models_.push_back(std::move(model)); }
  void add(Door& door) { doors_.push_back(&door); }

  std::span<const Model> models() const { return models_; }
  // Nothing when there is no such model, or not in that version; an empty version is any.
  Model* find(std::string_view name, std::string_view version);
  // Every model takes requests, and the server does not end.
  bool ready() const;
  bool draining() const { return draining_; }
  asio::io_context& io() { return io_; }

  // Serves until a signal ends it: no value when every request that was admitted got its answer.
  // Otherwise why not. Workers are reaped before it returns.
  Status run();

 private:
  void step_all();
  void hear(std::uint64_t tag);
  void take_signals();
  void drain(Clock::time_point now);
  bool finished(Clock::time_point now);
  void wait();
  void serve_doors();
  void watch_poller();
  void wind_up();

  Settings settings_;
  asio::io_context& io_;
  sys::Poller& poller_;
  asio::posix::stream_descriptor polled_;
  bool poller_watched_ = false;
  sys::Signals& signals_;
  spdlog::logger& log_;
  std::vector<Model> models_;
  std::vector<Door*> doors_;
  bool draining_ = false;
  bool at_once_ = false;
  Clock::time_point end_by_;
  std::chrono::milliseconds nap_{0};
  std::optional<Error> error_;
};

}  // namespace headrace::server
