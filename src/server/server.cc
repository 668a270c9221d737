#include "server/server.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "sys/process.h"

namespace headrace::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

enum Tag : std::uint64_t { kSignals };

constexpr unsigned kMostAtOnce = 64;  // steps of coroutines between two looks at everything else
constexpr auto kLongestNap = 1s;
constexpr auto kLeaveGrace = 1s;  // everything is answered by then; nobody has reason to stay
constexpr auto kDeathGrace = 5s;  // for the kernel to end what was killed

}  // namespace

Server::Server(Settings settings, asio::io_context& io, sys::Poller& poller, sys::Signals& signals,
               spdlog::logger& log)
    : settings_(settings), io_(io), poller_(poller), polled_(io), signals_(signals), log_(log) {
  poller_.watch(signals_.fd(), kSignals);
  polled_.assign(poller_.descriptor().release());
}

std::optional<unsigned> Server::free_place() const {
  for (unsigned place = 0; place < kPlaces; ++place) {
    if (std::ranges::find(all_, place, &Model::place) == all_.end()) return place;
  }
  return std::nullopt;
}

void Server::serve(const std::shared_ptr<Model>& model) {
  move(model->state, ModelState::serving);
  const auto found = std::ranges::find_if(models_, [&](const std::shared_ptr<Model>& other) {
    return other->line->name() == model->line->name();
  });
  if (found == models_.end()) return models_.push_back(model);
  const std::shared_ptr<Model> before = std::exchange(*found, model);
  model->line->take_over(*before->line);
  retire(before);
}

void Server::retire(const std::shared_ptr<Model>& model) {
  std::erase(models_, model);
  model->essential = false;
  if (model->state == ModelState::loading) {
    move(model->state, ModelState::leaving);
    return model->line->stop(Clock::now(), kLeaveGrace);
  }
  move(model->state, ModelState::retiring);
  model->leave_by = Clock::now() + settings_.grace;
  model->watch->let_run_out();
}

bool Server::retiring() const {
  return std::ranges::any_of(all_, [](const std::shared_ptr<Model>& model) {
    return model->state == ModelState::retiring ||
           (model->state == ModelState::leaving && !model->line->stopped());
  });
}

std::shared_ptr<Model> Server::find(std::string_view name, std::string_view version) const {
  for (const std::shared_ptr<Model>& model : models_) {
    if (model->line->name() != name) continue;
    return version.empty() || version == model->line->version() ? model : nullptr;
  }
  return nullptr;
}

bool Server::ready() const {
  const Clock::time_point now = Clock::now();
  return !draining_ && std::all_of(models_.begin(), models_.end(),
                                   [&](const auto& model) { return model->line->ready(now); });
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
  for (const auto& model : all_) step(*model, now);
  count_container();
  bury();
  for (Attendant* attendant : attendants_) nap_ = std::min(nap_, attendant->step(now));
}

void Server::step(Model& model, Clock::time_point now) {
  Line& line = *model.line;
  line.step(now);
  nap_ = std::min(nap_, line.patience(now));
  if (model.state == ModelState::leaving) return;
  const Tally& tally = line.tally();
  nap_ = std::min(nap_, model.watch->step(now, tally.success.count + tally.fail.count));
  if (model.essential && line.hopeless() && !error_)
    error_ = Error{line.name() + ": " + line.hopeless()->message};
  if (model.state != ModelState::retiring) return;
  const bool late = now >= model.leave_by;
  if (!late) nap_ = std::min(nap_, std::chrono::ceil<milliseconds>(model.leave_by - now));
  if (!late && !line.idle()) return;
  // Whoever still sends is answered, too.
  line.refuse_rest("the model has gone; try again");
  line.stop(now, kLeaveGrace);
  move(model.state, ModelState::leaving);
}

// One that leaves is not stepped any more: what its watch saw grows old.
std::shared_ptr<Model> Server::watched() const {
  for (const auto* models : {&models_, &all_}) {
    const auto found = std::ranges::find_if(*models, [](const std::shared_ptr<Model>& model) {
      return model->watch && model->state != ModelState::leaving;
    });
    if (found != models->end()) return *found;
  }
  return nullptr;
}

void Server::count_container() {
  const std::shared_ptr<Model> model = watched();
  if (model == nullptr) return container_.add_nothing();
  container_.add(model, model->watch->readings());
}

