#include "cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "sys/files.h"

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;
using pipeline::Counts;

constexpr int kStandardError = 2;
constexpr auto kBarPace = 100ms;
constexpr auto kPlainPace = 5s;

std::string clock_text(double seconds) {
  const auto s = static_cast<std::uint64_t>(std::llround(std::max(seconds, 0.0)));
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

// "2 unsupported, 1 corrupt"
std::string failures_by_code(const Counts& counts) {
  std::string text;
  for (unsigned i = 1; i < counts.failed_by.size(); ++i) {
    if (counts.failed_by[i] == 0) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", counts.failed_by[i], name(*item_error_from(i)));
  }
  return text;
}

double percent(Bytes part, Bytes whole) {
  return whole.value == 0
             ? 0
             : 100 * static_cast<double>(part.value) / static_cast<double>(whole.value);
}

// "CPU 1.87 of 2.00, memory 310 of 512 MiB, throttled 12 %"
std::string use_text(const supervisor::Readings& r) {
  if (r.looks == 0) return {};
  std::string text = fmt::format(", CPU {:.2f} of {:.2f}", r.used.value, r.budget.value);
  if (r.memory_limit)
    text +=
        fmt::format(", memory {:.0f} of {:.0f} MiB", r.memory_in_use.mib(), r.memory_limit->mib());
  if (r.throttled.value_or(0) > 0) text += fmt::format(", throttled {:.0f} %", 100 * *r.throttled);
  return text;
}

// The same in the room of a bar.
std::string use_brief(const supervisor::Readings& r) {
  if (r.looks == 0) return {};
  std::string text = fmt::format(" cpu {:.1f}/{:.1f}", r.used.value, r.budget.value);
  if (r.memory_limit)
    text += fmt::format(" mem {:.0f}%", percent(r.memory_in_use, *r.memory_limit));
  if (r.throttled.value_or(0) > 0) text += fmt::format(" thr {:.0f}%", 100 * *r.throttled);
  return text;
}

std::string time_left(const Snapshot& s, double rate) {
  if (!s.total || rate <= 0) return {};
  const std::uint64_t done = s.counts.answered() + s.counts.skipped;
  if (*s.total < done) return {};
  return clock_text(static_cast<double>(*s.total - done) / rate) + " left";
}

}  // namespace

std::string worker_letters(const supervisor::Fleet& fleet) {
  std::string letters;
  for (const auto& worker : fleet.workers()) {
    using enum supervisor::WorkerState;
    switch (worker->state()) {
      case starting:
        letters += '.';
        break;
      case ready:
        letters += worker->in_flight() > 0 ? '#' : '=';
        break;
      case absent:
        break;
      default:
        letters += 'x';
    }
  }
  return letters;
}

Progress::Progress(ProgressStyle style, bool results_on_terminal, Clock::time_point start)
    : style_(style), start_(start), next_(start) {
  if (style_ == ProgressStyle::automatic) {
    style_ = !sys::is_terminal(kStandardError) ? ProgressStyle::plain
             : results_on_terminal             ? ProgressStyle::none
                                               : ProgressStyle::bar;
  }
  if (style_ == ProgressStyle::plain) next_ += kPlainPace;
}

double Progress::rate(const Snapshot& s, Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  return seconds > 0 ? static_cast<double>(s.counts.answered()) / seconds : 0;
}

std::string Progress::plain_line(const Snapshot& s, Clock::time_point now) const {
  const double per_second = rate(s, now);
  const std::string left = time_left(s, per_second);
  return fmt::format("headrace: {}{} done, {} failed, {:.1f} items/s{}{}, workers [{}]{}\n",
                     s.counts.answered() + s.counts.skipped,
                     s.total ? fmt::format(" of {}", *s.total) : "", s.counts.failed(), per_second,
                     left.empty() ? "" : ", " + left, use_text(s.readings), s.workers,
                     s.waiting.empty() ? "" : ", waiting " + s.waiting);
}

std::string Progress::bar_line(const Snapshot& s, Clock::time_point now) const {
  const double per_second = rate(s, now);
  const std::uint64_t done = s.counts.answered() + s.counts.skipped;
  // Only so much has room: what it waits for is more than the rate that comes of it.
  const std::string pace = s.waiting.empty()
                               ? fmt::format("{:.1f}/s {}{}", per_second, time_left(s, per_second),
                                             use_brief(s.readings))
                               : "waiting " + s.waiting;
  const std::string tail =
      fmt::format(" {}{} {} failed {} [{}]", done, s.total ? fmt::format("/{}", *s.total) : "",
                  s.counts.failed(), pace, s.workers);
  const std::size_t columns = sys::terminal_size(kStandardError).columns;
  std::string bar;
  if (s.total && *s.total > 0 && columns > tail.size() + 12) {
    const std::size_t width = std::min<std::size_t>(columns - tail.size() - 3, 40);
    const std::size_t filled = std::min(width, static_cast<std::size_t>(width * done / *s.total));
    bar = "[" + std::string(filled, '=') + std::string(width - filled, ' ') + "]";
  }
  return "\r\033[K" + (bar + tail).substr(0, columns - 1);
}

void Progress::show(const Snapshot& snapshot, Clock::time_point now) {
  if (now < next_ || style_ == ProgressStyle::none) return;
  const bool bar = style_ == ProgressStyle::bar;
  sys::write_text(kStandardError, bar ? bar_line(snapshot, now) : plain_line(snapshot, now));
  drawn_ = bar;
  next_ = now + (bar ? std::chrono::milliseconds(kBarPace) : std::chrono::milliseconds(kPlainPace));
}

