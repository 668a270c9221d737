#include "server/status.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "server/described.h"

namespace headrace::server {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::duration;
using supervisor::WorkerState;

constexpr std::size_t kInterventionsShown = 20;

// To the thousandth; more digits say nothing and cost bytes. What is not known becomes null.
Json rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::round(value * 1000) / 1000;
}

Json seconds_between(Clock::time_point then, Clock::time_point now) {
  return rounded(std::max(0.0, duration<double>(now - then).count()));
}

std::int64_t in_ms(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// One series for each member of a moment.
template <class Moment>
Json series(std::span<const Moment> moments,
            std::initializer_list<std::pair<const char*, double Moment::*>> members) {
  Json all = Json::object();
  for (const auto& [name, member] : members) {
    Json& values = all[name] = Json::array();
    for (const Moment& moment : moments) values.push_back(rounded(moment.*member));
  }
  return all;
}

Json pressure(const std::optional<sys::Pressure>& value) {
  return value ? rounded(value->some_avg10) : Json(nullptr);
}

Json describe_container(const ContainerSeen& container, double own_cpus) {
  if (container.readings == nullptr) return nullptr;
  const supervisor::Readings& seen = *container.readings;
  const ContainerCounts& counts = container.counts;
  return {{"cpu_budget_cores", rounded(container.budget.value)},
          {"cpu_used_cores", rounded(container.workers_cpus.value + own_cpus)},
          {"throttled_percent", seen.throttled ? rounded(*seen.throttled * 100) : Json(nullptr)},
          {"throttled_seconds_total", rounded(duration<double>(counts.throttled_time).count())},
          {"memory_limit_bytes",
           container.memory_limit ? Json(container.memory_limit->value) : Json(nullptr)},
          {"memory_in_use_bytes", container.memory_in_use.value},
          {"memory_of_workers_bytes", container.workers_memory.value},
          {"out_of_memory_kills_total", counts.oom_kills},
          {"cpu_pressure_percent", pressure(seen.cpu_pressure)},
          {"memory_pressure_percent", pressure(seen.memory_pressure)}};
}

Json describe_worker(const supervisor::Worker& worker, const supervisor::Watch& watch,
                     Clock::time_point now) {
  const bool there = worker.alive();
  const bool busy = there && worker.in_flight() > 0;
  const auto use = watch.use_of(worker.number());
  const auto& shares = watch.readings().shares;
  const std::uint64_t share =
      there && worker.number() < shares.size() ? shares[worker.number()].value : 0;
  const bool measured = there && use.memory.value > 0;
  return {{"number", worker.number()},
          {"pid", there ? Json(worker.child->pid()) : Json(nullptr)},
          {"state", worker.stopped_since ? "stopped" : word_of(worker.state())},
          {"state_seconds", seconds_between(worker.stopped_since.value_or(worker.since), now)},
          {"items_in_flight", there ? worker.in_flight() : 0},
          {"item_seconds", busy ? seconds_between(worker.front_since, now) : Json(nullptr)},
          {"items_done", worker.finished},
          {"memory_private_bytes", measured ? Json(use.memory.value) : Json(nullptr)},
          {"memory_share_bytes", share > 0 ? Json(share) : Json(nullptr)},
          {"cpu_used_cores", measured ? rounded(use.cpus.value) : Json(nullptr)},
          {"restarts", worker.restarts},
          {"last_end", worker.restarts > 0 ? Json(worker.last_end) : Json(nullptr)},
          {"last_end_seconds_ago",
           worker.restarts > 0 ? seconds_between(worker.last_end_at, now) : Json(nullptr)}};
}

Json describe_workers(const Model& model, Clock::time_point now) {
  Json workers = Json::array();
  for (const auto& worker : model.line->fleet().workers()) {
    if (worker->state() == WorkerState::absent && worker->number() >= model.line->fleet().wanted())
      continue;
    workers.push_back(describe_worker(*worker, *model.watch, now));
  }
  return workers;
}

Json describe_failures(const Line& line) {
  Json failures = Json::array();
  for (const Failure& failure : line.failures()) {
    failures.push_back(
        {{"time_ms", in_ms(failure.time)},
         {"code", failure.code},
         {"message", failure.message},
         {"request_id", failure.request_id.empty() ? Json(nullptr) : Json(failure.request_id)},
         {"attempts", failure.attempts},
         {"worker", failure.worker ? Json(*failure.worker) : Json(nullptr)}});
  }
  return failures;
}

Json describe_interventions(const supervisor::Watch& watch) {
  Json all = Json::array();
  const auto& acts = watch.last_interventions();
  for (std::size_t i = acts.size() - std::min(acts.size(), kInterventionsShown); i < acts.size();
       ++i)
    all.push_back({{"seconds_since_start", rounded(acts[i].seconds)}, {"text", acts[i].text}});
  return all;
}

Json describe_latency(const Lately& lately) {
  const auto in_ms = [](std::chrono::microseconds time) {
    return time.count() == 0 ? Json(nullptr) : rounded(static_cast<double>(time.count()) / 1000);
  };
  return {{"answers_per_second", rounded(lately.answers_per_second)},
          {"failures_per_second", rounded(lately.failures_per_second)},
          {"p50_ms", in_ms(lately.p50)},
          {"p99_ms", in_ms(lately.p99)}};
}

Json describe_totals(const Line& line) {
  const Tally& tally = line.tally();
  const supervisor::FleetCounts& counts = line.fleet().counts();
  return {{"results", tally.success.count},      {"failures", tally.fail.count},
          {"refused_full", tally.refused_queue}, {"refused_too_large", tally.refused_ever},
          {"cancelled", tally.cancelled},        {"late", tally.late},
          {"retries", counts.retries},           {"workers_recycled", counts.recycled}};
}

Json describe_model(const Model& model, const History& history, std::optional<std::uint64_t> after,
                    Clock::time_point now) {
  const Line& line = *model.line;
  const Condition condition = condition_of(line, now);
  Json json = {
      {"name", line.name()},
      {"version", line.version()},
      {"platform", line.fleet().equipment().empty() ? model.platform : line.fleet().equipment()},
      {"takes_pictures", model.about.input.kind != model::InputKind::tensors},
      {"state", condition.word},
      {"reason", condition.reason.empty() ? Json(nullptr) : Json(condition.reason)},
      {"last_10_seconds", describe_latency(history.lately(key_of(line)))},
      {"queue",
       {{"waiting", line.waiting() + line.fleet().backlog()},
        {"taken", line.taken()},
        {"limit", line.settings().queue},
        {"bytes", line.bytes_in_flight().value},
        {"bytes_limit", line.settings().slots.bodies.value}}},
      {"totals", describe_totals(line)},
      {"workers_fed", line.fleet().active()},
      {"workers", describe_workers(model, now)},
      {"restarts_by_reason", Json::object()},
      {"interventions", describe_interventions(*model.watch)},
      {"last_errors", describe_failures(line)}};
  for (const auto& [reason, count] : line.fleet().restarts_by())
    json["restarts_by_reason"][reason] = count;
  if (!after) return json;
  const std::vector<ModelMoment> moments = history.model(key_of(line), *after);
  json["history"] = series<ModelMoment>(moments, {{"answers_per_second", &ModelMoment::answers},
                                                  {"failures_per_second", &ModelMoment::failures},
                                                  {"p50_ms", &ModelMoment::p50_ms},
                                                  {"p99_ms", &ModelMoment::p99_ms},
                                                  {"waiting", &ModelMoment::waiting},
                                                  {"worker_ends", &ModelMoment::worker_ends}});
  return json;
}

}  // namespace

