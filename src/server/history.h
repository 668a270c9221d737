// The last five minutes, second by second, for whoever looks after an incident.
//
// What a server counts only ever grows; what people ask is how it went lately. So the counts are looked at
// once a second, and the differences kept: a few numbers a second, of constant size, whether somebody looks or
// not. Owns nothing else; reads no clock and no file. One thread: the server's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pipeline/histogram.h"

namespace headrace::server {

// What a model has counted since its start.
struct ModelCounts {
  std::string key{};  // tells models apart
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;  // of those
  std::uint64_t worker_ends = 0;
  std::size_t waiting = 0;                       // now
  const pipeline::Histogram* latency = nullptr;  // of all answers
};

// How a model did in one second. Not a number: nothing is known of it.
struct ModelMoment {
  double answers = 0;
  double failures = 0;
  double worker_ends = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double waiting = 0;
};

// The same of the container.
struct ContainerMoment {
  double cpu_used = 0;
  double cpu_budget = 0;
  double throttled_percent = 0;
  double memory_in_use = 0;  // bytes
};

// Of the last ten seconds, or as many as there were.
struct Lately {
  double answers_per_second = 0;
  double failures_per_second = 0;
  std::chrono::microseconds p50{0};  // 0: there was no answer
  std::chrono::microseconds p99{0};
};

class History {
 public:
  static constexpr std::size_t kKept = 300;   // seconds
  static constexpr std::size_t kLately = 10;  // seconds
  using Seconds = std::chrono::duration<double>;

  // Once a second; `passed` is the time since the last call, 0 for the first. Models that are not among
  // `models` are forgotten. Seconds that went by without a call are kept as unknown.
  void add(Seconds passed, const ContainerMoment& container, std::span<const ModelCounts> models);

  // How many seconds there were in all, unknown ones too: the last one's number.
  std::uint64_t last() const { return last_; }
  // Of those after that number, oldest first; a model that is younger has fewer. All that there are when `after`
  // lies in the future: it is of an earlier server.
  std::vector<ContainerMoment> container(std::uint64_t after) const;
  std::vector<ModelMoment> model(const std::string& key, std::uint64_t after) const;
  Lately lately(const std::string& key) const;

 private:
  struct Snapshot {
    Seconds time{0};
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    std::uint64_t worker_ends = 0;
    pipeline::Histogram latency{};
  };
  struct Past {
    std::deque<Snapshot> snapshots{};  // kLately + 1
    std::deque<ModelMoment> moments{};
  };
  void add(Past& past, const ModelCounts& now, std::size_t missed);
  std::size_t count_after(std::uint64_t after, std::size_t kept) const;

  std::uint64_t last_ = 0;
  Seconds time_{0};  // since the first call
  std::deque<ContainerMoment> container_;
  std::map<std::string, Past> models_;
};

}  // namespace headrace::server