void Progress::clear() {
  if (drawn_) sys::write_text(kStandardError, "\r\033[K");
  drawn_ = false;
}

std::string to_text(const Summary& s) {
  const Counts& c = s.counts;
  std::string text = fmt::format("{} items in {:.2f} s: {} ok, {} failed", c.answered(), s.seconds,
                                 c.ok, c.failed());
  if (c.failed() > 0) text += " (" + failures_by_code(c) + ")";
  if (s.not_kept > 0) text += fmt::format(", the lines of {} not kept", s.not_kept);
  if (c.skipped > 0) text += fmt::format(", {} answered before", c.skipped);
  text += fmt::format("; {:.1f} items/s\n",
                      s.seconds > 0 ? static_cast<double>(c.answered()) / s.seconds : 0);
  text += fmt::format(
      "an item takes p50 {:.1f} ms, p95 {:.1f} ms, p99 {:.1f} ms; first answer after {:.2f} s\n",
      s.p50_ms, s.p95_ms, s.p99_ms, s.first_answer_seconds);
  text += fmt::format("{} worker{} of {}, batch {}; {} restart{}\n", s.workers,
                      s.workers == 1 ? "" : "s", s.equipment.empty() ? "no engine" : s.equipment,
                      s.batch, s.fleet.restarts, s.fleet.restarts == 1 ? "" : "s");
  const supervisor::Readings& r = s.readings;
  text += fmt::format("CPU: {:.2f} of {:.2f} cores used", s.cpu_used, r.budget.value);
  if (r.periods > 0)
    text += fmt::format(", throttled in {} of {} periods", r.throttled_periods, r.periods);
  text += "\n";
  if (r.peak_limit) {
    text += fmt::format("memory: {:.0f} of {:.0f} MiB at most", r.memory_peak.mib(),
                        r.peak_limit->mib());
    if (s.fleet.recycled > 0) text += fmt::format(", {} recycled", s.fleet.recycled);
    if (s.fleet.evictions > 0) text += fmt::format(", {} evicted", s.fleet.evictions);
    if (r.oom_kills > 0) text += fmt::format(", {} killed by the kernel", r.oom_kills);
    text += "\n";
  }
  if (!s.complete) text += "not complete: " + s.stopped + "\n";
  return text;
}

namespace {

nlohmann::ordered_json cpu_json(const Summary& s) {
  const supervisor::Readings& r = s.readings;
  return {{"budget_cores", r.budget.value},
          {"used_cores", s.cpu_used},
          {"periods", r.periods},
          {"throttled_periods", r.throttled_periods},
          {"throttled_seconds", std::chrono::duration<double>(r.throttled_time).count()}};
}

nlohmann::ordered_json memory_json(const Summary& s) {
  const supervisor::Readings& r = s.readings;
  nlohmann::ordered_json json{{"peak_bytes", r.memory_peak.value},
                              {"peak_limit_bytes", r.peak_limit.value_or(Bytes{}).value},
                              {"workers_bytes", r.workers_memory.value},
                              {"oom_kills", r.oom_kills},
                              {"worker_share_bytes", nlohmann::ordered_json::array()}};
  if (r.memory_limit) json["limit_bytes"] = r.memory_limit->value;
  for (const Bytes share : r.shares) json["worker_share_bytes"].push_back(share.value);
  return json;
}

nlohmann::ordered_json governor_json(const Summary& s) {
  nlohmann::ordered_json acts = nlohmann::ordered_json::array();
  for (const auto& act : s.interventions)
    acts.push_back({{"seconds", act.seconds}, {"text", act.text}});
  return {{"acts", s.acts},
          {"recycled", s.fleet.recycled},
          {"evictions", s.fleet.evictions},
          {"cost_seconds", std::chrono::duration<double>(s.readings.cost).count()},
          {"held_seconds", std::chrono::duration<double>(s.readings.held).count()},
          {"first_acts", acts}};
}

}  // namespace

std::string to_json(const Summary& s) {
  nlohmann::ordered_json failed = nlohmann::ordered_json::object();
  for (unsigned i = 1; i < s.counts.failed_by.size(); ++i) {
    if (s.counts.failed_by[i] > 0)
      failed[std::string(name(*item_error_from(i)))] = s.counts.failed_by[i];
  }
  nlohmann::ordered_json json{
      {"model", s.model},
      {"equipment", s.equipment},
      {"complete", s.complete},
      {"items", s.counts.answered()},
      {"ok", s.counts.ok},
      {"failed", s.counts.failed()},
      {"failed_by_code", failed},
      {"answered_before", s.counts.skipped},
      {"not_kept", s.not_kept},
      {"seconds", s.seconds},
      {"items_per_second",
       s.seconds > 0 ? static_cast<double>(s.counts.answered()) / s.seconds : 0},
      {"first_answer_seconds", s.first_answer_seconds},
      {"item_ms", {{"p50", s.p50_ms}, {"p95", s.p95_ms}, {"p99", s.p99_ms}}},
      {"workers", s.workers},
      {"threads", s.threads},
      {"batch", s.batch},
      {"cpu", cpu_json(s)},
      {"memory", memory_json(s)},
      {"governor", governor_json(s)},
      {"restarts", s.fleet.restarts},
      {"retries", s.fleet.retries},
      {"resent", s.fleet.resent},
      {"timeouts", s.fleet.timeouts},
      {"breaches", s.fleet.breaches},
      {"supervisor_peak_bytes", s.supervisor_peak_bytes}};
  if (!s.complete) json["stopped"] = s.stopped;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace headrace::cli
