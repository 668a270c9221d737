#include "cli/first_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <utility>
#include <vector>

#include "cli/input_opening.h"
#include "image/sample_jpeg.h"
#include "model/model.h"
#include "pipeline/file_source.h"
#include "shm/slots.h"
#include "supervisor/fleet.h"
#include "sys/cgroup.h"
#include "sys/memory.h"
#include "sys/poller.h"
#include "sys/process.h"
#include "worker/handler_body.h"
#include "worker/handler_file.h"

namespace headrace::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using supervisor::Fleet;

constexpr auto kWindow = 2s;
constexpr std::uint64_t kMostItems = 200;
constexpr std::size_t kMostInputs = 500;
// Reading a worker's memory stops it for a moment.
constexpr auto kMemoryPace = 250ms;
// Deaths in a row, after which there is nothing to measure.
constexpr std::uint32_t kMostDeaths = 3;

// What the worker is given, and what must live as long as it works on it.
struct Sample {
  std::string origin;
  std::vector<std::string> names{};
  sys::Fd content{};
};

Result<Sample> given(const std::vector<std::string>& inputs) {
  Sample sample{.origin = "given"};
  pipeline::FileSource source(inputs, /*count_ahead=*/false);
  std::optional<std::string> unfit;
  pipeline::Input input;
  while (sample.names.size() < kMostInputs) {
    const auto pulled = source.next(input);
    if (pulled == pipeline::Source::Pulled::end) break;
    if (pulled == pipeline::Source::Pulled::not_yet) {
      sys::wait_readable(source.fd(), 1s);
      source.heard();
    } else if (input.unfit) {
      if (!unfit) unfit = input.name + ": " + input.unfit->message;
    } else {
      sample.names.push_back(input.name);
    }
  }
  if (auto trouble = source.trouble()) return *trouble;
  if (sample.names.empty()) return Error{unfit.value_or("there is no input in what was named")};
  return sample;
}

// As a memfd, which needs no place on any disk.
Result<Sample> generated(const std::string& content) {
  Sample sample{.origin = "generated"};
  Result<sys::Fd> fd = sys::sealed_text("headrace-sample", content);
  if (!fd) return fd.error();
  sample.content = std::move(*fd);
  sample.names = {fmt::format("/proc/{}/fd/{}", sys::own_pid(), sample.content.get())};
  return sample;
}

Result<Sample> make_sample(const JobOptions& options) {
  if (!options.inputs.empty()) return given(options.inputs);
  const Result<bool> handler = worker::is_handler(options.model);
  if (!handler) return handler.error();
  if (*handler) return Sample{.origin = "none"};
  const Result<model::Model> model = model::load(options.model);
  if (!model) return model.error();
  if (model->input.kind == model::InputKind::name)
    return Sample{.origin = "generated", .names = {"a name to measure with"}};
  if (model->input.kind == model::InputKind::bytes)
    return generated(std::string(model->input.max_bytes, '0'));
  const Result<std::string> picture = image::sample_jpeg(640, 480);
  if (!picture) return picture.error();
  return generated(*picture);
}

// Looks at the worker's memory now and then; the last look is at a warm one.
class MemoryWatch {
 public:
  MemoryWatch(const JobOptions& options, Sizing& sizing, FirstWorker& found)
      : options_(options), sizing_(sizing), found_(found) {}

  void operator()(const Fleet& fleet) {
    const Clock::time_point now = Clock::now();
    const auto& worker = fleet.workers().front();
    if (now < next_ || worker->state() != supervisor::WorkerState::ready) return;
    const int pid = worker->child->pid();
    const Bytes proportional = sys::proportional_memory(pid);
    if (proportional.value == 0) return;
    next_ = now + kMemoryPace;
    found_.proportional = proportional;
    found_.unique = sys::unique_memory(pid);
    found_.plan = plan_by_measure(options_, sizing_, proportional);
  }

 private:
  const JobOptions& options_;
  Sizing& sizing_;
  FirstWorker& found_;
  Clock::time_point next_;
};

std::uint64_t kernel_kills() {
  return sys::read_cgroup().oom_kills.value_or(0);
}