std::string key_of(const Line& line) {
  return line.name() + "/" + line.version();
}

ModelCounts counts_of(const Line& line) {
  const Tally& tally = line.tally();
  return {.key = key_of(line),
          .answered = tally.success.count + tally.fail.count,
          .failed = tally.fail.count,
          .worker_ends = line.fleet().counts().restarts,
          .waiting = line.waiting() + line.fleet().backlog(),
          .latency = &tally.latency};
}

ContainerMoment container_now(const Server& server, double own_cpus) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  const ContainerSeen container = server.container();
  if (container.readings == nullptr) return {own_cpus, kUnknown, kUnknown, kUnknown};
  const supervisor::Readings& seen = *container.readings;
  return {.cpu_used = container.workers_cpus.value + own_cpus,
          .cpu_budget = container.budget.value,
          .throttled_percent = seen.throttled ? *seen.throttled * 100 : kUnknown,
          .memory_in_use = static_cast<double>(container.memory_in_use.value)};
}

std::string describe_status(const Server& server, const ServerFacts& facts, const History& history,
                            std::optional<std::uint64_t> after, Clock::time_point now) {
  const std::string why_not = why_not_ready(server);
  Json json = {{"server",
                {{"version", facts.version},
                 {"started_ms", facts.started_ms},
                 {"now_ms", in_ms(std::chrono::system_clock::now())},
                 {"uptime_seconds", rounded(facts.uptime_seconds)},
                 {"ready", server.ready()},
                 {"draining", server.draining()},
                 {"reason", why_not.empty() ? Json(nullptr) : Json(why_not)},
                 {"connections", facts.connections},
                 {"supervisor_cpu_cores", rounded(facts.own_cpus)}}},
               {"container", describe_container(server.container(), facts.own_cpus)},
               {"models", Json::array()}};
  if (after) {
    const std::vector<ContainerMoment> moments = history.container(*after);
    json["history"] = {{"interval_seconds", 1}, {"last", history.last()}};
    json["history"].update(series<ContainerMoment>(
        moments, {{"cpu_used_cores", &ContainerMoment::cpu_used},
                  {"cpu_budget_cores", &ContainerMoment::cpu_budget},
                  {"throttled_percent", &ContainerMoment::throttled_percent},
                  {"memory_in_use_bytes", &ContainerMoment::memory_in_use}}));
  }
  for (const auto& model : server.models())
    json["models"].push_back(describe_model(*model, history, after, now));
  // A reason may quote what somebody sent.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::uint64_t> read_since(std::string_view query) {
  constexpr std::string_view kSince = "since=";
  if (!query.starts_with(kSince)) return std::nullopt;
  query.remove_prefix(kSince.size());
  std::uint64_t number = 0;
  const auto [rest, wrong] = std::from_chars(query.data(), query.data() + query.size(), number);
  if (wrong != std::errc() || rest != query.data() + query.size()) return std::nullopt;
  return number;
}

std::string_view word_of(WorkerState state) {
  switch (state) {
    case WorkerState::absent:
      return "absent";
    case WorkerState::starting:
      return "loading";
    case WorkerState::ready:
      return "ready";
    case WorkerState::leaving:
      return "leaving";
    case WorkerState::dying:
      return "dying";
    case WorkerState::resting:
      return "resting";
  }
  return "lost";
}

Condition condition_of(const Line& line, Clock::time_point now) {
  if (line.hopeless()) return {"failed", line.hopeless()->message};
  if (line.ready(now)) return {"ready"};
  if (!line.fleet().ever_ready()) return {"loading", "the first worker is loading the model"};
  return {"unavailable", "no worker can be kept alive; they are tried again and again"};
}

}  // namespace headrace::server
