#include "pipeline/pipeline.h"

#include <simdjson.h>

#include <algorithm>
#include <csignal>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "pipeline/answer.h"
#include "sys/process.h"

namespace headrace::pipeline {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using supervisor::Finished;

enum Tag : std::uint64_t { kSignals, kSource, kSink };

constexpr auto kLeaveGrace = 1s;  // everything is answered by then; nobody has reason to stay
// For the last lines, once the run was told to stop: whoever told it waits, and --resume does again what
// does not get there.
constexpr auto kSettleGrace = 10s;
constexpr auto kSettleGraceAtOnce = 1s;
constexpr auto kSettleLook = 100ms;
constexpr unsigned kMostInOneTurn = 4096;  // items pulled from the source

}  // namespace

struct Pipeline::Json {
  simdjson::dom::parser parser;
};

std::uint64_t Counts::failed() const {
  return std::accumulate(failed_by.begin(), failed_by.end(), std::uint64_t{0});
}

Pipeline::Pipeline(Parts parts)
    : parts_(parts), admitted_(parts.slots.count()), json_(std::make_shared<Json>()) {
  parts_.poller.watch(parts_.signals.fd(), kSignals);
  parts_.poller.watch(parts_.source.fd(), kSource);
  if (parts_.sink.news_fd() >= 0) parts_.poller.watch(parts_.sink.news_fd(), kSink);
}

Outcome Pipeline::run(const std::function<milliseconds(Clock::time_point)>& tick) {
  while (!done()) {
    const Clock::time_point now = Clock::now();
    parts_.fleet.step(now);
    answer(now);
    admit(now);
    parts_.fleet.dispatch(now);
    check(parts_.sink.flush());
    if (parts_.fleet.hopeless() && !outcome_.error) outcome_.error = parts_.fleet.hopeless();
    const milliseconds nap = tick(now);
    // What a dead worker held came back, and may wait for ever for its turn while nothing is handed out.
    if (outcome_.stopped_by && parts_.fleet.held() && parts_.fleet.in_flight() == 0)
      give_back_backlog();
    if (!done()) wait(nap);
  }
  wind_up();
  return outcome_;
}

bool Pipeline::done() {
  if (outcome_.error || at_once_) return true;
  // What is in flight gets its lines first: otherwise --resume, with the same trouble, never would.
  if (source_ended_ && in_flight() == 0) outcome_.error = parts_.source.trouble();
  if (outcome_.error) return true;
  const bool no_more = source_ended_ || outcome_.stopped_by;
  return no_more && in_flight() == 0 && settled();
}

// Whether there is nothing more to wait for: the last answer is where it belongs, or time is up.
bool Pipeline::settled() {
  if (parts_.sink.settle()) return true;
  const Clock::time_point now = Clock::now();
  if (!settling_since_) settling_since_ = now;
  if (at_once_) return now - *settling_since_ > kSettleGraceAtOnce;
  return (outcome_.stopped_by || outcome_.error) && now - *settling_since_ > kSettleGrace;
}

void Pipeline::admit(Clock::time_point now) {
  more_at_once_ = false;
  if (outcome_.stopped_by) return;
  const std::size_t full = parts_.fleet.backlog() + parts_.fleet.appetite();
  // Items that were answered before, or are refused, take no slot: many may pass in one turn, but
  // not so many that workers and signals would wait.
  for (unsigned pulled = 0; parts_.slots.free() > 0 && parts_.fleet.backlog() < full; ++pulled) {
    if (pulled == kMostInOneTurn) {
      more_at_once_ = true;
      return;
    }
    if (source_ended_ || !admit_one(now)) return;
  }
}

// False when nothing more can be admitted for now.
bool Pipeline::admit_one(Clock::time_point now) {
  if (!held_) {
    Input input;
    const Source::Pulled pulled = parts_.source.next(input);
    if (pulled == Source::Pulled::not_yet) return false;
    if (pulled == Source::Pulled::end) {
      source_ended_ = true;
      return false;
    }
    held_ = std::move(input);
  }
  if (!parts_.sink.accepts(held_->index)) return false;
  Input input = *std::exchange(held_, std::nullopt);
  const bool too_long = input.name.size() > parts_.slots.input_capacity();
  // Cut for good, so that the line and a later --resume show the same name.
  if (too_long) input.name.resize(parts_.slots.input_capacity());
  if (input.answered) {
    ++counts_.skipped;
    check(parts_.sink.skip(input.index));
    return true;
  }
  ++counts_.admitted;
  if (!is_utf8(input.name)) {
    refuse(input, ItemError::unreadable, "its name is not UTF-8; rename it");
  } else if (too_long) {
    refuse(input, ItemError::not_found, "its name is longer than any file system allows");
  } else if (input.unfit) {
    refuse(input, input.unfit->code, input.unfit->message);
  } else {
    const shm::Token token = *parts_.slots.claim(input.name);
    const int file = input.file ? input.file->get() : -1;
    admitted_[shm::token_slot(token)] = {input.index, std::move(input.name), now,
                                         std::move(input.file)};
    parts_.fleet.add(token, milliseconds(0), file);
  }
  return true;
}

