// How many items a second travel from the supervisor to real worker processes and back.
//
// The supervisor's side is the real Fleet, driven exactly as the pipeline drives it (admit, step,
// take answers, wait), with the real slots and replies; the workers are this same program started
// again, with a body that does nothing. What is left out is what the pipeline adds around it:
// sources, lines of JSON, the output.
//
// usage: dispatch WORKERS DEPTH ITEMS ROUND_TRIPS
//   DEPTH         items queued at one worker, as headrace run --log-level info prints it
//   ITEMS         sent as fast as they go
//   ROUND_TRIPS   then as many, each after the answer to the one before
// Prints one line of JSON: {"items_per_second":..,"round_trip_us":{"p50":..,"p99":..}}
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "shm/slots.h"
#include "supervisor/fleet.h"
#include "sys/poller.h"
#include "sys/process.h"
#include "worker/worker_main.h"

namespace {

using namespace headrace;
using namespace std::chrono_literals;
using supervisor::Clock;

class NoBody : public worker::Body {
 public:
  std::string equipment() const override { return "nothing"; }
  void prepare(worker::Item&, std::size_t) override {}
  void run(std::span<worker::Item>) override {}
};

Result<std::unique_ptr<worker::Body>> make_no_body(const shm::Brief&) {
  return std::unique_ptr<worker::Body>(std::make_unique<NoBody>());
}

shm::SlotArea make_slots(std::uint32_t count) {
  auto slots =
      shm::SlotArea::create({.count = count, .input_capacity = 4096, .result_capacity = 1024});
  if (!slots) throw std::runtime_error(slots.error().message);
  return std::move(*slots);
}

class Bench {
 public:
  Bench(std::uint32_t workers, std::uint32_t depth)
      : log_("dispatch", std::make_shared<spdlog::sinks::stderr_sink_mt>()),
        slots_(make_slots(workers * depth)),
        fleet_(settings(workers, depth), slots_, poller_, /*first_tag=*/0, log_) {
    log_.set_level(spdlog::level::warn);
  }

  void start() {
    const auto is_ready = [](const auto& worker) {
      return worker->state() == supervisor::WorkerState::ready;
    };
    while (!std::ranges::all_of(fleet_.workers(), is_ready)) round();
  }

  // As the pipeline does it; returns items a second.
  double flood(std::uint64_t items) {
    const Clock::time_point begin = Clock::now();
    std::uint64_t sent = 0;
    std::uint64_t done = 0;
    while (done < items) {
      fleet_.step(Clock::now());
      done += answers();
      const std::size_t full = fleet_.backlog() + fleet_.appetite();
      while (sent < items && slots_.free() > 0 && fleet_.backlog() < full) {
        fleet_.add(*slots_.claim("name"));
        ++sent;
      }
      fleet_.dispatch(Clock::now());
      if (done < items) wait();
    }
    return static_cast<double>(items) / std::chrono::duration<double>(Clock::now() - begin).count();
  }

  // Microseconds of each of `count` items that travel alone.
  std::vector<double> ping(std::uint64_t count) {
    std::vector<double> times;
    for (std::uint64_t i = 0; i < count; ++i) {
      const Clock::time_point begin = Clock::now();
      fleet_.add(*slots_.claim("name"));
      fleet_.dispatch(begin);
      while (answers() == 0) round();
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
    return times;
  }

  void stop() {
    fleet_.stop(Clock::now(), 5s);
    while (!fleet_.stopped()) round();
  }

 private:
  static supervisor::FleetSettings settings(std::uint32_t workers, std::uint32_t depth) {
    const Result<std::string> program = sys::own_program();
    if (!program) throw std::runtime_error(program.error().message);
    return {.program = *program,
            .arguments = {"dispatch", "--worker"},
            .start = {.body = "{}"},
            .workers = workers,
            .max_depth = depth};
  }

  std::uint64_t answers() {
    std::uint64_t count = 0;
    while (const auto finished = fleet_.next_finished()) {
      if (finished->failure || !slots_.read_reply(finished->token, reply_) || reply_.error) {
        throw std::runtime_error("an item failed");
      }
      slots_.release(finished->token);
      ++count;
    }
    return count;
  }

  void round() {
    wait();
    fleet_.step(Clock::now());
    if (fleet_.hopeless()) throw std::runtime_error(fleet_.hopeless()->message);
  }

  void wait() {
    const bool sleep = !fleet_.result_waiting();
    if (sleep) slots_.set_supervisor_asleep(true);
    const bool glance = !sleep || fleet_.result_waiting();
    const auto tags = poller_.wait(glance ? 0ms : fleet_.patience(Clock::now()));
    if (sleep) slots_.set_supervisor_asleep(false);
    for (const std::uint64_t tag : tags) {
      if (fleet_.owns(tag)) fleet_.on_ready(tag, Clock::now());
    }
  }

  spdlog::logger log_;
  sys::Poller poller_;
  shm::SlotArea slots_;
  supervisor::Fleet fleet_;
  shm::Reply reply_;
};

double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

int measure(char** arguments) {
  const auto number = [&](int which) {
    return static_cast<std::uint32_t>(std::stoul(arguments[which]));
  };
  Bench bench(number(0), number(1));
  bench.start();
  bench.flood(number(2) / 10);  // warm: slots touched, depth adapted
  const double rate = bench.flood(number(2));
  std::vector<double> times = bench.ping(number(3));
  std::ranges::sort(times);
  bench.stop();
  std::printf("{\"items_per_second\":%.0f,\"round_trip_us\":{\"p50\":%.2f,\"p99\":%.2f}}\n", rate,
              quantile(times, 0.5), quantile(times, 0.99));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--worker") {
    return worker::worker_main(make_no_body);
  }
  if (argc != 5) {
    std::fputs("usage: dispatch WORKERS DEPTH ITEMS ROUND_TRIPS\n", stderr);
    return 2;
  }
  try {
    return measure(argv + 1);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "dispatch: %s\n", e.what());
    return 1;
  }
}
