#include "server/metrics.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "sys/process.h"

namespace headrace::server {
namespace {

using supervisor::WorkerState;

// A value of a label: quotes, backslashes and line ends are escaped.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

class Page {
 public:
  // Before the first sample of a family.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  template <class Value>
  void sample(std::string_view labels, Value value, std::string_view suffix = "") {
    fmt::format_to(std::back_inserter(text_), "{}{}{}{}{} {}\n", name_, suffix,
                   labels.empty() ? "" : "{", labels, labels.empty() ? "" : "}", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

std::string labels_of(const Line& line) {
  return fmt::format("model=\"{}\",version=\"{}\"", escaped(line.name()), escaped(line.version()));
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::int64_t in_us(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

// One family, a sample for each model.
template <class Value>
void each(Page& page, std::span<const Served> models, std::string_view name, std::string_view type,
          std::string_view help, Value&& value) {
  page.family(name, type, help);
  for (const Served& model : models) page.sample(labels_of(*model.line), value(*model.line));
}

void requests(Page& page, std::span<const Served> models) {
  each(page, models, "nv_inference_request_success", "counter", "Requests that got a result",
       [](const Line& line) { return line.tally().success.count; });
  page.family("nv_inference_request_failure", "counter", "Requests that got none, by reason");
  for (const Served& model : models) {
    const Tally& tally = model.line->tally();
    const std::uint64_t failed = tally.fail.count - tally.late;
    for (const auto& [reason, count] :
         {std::pair{"REJECTED", tally.refused_queue + tally.refused_ever},
          {"CANCELED", tally.cancelled},
          {"BACKEND", failed},
          {"OTHER", tally.late}}) {
      page.sample(fmt::format("{},reason=\"{}\"", labels_of(*model.line), reason), count);
    }
  }
  each(page, models, "nv_inference_count", "counter", "Rows inferred",
       [](const Line& line) { return line.tally().rows; });
  each(page, models, "nv_inference_exec_count", "counter", "Requests that ran",
       [](const Line& line) { return line.tally().executions; });
  each(page, models, "nv_inference_pending_request_count", "gauge",
       "Requests that wait for a worker",
       [](const Line& line) { return line.waiting() + line.fleet().backlog(); });
  const auto spent = [&](std::string_view what, std::string_view help, Spent Tally::*which) {
    each(page, models, fmt::format("nv_inference_{}_duration_us", what), "counter", help,
         [&](const Line& line) { return in_us((line.tally().*which).time); });
  };
  spent("request", "Time of requests with a result, from admission to answer", &Tally::success);
  spent("queue", "Time that requests waited for a worker", &Tally::queue);
  spent("compute_input", "Time of decoding", &Tally::decode);
  spent("compute_infer", "Time in the engine", &Tally::infer);
}

void times(Page& page, std::span<const Served> models) {
  page.family("headrace_request_seconds", "histogram", "From admission to answer");
  for (const Served& model : models) {
    const Distribution& times = model.line->tally().request_time;
    const std::string labels = labels_of(*model.line);
    for (std::size_t i = 0; i < Distribution::kEnds.size(); ++i) {
      page.sample(fmt::format("{},le=\"{}\"", labels, Distribution::kEnds[i]), times.up_to(i),
                  "_bucket");
    }
    page.sample(labels + ",le=\"+Inf\"", times.all().count, "_bucket");
    page.sample(labels, seconds(times.all().time), "_sum");
    page.sample(labels, times.all().count, "_count");
  }
}

void failures(Page& page, std::span<const Served> models) {
  page.family("headrace_failed_total", "counter", "Requests that failed, by error");
  for (const Served& model : models) {
    const Tally& tally = model.line->tally();
    for (unsigned code = 1; code < tally.failed.size(); ++code) {
      page.sample(
          fmt::format("{},error=\"{}\"", labels_of(*model.line), name(*item_error_from(code))),
          tally.failed[code]);
    }
  }
  page.family("headrace_refused_total", "counter", "Requests that were not admitted");
  for (const Served& model : models) {
    const std::string labels = labels_of(*model.line);
    page.sample(labels + ",reason=\"queue\"", model.line->tally().refused_queue);
    page.sample(labels + ",reason=\"size\"", model.line->tally().refused_ever);
  }
  each(page, models, "headrace_late_total", "counter", "Requests whose deadline came first",
       [](const Line& line) { return line.tally().late; });
  each(page, models, "headrace_retries_total", "counter",
       "Requests charged with a worker's death and tried again",
       [](const Line& line) { return line.fleet().counts().retries; });
  each(page, models, "headrace_resent_total", "counter", "Requests sent again without blame",
       [](const Line& line) { return line.fleet().counts().resent; });
  // Any other error is an answer; after these a worker was dead, on every attempt.
  each(page, models, "headrace_quarantined_total", "counter",
       "Requests given up after every attempt", [](const Line& line) {
         const auto& failed = line.tally().failed;
         return failed[static_cast<std::size_t>(ItemError::worker_crashed)] +
                failed[static_cast<std::size_t>(ItemError::timeout)];
       });
}

void workers(Page& page, std::span<const Served> models, Clock::time_point now) {
  page.family("headrace_workers", "gauge", "Worker processes by state");
  for (const Served& model : models) {
    std::array<unsigned, 4> counts{};
    for (const auto& worker : model.line->fleet().workers()) {
      switch (worker->state()) {
        case WorkerState::ready:
          ++counts[0];
          break;
        case WorkerState::starting:
          ++counts[1];
          break;
        case WorkerState::resting:
          ++counts[2];
          break;
        case WorkerState::leaving:
        case WorkerState::dying:
          ++counts[3];
          break;
        case WorkerState::absent:
          break;
      }
    }
    constexpr std::array kWords = {"ready", "loading", "resting", "leaving"};
    for (std::size_t i = 0; i < kWords.size(); ++i) {
      page.sample(fmt::format("{},state=\"{}\"", labels_of(*model.line), kWords[i]), counts[i]);
    }
  }
  page.family("headrace_worker_restarts_total", "counter",
              "Workers that ended unasked, by what ended them");
  for (const Served& model : models) {
    for (const auto& [reason, count] : model.line->fleet().restarts_by()) {
      page.sample(fmt::format("{},reason=\"{}\"", labels_of(*model.line), escaped(reason)), count);
    }
  }
  each(page, models, "headrace_worker_recycled_total", "counter",
       "Workers replaced between requests",
       [](const Line& line) { return line.fleet().counts().recycled; });
  each(page, models, "headrace_ready", "gauge", "1 while the model takes requests",
       [now](const Line& line) { return line.ready(now) ? 1 : 0; });
}

void memory(Page& page, std::span<const Served> models) {
  each(page, models, "headrace_bytes_in_flight", "gauge", "Shared memory that requests take",
       [](const Line& line) { return line.bytes_in_flight().value; });
  each(page, models, "headrace_bytes_limit", "gauge", "Shared memory that there is for requests",
       [](const Line& line) { return line.settings().slots.bodies.value; });
  each(page, models, "headrace_requests_open", "gauge", "Requests admitted and not answered",
       [](const Line& line) { return line.open(); });
  page.family("headrace_worker_memory_bytes", "gauge",
              "Proportional share (PSS) of a worker, read seldom");
  for (const Served& model : models) {
    const auto& shares = model.watch->readings().shares;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (shares[i].value > 0)
        page.sample(fmt::format("{},worker=\"{}\"", labels_of(*model.line), i), shares[i].value);
    }
  }
}

void pressure(Page& page, const supervisor::Readings& seen) {
  page.family("headrace_pressure_percent", "gauge",
              "Share of the last ten seconds in which somebody had to wait (PSI)");
  const auto one = [&](std::string_view resource, const std::optional<sys::Pressure>& value) {
    if (!value) return;
    page.sample(fmt::format("resource=\"{}\",kind=\"some\"", resource), value->some_avg10);
    page.sample(fmt::format("resource=\"{}\",kind=\"full\"", resource), value->full_avg10);
  };
  one("cpu", seen.cpu_pressure);
  one("memory", seen.memory_pressure);
}

// Counters stay when the last model has gone; what is so now, only a model's watch sees.
void of_container(Page& page, const ContainerSeen& container) {
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help,
                       auto value) {
    page.family(name, type, help);
    page.sample("", value);
  };
  const ContainerCounts& counts = container.counts;
  one("headrace_throttled_seconds_total", "counter",
      "Time in which the quota stopped the container", seconds(counts.throttled_time));
  one("headrace_throttled_periods_total", "counter", "Periods of the quota in which that was so",
      counts.throttled_periods);
  one("headrace_periods_total", "counter", "Periods of the quota", counts.periods);
  one("headrace_oom_kills_total", "counter",
      "Processes of the container that the kernel killed for memory", counts.oom_kills);
  if (container.readings == nullptr) return;
  const supervisor::Readings& seen = *container.readings;
  one("headrace_cpu_budget_cores", "gauge", "Processors that the container gives",
      container.budget.value);
  one("headrace_cpu_used_cores", "gauge", "Processors in use by workers and supervisor",
      container.workers_cpus.value + seen.own.value);
  one("headrace_memory_in_use_bytes", "gauge", "Memory that cannot be reclaimed",
      container.memory_in_use.value);
  if (container.memory_limit)
    one("headrace_memory_limit_bytes", "gauge", "The nearest limit", container.memory_limit->value);
  pressure(page, seen);
}

}  // namespace

std::string to_metrics(std::span<const Served> models, const ContainerSeen& container,
                       const Doors& doors, Clock::time_point now) {
  Page page;
  requests(page, models);
  times(page, models);
  failures(page, models);
  workers(page, models, now);
  memory(page, models);
  of_container(page, container);
  page.family("headrace_connections", "gauge", "Open connections");
  page.sample("", doors.connections);
  page.family("headrace_draining", "gauge", "1 while the server ends");
  page.sample("", doors.draining ? 1 : 0);
  page.family("process_cpu_seconds_total", "counter", "CPU time of the supervisor");
  page.sample("", sys::cpu_seconds_self());
  page.family("process_max_resident_memory_bytes", "gauge",
              "The most memory that the supervisor ever had resident");
  page.sample("", sys::own_peak_resident().value);
  return page.take();
}

}  // namespace headrace::server
