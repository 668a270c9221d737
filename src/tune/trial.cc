#include "tune/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <unordered_map>

#include "pipeline/pipeline.h"
#include "plan/budget.h"
#include "sys/process.h"
#include "sys/timer.h"

namespace headrace::tune {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;

constexpr std::size_t kMostFailures = 20;
// Workers that got nothing to do in this time are as warm as they get.
constexpr std::chrono::milliseconds kLongestWarmUp{1'500};
constexpr std::chrono::milliseconds kWarmUp{300};
// Often enough for windows of a second.
constexpr std::chrono::milliseconds kTick{50};
constexpr std::uint64_t kMostRestarts = 3;
// For what is still under way when the window is over: its answers are worth nothing.
constexpr std::chrono::seconds kLeave{1};
// Reading what the own group counts takes a moment.
constexpr std::chrono::milliseconds kKillsPace{500};
constexpr unsigned kArrivalSeed = 20'240'229;
// A window ends with an answer, so that it holds whole batches; but not for ever.
constexpr double kLongestWindow = 3;  // times what was asked for

double ms(Clock::duration time) {
  return duration<double, std::milli>(time).count();
}

// The `share` quantile of `values`, which it reorders.
double quantile(std::vector<float>& values, double share) {
  if (values.empty()) return 0;
  const double place = std::clamp(share, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto at = values.begin() + std::lround(place);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// The sample, round and round or once.
class Round : public pipeline::Source {
 public:
  explicit Round(const TrialRequest& request) : request_(request) {}

  Pulled next(pipeline::Input& input) override {
    const std::size_t count = request_.inputs.size();
    if (request_.one_pass && given_ >= count) return Pulled::end;
    input = {.index = given_, .name = request_.inputs[given_ % count]};
    ++given_;
    return Pulled::item;
  }
  int fd() const override { return silent_.fd(); }
  void heard() override {}
  std::optional<std::uint64_t> total() const override { return std::nullopt; }
  std::optional<Error> trouble() const override { return std::nullopt; }

 private:
  const TrialRequest& request_;
  std::uint64_t given_ = 0;
  sys::Bell silent_;  // there is always news until the end
};

// Source and sink in one: gives out the sample, and notes when each item came back.
class Meter : public pipeline::Source, public pipeline::Sink {
 public:
  explicit Meter(const TrialRequest& request)
      : request_(request), round_(request), verdicts_(request.inputs.size(), Verdict::untried) {
    if (request.opening) opened_.emplace(round_, *request.opening);
    both_.watch(timer_.fd(), 0);
    both_.watch(inputs().fd(), 1);
    news_ = both_.descriptor();
  }

  // --- source

  Pulled next(pipeline::Input& input) override {
    if (ended_) return Pulled::end;
    const Clock::time_point now = Clock::now();
    Clock::time_point due = now;
    if (request_.arrivals) {
      if (!arriving_) return Pulled::not_yet;
      if (due_ > now) {
        timer_.set(due_);
        return Pulled::not_yet;
      }
      due = due_;
    }
    const Pulled pulled = inputs().next(input);
    if (pulled != Pulled::item) return pulled;
    if (request_.arrivals) due_ += gap();
    under_way_.emplace(input.index, due);
    return Pulled::item;
  }
  int fd() const override { return news_.get(); }
  void heard() override {
    timer_.silence();
    inputs().heard();
  }
  std::optional<std::uint64_t> total() const override { return std::nullopt; }
  std::optional<Error> trouble() const override {
    return opened_ ? opened_->trouble() : std::nullopt;
  }

  // --- sink

  Status write(std::uint64_t index, std::string line) override {
    const auto found = under_way_.find(index);
    if (found == under_way_.end()) return Ok{};
    const Clock::time_point due = found->second;
    under_way_.erase(found);
    ++answered_;
    // The first such text is the line's own: quotes in the name before it are escaped.
    const bool good = line.find("\"status\":\"ok\"") < line.find("\"status\":\"failed\"");
    const std::size_t input = index % request_.inputs.size();
    if (!good && failures_.size() < kMostFailures && verdicts_[input] != Verdict::failed)
      failures_.push_back({input, why(line)});
    if (verdicts_[input] != Verdict::failed)
      verdicts_[input] = good ? Verdict::ok : Verdict::failed;
    if (!counting_) return Ok{};
    if (!good) {
      ++failed_;
      return Ok{};
    }
    ++ok_;
    whole_.push_back(static_cast<float>(ms(Clock::now() - due)));
    note_parts(line);
    return Ok{};
  }
  Status skip(std::uint64_t) override { return Ok{}; }
  bool accepts(std::uint64_t) const override { return true; }
  Status flush() override { return Ok{}; }
  Status finish() override { return Ok{}; }

  // --- the trial

  void let_arrive(Clock::time_point now) {
    arriving_ = true;
    due_ = now + gap();
    timer_.set(due_);
  }
  void count(bool yes) { counting_ = yes; }
  void end() {
    ended_ = true;
    timer_.set(Clock::now());  // to be asked once more
  }
  std::uint64_t answered() const { return answered_; }
  std::uint64_t counted() const { return ok_ + failed_; }

  void report(Measured& measured) {
    measured.ok = ok_;
    measured.failed = failed_;
    measured.whole_ms = whole_;
    measured.whole = latency_of(whole_);
    measured.decode = latency_of(decode_);
    measured.infer = latency_of(infer_);
    measured.verdicts = std::move(verdicts_);
    measured.failures = std::move(failures_);
  }

 private:
  // Between arrivals that know nothing of each other.
  Clock::duration gap() {
    return std::chrono::duration_cast<Clock::duration>(
        duration<double>(std::exponential_distribution<double>(*request_.arrivals)(random_)));
  }

  static std::string why(const std::string& line) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    const auto error = json.find("error");
    if (error == json.end()) return line;
    return error->value("code", "") + ": " + error->value("message", "");
  }

  void note_parts(const std::string& line) {
    const std::size_t place = line.rfind("\"ms\":{");
    float queue = 0;
    float decode = 0;
    float infer = 0;
    if (place == std::string::npos ||
        std::sscanf(line.c_str() + place, R"("ms":{"queue":%f,"decode":%f,"infer":%f})", &queue,
                    &decode, &infer) != 3) {
      return;
    }
    decode_.push_back(decode);
    infer_.push_back(infer);
  }

  pipeline::Source& inputs() {
    if (opened_) return *opened_;
    return round_;
  }

  const TrialRequest& request_;
  Round round_;
  std::optional<pipeline::OpenedSource> opened_;
  sys::Timer timer_;
  sys::Poller both_;  // the timer and the inputs
  sys::Fd news_;
  std::unordered_map<std::uint64_t, Clock::time_point> under_way_;  // by index: when it was due
  std::uint64_t answered_ = 0;
  bool ended_ = false;
  bool arriving_ = false;
  Clock::time_point due_;
  // The same arrivals for every candidate, or the luckiest would win.
  std::mt19937_64 random_{kArrivalSeed};  // NOLINT(cert-msc51-cpp)

  bool counting_ = false;
  std::uint64_t ok_ = 0, failed_ = 0;
  std::vector<float> whole_, decode_, infer_;
  std::vector<Verdict> verdicts_;
  std::vector<Failure> failures_;
};

// What must be read at both ends of the window.
struct Reading {
  Clock::time_point at{};
  double cpu_seconds = 0;
  std::optional<sys::Throttling> throttling{};
};

Reading read_now(const supervisor::Fleet& fleet) {
  Reading reading{.at = Clock::now(), .cpu_seconds = sys::cpu_seconds_self()};
  for (const auto& worker : fleet.workers()) {
    if (worker->alive()) reading.cpu_seconds += sys::cpu_seconds(worker->child->pid());
  }
  reading.throttling = plan::throttling(sys::read_cgroup());
  return reading;
}

class Trial {
 public:
  Trial(const TrialRequest& request, sys::Signals& signals, spdlog::logger& log,
        shm::SlotArea slots)
      : request_(request),
        slots_(std::move(slots)),
        fleet_(request.fleet, slots_, poller_, pipeline::Pipeline::kFirstFleetTag, log),
        meter_(request),
        pipeline_({meter_, meter_, fleet_, slots_, poller_, signals, log, /*drains=*/false}) {}

  Measured operator()(const std::function<void(const supervisor::Fleet&)>& tick) {
    kills_before_ = sys::read_cgroup().oom_kills;
    const pipeline::Outcome outcome = pipeline_.run([&](Clock::time_point now) {
      step(now);
      if (tick) tick(fleet_);
      return kTick;
    });
    meter_.report(measured_);
    if (measured_.seconds > 0)
      measured_.rate = static_cast<double>(measured_.ok) / measured_.seconds;
    measured_.restarts = fleet_.counts().restarts;
    measured_.oom_kills = kills();
    measured_.equipment = fleet_.equipment();
    measured_.stopped_by = outcome.stopped_by;
    // What was measured stays so, whatever came of the items that were left.
    if (measured_.seconds == 0 && !deadly_) measured_.trouble = outcome.error;
    return std::move(measured_);
  }

 private:
  enum class Stage : unsigned char { loading, warming, measuring, over };

  void step(Clock::time_point now) {
    const bool news = std::exchange(seen_, meter_.answered()) != meter_.answered();
    switch (stage_) {
      case Stage::loading:
        if (all_ready()) loaded(now);
        break;
      case Stage::warming:
        if (request_.one_pass || (warm(now) && (news || request_.arrivals))) begin();
        break;
      case Stage::measuring:
        if (enough(now, news)) finish();
        break;
      case Stage::over:
        break;
    }
    if (stage_ == Stage::over) {
      if (now >= leave_by_) fleet_.give_up(Error{"not all was answered in time"});
    } else if (auto error = hopeless(now)) {
      stage_ = Stage::over;
      fleet_.give_up(*std::move(error));
    }
  }

  // Why there is no sense in going on: what kills workers would do so for every item that is left.
  std::optional<Error> hopeless(Clock::time_point now) {
    const std::uint64_t restarts = fleet_.counts().restarts;
    if (restarts != restarts_seen_ || now >= next_look_) {
      restarts_seen_ = restarts;
      next_look_ = now + kKillsPace;
      if (kills() > 0) return Error{"the kernel killed a process for want of memory"};
    }
    // In one pass an input that kills its worker fails, and does not come again.
    if (restarts >= kMostRestarts && !request_.one_pass && !fleet_.hopeless()) {
      deadly_ = true;
      return Error{fmt::format("workers died {} times", restarts)};
    }
    if (request_.deadline && now >= *request_.deadline) {
      return Error{fmt::format("it was not {} within {:.1f} s",
                               stage_ == Stage::loading ? "loaded" : "measured",
                               duration<double>(now - start_).count())};
    }
    return std::nullopt;
  }

  // For want of memory, since the start.
  std::uint64_t kills() const {
    if (!kills_before_) return 0;
    const auto now = sys::read_cgroup().oom_kills;
    return now && *now > *kills_before_ ? *now - *kills_before_ : 0;
  }

  bool all_ready() const {
    const auto workers = fleet_.workers();
    return std::all_of(workers.begin(), workers.end(), [](const auto& worker) {
      return worker->state() == supervisor::WorkerState::ready;
    });
  }

  void loaded(Clock::time_point now) {
    measured_.load_seconds = duration<double>(now - start_).count();
    loaded_ = now;
    stage_ = Stage::warming;
    if (request_.arrivals) meter_.let_arrive(now);
    if (request_.one_pass) begin();
  }

  bool warm(Clock::time_point now) const {
    if (request_.arrivals) return now - loaded_ >= kWarmUp;
    if (now - loaded_ >= std::max(kLongestWarmUp, request_.window)) return true;
    const auto workers = fleet_.workers();
    return now - loaded_ >= kWarmUp &&
           std::all_of(workers.begin(), workers.end(), [&](const auto& worker) {
             return worker->finished >= 2ULL * request_.fleet.batch;
           });
  }

  void begin() {
    stage_ = Stage::measuring;
    before_ = read_now(fleet_);
    meter_.count(true);
  }

  bool enough(Clock::time_point now, bool news) const {
    if (request_.one_pass && meter_.answered() >= request_.inputs.size()) return true;
    if (request_.most_items > 0 && meter_.counted() >= request_.most_items) return true;
    const double window = duration<double>(request_.window).count();
    const double gone = duration<double>(now - before_.at).count();
    return gone >= window && (news || request_.arrivals || gone >= window * kLongestWindow);
  }

  void finish() {
    meter_.count(false);
    const Reading after = read_now(fleet_);
    measured_.seconds = duration<double>(after.at - before_.at).count();
    measured_.cpu_used = (after.cpu_seconds - before_.cpu_seconds) / measured_.seconds;
    if (before_.throttling && after.throttling) {
      const sys::Throttling& a = *before_.throttling;
      const sys::Throttling& b = *after.throttling;
      measured_.throttling = sys::Throttling{.periods = b.periods - a.periods,
                                             .throttled = b.throttled - a.throttled,
                                             .time = b.time - a.time};
    }
    for (const auto& worker : fleet_.workers()) {
      if (worker->alive())
        measured_.worker_memory.push_back(sys::proportional_memory(worker->child->pid()));
    }
    const sys::CgroupFacts facts = sys::read_cgroup();
    if (!facts.memory.empty())
      measured_.container_memory = facts.memory.front().unreclaimable().value_or(Bytes{});
    stage_ = Stage::over;
    leave_by_ = after.at + kLeave;
    meter_.end();
  }

  const TrialRequest& request_;
  Clock::time_point start_ = Clock::now();
  sys::Poller poller_;
  shm::SlotArea slots_;
  supervisor::Fleet fleet_;
  Meter meter_;
  pipeline::Pipeline pipeline_;

  Stage stage_ = Stage::loading;
  Clock::time_point loaded_;
  Reading before_;
  Clock::time_point leave_by_;
  std::uint64_t seen_ = 0;
  std::optional<std::uint64_t> kills_before_{};
  std::uint64_t restarts_seen_ = 0;
  bool deadly_ = false;  // gave up for the workers that died, which are counted
  Clock::time_point next_look_;
  Measured measured_;
};

}  // namespace

Latency latency_of(std::vector<float>& times) {
  return {quantile(times, 0.5), quantile(times, 0.95), quantile(times, 0.99)};
}

Bytes Measured::memory() const {
  Bytes sum;
  for (const Bytes one : worker_memory) sum = sum + one;
  return sum;
}

Measured run_trial(const TrialRequest& request, sys::Signals& signals, spdlog::logger& log,
                   const std::function<void(const supervisor::Fleet&)>& tick) {
  Result<shm::SlotArea> slots = shm::SlotArea::create(request.slots);
  if (!slots) {
    Measured measured;
    measured.trouble = slots.error();
    return measured;
  }
  return Trial(request, signals, log, std::move(*slots))(tick);
}

}  // namespace headrace::tune
