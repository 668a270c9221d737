#include "cli/input_opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plan/plan.h"
#include "sys/rlimit.h"

namespace headrace::cli {
namespace {

// What the supervisor itself opens after this, and a worker's start for a moment.
constexpr std::uint64_t kOwn = 32;
// A process, its control socket, its mailbox; and one more.
constexpr std::uint64_t kOfOneWorker = 4;

}  // namespace

Result<InputOpening> input_opening(const JobOptions& options, const Workload& workload,
                                   const Sizing& sizing) {
  if (!workload.model || workload.model->input.kind == model::InputKind::name)
    return InputOpening{};
  const std::uint64_t workers = sizing.plan.workers.value;
  const std::uint64_t taken = sys::open_descriptors() + kOwn;
  pipeline::OpenedSource::Settings settings{.open = pipeline::open_files(Bytes{options.max_bytes}),
                                            .timeout = options.timeout};
  const std::uint64_t of_use = sizing.slots.count + settings.ahead + 1;
  // The number of workers may grow when the container does.
  const std::uint64_t limit =
      sys::raise_descriptor_limit(taken + kOfOneWorker * plan::kMostWorkers + of_use);
  const std::uint64_t needed = taken + kOfOneWorker * workers;
  const std::uint64_t room = limit - std::min(limit, needed);
  if (room < workers + 1) {
    return Error{
        fmt::format("this process may have {} descriptors (ulimit -n), but {} workers and an open "
                    "input for each "
                    "take {}: allow it more, or lower --workers",
                    limit, workers, needed + workers + 1)};
  }
  // Workers have the same limit, and an engine to keep open besides.
  settings.most_open = std::min({of_use, room, std::max<std::uint64_t>(limit / 2, workers + 1)});
  settings.ahead = std::clamp<std::size_t>(settings.most_open / 2, 1, settings.ahead);
  return InputOpening(std::move(settings));
}

}  // namespace headrace::cli