// Answers an item that needs no worker to fail.
void Pipeline::refuse(const Input& input, ItemError code, std::string_view message) {
  ++counts_.failed_by[static_cast<std::size_t>(code)];
  put(input.index,
      to_line({.index = input.index, .input = input.name, .error = code, .message = message}));
}

void Pipeline::answer(Clock::time_point now) {
  while (auto finished = parts_.fleet.next_finished()) {
    const Admitted& item = admitted_[shm::token_slot(finished->token)];
    if (finished->failure) {
      answer_failed(*finished, item, finished->failure->code, finished->failure->message);
    } else if (!parts_.slots.read_reply(finished->token, reply_) ||
               (!reply_.error && !believable(reply_.text))) {
      parts_.fleet.disbelieve(*finished, now);
      continue;
    } else if (reply_.error) {
      answer_failed(*finished, item, *reply_.error, reply_.text);
    } else {
      answer_ok(*finished, item);
    }
    release(finished->token);
  }
}

// The slot is free again, and the input's file closed.
void Pipeline::release(shm::Token token) {
  admitted_[shm::token_slot(token)].file.reset();
  parts_.slots.release(token);
}

// A result goes into a line of the output as it is, so it must be JSON, and one line.
bool Pipeline::believable(const std::string& json) {
  return json.find('\n') == std::string::npos &&
         json_->parser.parse(json).error() == simdjson::SUCCESS;
}

void Pipeline::answer_ok(const Finished& finished, const Admitted& item) {
  ++counts_.ok;
  item_times_.add(reply_.decode + reply_.infer);
  const auto waited = duration_cast<microseconds>(reply_.started - item.at);
  put(item.index, to_line({.index = item.index,
                           .input = item.name,
                           .attempts = finished.attempts,
                           .worker = finished.worker,
                           .result = reply_.text,
                           .times = {.queue = std::max(waited, microseconds(0)),
                                     .decode = reply_.decode,
                                     .infer = reply_.infer}}));
}

void Pipeline::answer_failed(const Finished& finished, const Admitted& item, ItemError code,
                             std::string_view message) {
  ++counts_.failed_by[static_cast<std::size_t>(code)];
  put(item.index, to_line({.index = item.index,
                           .input = item.name,
                           .attempts = finished.attempts,
                           .worker = finished.worker,
                           .error = code,
                           .message = message}));
}

void Pipeline::put(std::uint64_t index, std::string line) {
  check(parts_.sink.write(index, std::move(line)));
}

void Pipeline::check(Status status) {
  if (!status && !outcome_.error) outcome_.error = std::move(status).error();
}

void Pipeline::wait(milliseconds at_most) {
  // Workers ring only when they see us asleep; so look once more between saying so and sleeping.
  // With something to do at once there is no sleep, only a glance at the descriptors.
  const bool sleep = !more_at_once_ && !parts_.fleet.result_waiting();
  if (sleep) parts_.slots.set_supervisor_asleep(true);
  const bool glance = !sleep || parts_.fleet.result_waiting();
  const auto tags =
      parts_.poller.wait(glance ? 0ms : std::min(at_most, parts_.fleet.patience(Clock::now())));
  if (sleep) parts_.slots.set_supervisor_asleep(false);
  const Clock::time_point now = Clock::now();
  for (const std::uint64_t tag : tags) {
    if (tag == kSignals) take_signals();
    if (tag == kSource) parts_.source.heard();   // admit() asks it in the next round anyway
    if (tag == kSink) parts_.sink.news_heard();  // and this one
    if (parts_.fleet.owns(tag)) parts_.fleet.on_ready(tag, now);
  }
}

void Pipeline::take_signals() {
  while (const auto signal = parts_.signals.next()) {
    if (*signal == SIGCHLD) {
      sys::reap_orphans([this](int pid) { return parts_.fleet.is_worker(pid); });
      parts_.fleet.notice_stops(Clock::now());
      continue;
    }
    if (outcome_.stopped_by || !parts_.drains) {
      outcome_.stopped_by = outcome_.stopped_by.value_or(*signal);
      // Once: a signal every half second must not put off the end.
      if (!std::exchange(at_once_, true)) settling_since_.reset();
    } else {
      settling_since_.reset();
      outcome_.stopped_by = *signal;
      parts_.log.warn("{}: finishing what is in flight; once more stops at once",
                      *signal == SIGINT ? "interrupted" : "asked to stop");
      give_back_backlog();
    }
  }
}

// They get no line; --resume does them.
void Pipeline::give_back_backlog() {
  for (const shm::Token token : parts_.fleet.surrender_backlog()) release(token);
}

// Every worker gone, every line written.
void Pipeline::wind_up() {
  outcome_.complete = !outcome_.error && !outcome_.stopped_by;
  const Clock::time_point now = Clock::now();
  parts_.fleet.stop(now, outcome_.error || at_once_ ? 0s : kLeaveGrace);
  while (!parts_.fleet.stopped()) {
    parts_.fleet.step(Clock::now());
    if (!parts_.fleet.stopped()) wait(1s);
  }
  while (!settled()) wait(kSettleLook);
  check(parts_.sink.finish());
  if (outcome_.error) outcome_.complete = false;
}

}  // namespace headrace::pipeline
