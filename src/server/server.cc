#include "server/server.h"

#include <algorithm>
#include <csignal>

#include "sys/process.h"

namespace headrace::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

enum Tag : std::uint64_t { kSignals };

constexpr unsigned kMostAtOnce = 64;  // steps of coroutines between two looks at everything else
constexpr auto kLongestNap = 1s;
constexpr auto kLeaveGrace = 1s;  // everything is answered by then; nobody has reason to stay

}  // namespace

Server::Server(Settings settings, asio::io_context& io, sys::Poller& poller, sys::Signals& signals,
               spdlog::logger& log)
    : settings_(settings), io_(io), poller_(poller), polled_(io), signals_(signals), log_(log) {
  poller_.watch(signals_.fd(), kSignals);
  polled_.assign(poller_.descriptor().release());
}

Model* Server::find(std::string_view name, std::string_view version) {
  for (Model& model : models_) {
    if (model.line->name() != name) continue;
    return version.empty() || version == model.line->version() ? &model : nullptr;
  }
  return nullptr;
}

bool Server::ready() const {
  const Clock::time_point now = Clock::now();
  return !draining_ && std::all_of(models_.begin(), models_.end(),
                                   [&](const Model& model) { return model.line->ready(now); });
}

Status Server::run() {
  for (;;) {
    step_all();
    if (finished(Clock::now())) break;
    wait();
  }
  wind_up();
  if (error_) return *error_;
  return Ok{};
}

void Server::step_all() {
  const Clock::time_point now = Clock::now();
  nap_ = kLongestNap;
  for (Model& model : models_) {
    model.line->step(now);
    const Tally& tally = model.line->tally();
    nap_ = std::min({nap_, model.watch->step(now, tally.success.count + tally.fail.count),
                     model.line->patience(now)});
    if (model.line->hopeless() && !error_) {
      error_ = Error{model.line->name() + ": " + model.line->hopeless()->message};
    }
  }
}

// Sleeps until a client, a worker or a clock wants something, and does what clients want.
void Server::wait() {
  // Armed before the look, so that what comes after the look ends the sleep.
  if (!poller_watched_) watch_poller();
  const auto tags = poller_.wait(0ms);
  if (!tags.empty()) {
    for (const std::uint64_t tag : std::vector<std::uint64_t>(tags.begin(), tags.end())) hear(tag);
    serve_doors();
    return;
  }
  // Workers ring only when they see us asleep; so look once more between saying so and sleeping.
  for (Model& model : models_) model.line->set_supervisor_asleep(true);
  const bool glance = std::any_of(models_.begin(), models_.end(),
                                  [](const Model& model) { return model.line->result_waiting(); });
  const std::size_t ran = glance ? 0 : io_.run_one_for(std::max(nap_, milliseconds(0)));
  for (Model& model : models_) model.line->set_supervisor_asleep(false);
  if (ran > 0 || glance) serve_doors();
}

// What clients want, but not all of it: one that never stops would keep workers and signals waiting.
void Server::serve_doors() {
  for (unsigned turns = 0; turns < kMostAtOnce && io_.poll_one() > 0; ++turns) {
  }
}

void Server::watch_poller() {
  poller_watched_ = true;
  polled_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (error != asio::error::operation_aborted) poller_watched_ = false;
                     });
}

void Server::hear(std::uint64_t tag) {
  if (tag == kSignals) return take_signals();
  for (Model& model : models_) {
    if (model.line->owns(tag)) return model.line->on_ready(tag, Clock::now());
  }
}

void Server::take_signals() {
  while (const auto signal = signals_.next()) {
    if (*signal == SIGCHLD) {
      sys::reap_orphans([this](int pid) {
        return std::any_of(models_.begin(), models_.end(),
                           [&](const Model& model) { return model.line->fleet().is_worker(pid); });
      });
    } else if (draining_) {
      at_once_ = true;
    } else {
      log_.warn("{}: answering what is in flight, for {} s at most; once more stops at once",
                *signal == SIGINT ? "interrupted" : "asked to stop",
                settings_.grace.count() / 1000);
      drain(Clock::now());
    }
  }
}

void Server::drain(Clock::time_point now) {
  draining_ = true;
  end_by_ = now + settings_.grace;
  for (Door* door : doors_) door->drain();
}

bool Server::finished(Clock::time_point now) {
  if (error_) return true;
  if (!draining_) return false;
  std::size_t open = 0;
  for (const Model& model : models_) open += model.line->open();
  const bool quiet =
      std::all_of(doors_.begin(), doors_.end(), [](Door* door) { return door->quiet(); });
  if (open == 0 && quiet) return true;
  nap_ = std::min(nap_, std::max(std::chrono::ceil<milliseconds>(end_by_ - now), 0ms));
  if (!at_once_ && now < end_by_) return false;
  const std::string when = at_once_ ? "when told to stop at once" : "within the grace";
  if (open > 0) {
    error_ = Error{std::to_string(open) + " request" + (open == 1 ? " was" : "s were") +
                   " not answered " + when};
  } else {
    error_ = Error{"some clients had not sent all of a request, or not taken its answer, " + when};
  }
  return true;
}

void Server::wind_up() {
  if (!draining_) drain(Clock::now());
  for (Model& model : models_) model.line->stop(Clock::now(), error_ ? 0s : kLeaveGrace);
  const auto stopped = [this] {
    return std::all_of(models_.begin(), models_.end(),
                       [](const Model& model) { return model.line->stopped(); });
  };
  while (!stopped()) {
    const Clock::time_point now = Clock::now();
    nap_ = kLongestNap;
    for (Model& model : models_) {
      model.line->step(now);
      nap_ = std::min(nap_, model.line->patience(now));
    }
    if (!stopped()) wait();
  }
  // Clients in the middle of a request hold rooms of lines, which are about to go.
  for (Door* door : doors_) door->shut();
  while (io_.poll() > 0) {
  }
}

}  // namespace headrace::server