// Loads and leaves: for a handler without inputs there is nothing else to do.
Status only_load(const supervisor::FleetSettings& settings, const shm::SlotSizes& sizes,
                 MemoryWatch& watch, FirstWorker& found, spdlog::logger& log) {
  Result<shm::SlotArea> slots = shm::SlotArea::create(sizes);
  if (!slots) return slots.error();
  constexpr std::uint64_t kSignals = 0;
  sys::Signals signals;
  sys::Poller poller;
  poller.watch(signals.fd(), kSignals);
  const std::uint64_t kills_before = kernel_kills();
  const Clock::time_point start = Clock::now();
  Fleet fleet(settings, *slots, poller, kSignals + 1, log);
  while (!fleet.ever_ready() && !fleet.hopeless() && !found.stopped_by) {
    if (fleet.counts().restarts > 0 && kernel_kills() > kills_before)
      fleet.give_up(Error{"the kernel killed the worker for its memory"});
    fleet.step(Clock::now());
    for (const std::uint64_t tag : poller.wait(fleet.patience(Clock::now()))) {
      if (fleet.owns(tag)) fleet.on_ready(tag, Clock::now());
    }
    while (const auto signal = signals.next()) {
      if (*signal != SIGCHLD) found.stopped_by = *signal;
    }
  }
  if (fleet.hopeless()) return *fleet.hopeless();
  found.load_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  found.equipment = fleet.equipment();
  watch(fleet);
  return Ok{};  // the end of the fleet is the end of the worker
}

Status work(const supervisor::FleetSettings& settings, const shm::SlotSizes& sizes,
            const Sample& sample, InputOpening opening, MemoryWatch& watch, FirstWorker& found,
            spdlog::logger& log) {
  sys::Signals signals;
  const tune::Measured measured = tune::run_trial({.fleet = settings,
                                                   .slots = sizes,
                                                   .inputs = sample.names,
                                                   .opening = std::move(opening),
                                                   .window = kWindow,
                                                   .most_items = kMostItems},
                                                  signals, log, std::ref(watch));
  if (measured.trouble) return *measured.trouble;
  found.stopped_by = measured.stopped_by;
  found.load_seconds = measured.load_seconds;
  found.equipment = measured.equipment;
  found.deaths = measured.restarts;
  found.items = measured.ok;
  found.failed = measured.failed;
  found.rate = measured.rate;
  found.decode = measured.decode;
  found.infer = measured.infer;
  if (!measured.failures.empty()) {
    const tune::Failure& first = measured.failures.front();
    found.failure =
        sample.origin == "given" ? sample.names[first.input] + ": " + first.message : first.message;
  }
  if (measured.restarts > 0 && measured.ok == 0 && !found.stopped_by) {
    return Error{fmt::format("the worker died {} times without doing an item{}", measured.restarts,
                             found.failure.empty() ? "" : ": " + found.failure)};
  }
  return Ok{};
}

FirstWorker killed_for_memory(const Sizing& sizing, const FirstWorker& found) {
  // When it was killed it had all that the limit leaves to a worker.
  const std::uint64_t usable = sizing.budget.memory.usable.value;
  const Bytes taken{usable - std::min(usable, sizing.request.supervisor_memory.value)};
  return {.inputs = found.inputs,
          .stopped_by = found.stopped_by,
          .no_room =
              "no worker fits into this container: the kernel killed the first one for its "
              "memory; " +
              no_room_advice(sizing, taken)};
}

}  // namespace

Result<FirstWorker> measure_first_worker(const JobOptions& options, const Workload& workload,
                                         Sizing& sizing, const std::string& program,
                                         spdlog::logger& log) {
  Result<Sample> sample = make_sample(options);
  if (!sample) return sample.error();
  FirstWorker found;
  found.inputs = sample->origin;
  found.threads = sizing.plan.threads.value;
  const plan::Request estimate = sizing.request;
  const std::uint64_t kills_before = kernel_kills();
  MemoryWatch watch(options, sizing, found);
  Result<InputOpening> opening = input_opening(options, workload, sizing);
  if (!opening) return opening.error();
  supervisor::FleetSettings settings = fleet_settings(options, workload, sizing, program);
  settings.workers = 1;
  settings.hopeless_after = kMostDeaths;
  const Status done = sample->names.empty() ? only_load(settings, sizing.slots, watch, found, log)
                                            : work(settings, sizing.slots, *sample,
                                                   std::move(*opening), watch, found, log);
  if ((!done || found.deaths > 0) && kernel_kills() > kills_before) {
    sizing.request = estimate;
    return killed_for_memory(sizing, found);
  }
  if (!done) return done.error();
  return found;
}

}  // namespace headrace::cli
