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
#include "server/container.h"
#include "server/line.h"
#include "server/model_state.h"
#include "supervisor/watch.h"
#include "sys/poller.h"

namespace headrace::server {

namespace asio = boost::asio;

// One model with all that belongs to it. Whoever waits for anything while he needs it holds it by a
// shared_ptr: it may be changed for another meanwhile.
struct Model {
  model::Model about{};
  std::string platform{};         // "openvino"
  std::shared_ptr<void> maker{};  // what line and watch call back to
  std::unique_ptr<Line> line{};
  std::unique_ptr<supervisor::Watch> watch{};
  unsigned place = 0;      // Server::free_place()
  bool essential = false;  // the server ends when it cannot be loaded
  ModelState state = ModelState::loading;
  Clock::time_point leave_by{};  // while it retires
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
  // Reads tokens and certificates again. Calling what it returns takes them up, which cannot fail: until then all
  // stays as it is.
  virtual Result<std::function<void()>> read_again() {
    return std::function<void()>([] {});
  }
};

// Somebody whose turn it is whenever something has happened, and who is told when the server ends.
class Attendant {
 public:
  virtual ~Attendant() = default;
  // Returns how long the next call may wait.
  virtual std::chrono::milliseconds step(Clock::time_point now) = 0;
  virtual void drain() = 0;
};

class Server {
 public:
  struct Settings {
    std::chrono::milliseconds grace{25'000};  // for what is in flight when it is told to end
    bool has_secrets = true;                  // some door has tokens or a certificate
  };
  // Tags of the poller below this are the server's own.
  static constexpr std::uint64_t kFirstTag = 16;
  static constexpr std::size_t kMostModels = 16;  // that take requests
  // So that each of them can be changed, one beside the other.
  static constexpr unsigned kPlaces = 2 * kMostModels;
  // Where the tags of a place begin.
  static constexpr std::uint64_t first_tag(unsigned place) {
    return kFirstTag + place * Line::kTags;
  }

  Server(Settings settings, asio::io_context& io, sys::Poller& poller, sys::Signals& signals,
         spdlog::logger& log);

  // Before run(). The server outlives neither.
  void add(Door& door) { doors_.push_back(&door); }
  void add(Attendant& attendant) { attendants_.push_back(&attendant); }

  // A place that no model has; nothing when all are taken.
  std::optional<unsigned> free_place() const;
  // It loads: the server looks after it, and nobody finds it.
  void add(std::shared_ptr<Model> model) { all_.push_back(std::move(model)); }
  // From now on requests for its name go to this one, whether it is ready or not. The one that had them
  // until now retires, and what was counted goes on.
  void serve(const std::shared_ptr<Model>& model);
  // No more requests go to it: when those that it has are answered, or the grace is over, its workers
  // leave, and it is gone when nobody holds it. One that still loads leaves at once.
  void retire(const std::shared_ptr<Model>& model);
  // Some model that nobody finds any more still has workers.
  bool retiring() const;

  // Those that take requests.
  std::span<const std::shared_ptr<Model>> models() const { return models_; }
  // Those, the ones that load, and the ones that go.
  std::span<const std::shared_ptr<Model>> all_models() const { return all_; }
  // Nothing when there is no such model, or not in that version; an empty version is any.
  std::shared_ptr<Model> find(std::string_view name, std::string_view version) const;
  // Every model takes requests, and the server does not end.
  bool ready() const;
  bool draining() const { return draining_; }
  // Seen through the watch of a model that takes requests, or else of another that still works.
  ContainerSeen container() const;
  asio::io_context& io() { return io_; }

  // Serves until a signal ends it: no value when every request that was admitted got its answer.
  // Otherwise why not. Workers are reaped before it returns, unless left_behind().
  Status run();
  // Workers that were killed and do not end: the kernel is at something of theirs. To destroy their
  // lines is to wait for them.
  bool left_behind() const { return left_behind_; }

 private:
  void step_all();
  void step(Model& model, Clock::time_point now);
  std::shared_ptr<Model> watched() const;
  void count_container();
  void bury();
  void reload();
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
  std::vector<std::shared_ptr<Model>> all_;     // nobody else is the last to hold one of them
  std::vector<std::shared_ptr<Model>> models_;  // of these, in the order of their names' coming
  std::vector<Door*> doors_;
  std::vector<Attendant*> attendants_;
  ContainerTally container_;
  bool draining_ = false;
  bool at_once_ = false;
  bool left_behind_ = false;
  Clock::time_point end_by_;
  std::chrono::milliseconds nap_{0};
  std::optional<Error> error_;
};

}  // namespace headrace::server