ContainerSeen Server::container() const {
  ContainerSeen seen{.counts = container_.counts()};
  const std::shared_ptr<Model> first = watched();
  for (const auto& model : all_) {
    if (!model->watch || model->state == ModelState::leaving) continue;
    const supervisor::Readings& its = model->watch->readings();
    seen.workers_cpus = Cpus{seen.workers_cpus.value + its.used.value - its.own.value};
    seen.workers_memory = seen.workers_memory + its.workers_memory;
  }
  if (first == nullptr) return seen;
  seen.readings = &first->watch->readings();
  seen.budget = seen.readings->whole.budget;
  find_nearest_limit(seen, seen.readings->whole, seen.workers_memory + sys::own_peak_resident());
  return seen;
}

// A model goes only here: whoever held it may be in the middle of something of it when he lets go.
void Server::bury() {
  std::erase_if(all_, [](const std::shared_ptr<Model>& model) {
    const bool over = model->state == ModelState::leaving && model->line->stopped() &&
                      model->line->open() == 0 && model.use_count() == 1;
    if (over) move(model->state, ModelState::gone);
    return over;
  });
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
  for (const auto& model : all_) model->line->set_supervisor_asleep(true);
  const bool glance = std::any_of(all_.begin(), all_.end(),
                                  [](const auto& model) { return model->line->result_waiting(); });
  const std::size_t ran = glance ? 0 : io_.run_one_for(std::max(nap_, milliseconds(0)));
  for (const auto& model : all_) model->line->set_supervisor_asleep(false);
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
  for (const auto& model : all_) {
    if (model->line->owns(tag)) return model->line->on_ready(tag, Clock::now());
  }
}

void Server::take_signals() {
  while (const auto signal = signals_.next()) {
    if (*signal == SIGCHLD) {
      sys::reap_orphans([this](int pid) {
        return std::any_of(all_.begin(), all_.end(),
                           [&](const auto& model) { return model->line->fleet().is_worker(pid); });
      });
      for (const auto& model : all_) model->line->fleet().notice_stops(Clock::now());
    } else if (*signal == SIGHUP) {
      reload();
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
  for (Attendant* attendant : attendants_) attendant->drain();
  for (Door* door : doors_) door->drain();
}

void Server::reload() {
  if (!settings_.has_secrets) {
    log_.warn(
        "asked to read tokens and certificates again, but there are none: see --token-file and "
        "--tls-cert");
    return;
  }
  std::vector<std::function<void()>> news;
  for (Door* door : doors_) {
    auto read = door->read_again();
    if (!read) {
      log_.error("asked to read tokens and certificates again, but all stays as it is: {}",
                 read.error().message);
      return;
    }
    news.push_back(std::move(*read));
  }
  // Only now: no door may take new tokens while another cannot.
  for (const auto& take_up : news) take_up();
  log_.warn("tokens and certificates were read again; a gRPC door keeps its certificate");
}

bool Server::finished(Clock::time_point now) {
  if (error_) return true;
  if (!draining_) return false;
  std::size_t open = 0;
  for (const auto& model : all_) open += model->line->open();
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
  const auto grace = error_ ? 0s : kLeaveGrace;
  for (const auto& model : all_) model->line->stop(Clock::now(), grace);
  const auto stopped = [this] {
    return std::all_of(all_.begin(), all_.end(),
                       [](const auto& model) { return model->line->stopped(); });
  };
  const Clock::time_point give_up = Clock::now() + grace + kDeathGrace;
  bool hurries = at_once_;
  while (!stopped()) {
    const Clock::time_point now = Clock::now();
    left_behind_ = now >= give_up;
    if (left_behind_) break;
    if (at_once_ && !std::exchange(hurries, true)) {
      for (const auto& model : all_) model->line->stop(now, 0s);
    }
    nap_ = kLongestNap;
    for (const auto& model : all_) {
      model->line->step(now);
      nap_ = std::min(nap_, model->line->patience(now));
    }
    if (!stopped()) wait();
  }
  if (left_behind_ && !error_) error_ = Error{"workers were killed, and still do not end"};
  // Clients in the middle of a request hold rooms of lines, which are about to go.
  for (Door* door : doors_) door->shut();
  while (io_.poll() > 0) {
  }
}

}  // namespace headrace::server
