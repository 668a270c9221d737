#include "server/history.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace headrace::server {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr ContainerMoment kUnseenContainer = {kUnknown, kUnknown, kUnknown, kUnknown};
constexpr ModelMoment kUnseenModel = {kUnknown, kUnknown, kUnknown, kUnknown, kUnknown, kUnknown};
constexpr double kShortest = 0.001;  // seconds between two looks, to divide by

template <class Moment>
void keep(std::deque<Moment>& moments, const Moment& moment) {
  moments.push_back(moment);
  if (moments.size() > History::kKept) moments.pop_front();
}

double in_ms(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

// A model that was changed for another may count anew.
double more(std::uint64_t now, std::uint64_t before) {
  return static_cast<double>(now >= before ? now - before : now);
}

}  // namespace

void History::add(Seconds passed, const ContainerMoment& container,
                  std::span<const ModelCounts> models) {
  // A timer is late by a little all the time; what is more than that was not seen.
  const double late = std::clamp(std::round(passed.count()) - 1, 0.0, static_cast<double>(kKept));
  const auto missed = static_cast<std::size_t>(late);
  time_ += passed;
  last_ += missed + 1;
  for (std::size_t i = 0; i < missed; ++i) keep(container_, kUnseenContainer);
  keep(container_, container);
  std::erase_if(models_, [&](const auto& past) {
    return std::ranges::none_of(models,
                                [&](const ModelCounts& model) { return model.key == past.first; });
  });
  for (const ModelCounts& model : models) add(models_[model.key], model, missed);
}

void History::add(Past& past, const ModelCounts& now, std::size_t missed) {
  const Snapshot fresh{time_, now.answered, now.failed, now.worker_ends, *now.latency};
  // Without a look before there is nothing to compare with.
  if (!past.snapshots.empty()) {
    const Snapshot& before = past.snapshots.back();
    const double seconds = std::max((time_ - before.time).count(), kShortest);
    const pipeline::Histogram took = now.latency->since(before.latency);
    const bool any = took.count() > 0;
    for (std::size_t i = 0; i < missed; ++i) keep(past.moments, kUnseenModel);
    const ModelMoment moment{.answers = more(now.answered, before.answered) / seconds,
                             .failures = more(now.failed, before.failed) / seconds,
                             .worker_ends = more(now.worker_ends, before.worker_ends),
                             .p50_ms = any ? in_ms(took.quantile(0.5)) : kUnknown,
                             .p99_ms = any ? in_ms(took.quantile(0.99)) : kUnknown,
                             .waiting = static_cast<double>(now.waiting)};
    keep(past.moments, moment);
  }
  past.snapshots.push_back(fresh);
  if (past.snapshots.size() > kLately + 1) past.snapshots.pop_front();
}

std::size_t History::count_after(std::uint64_t after, std::size_t kept) const {
  const std::uint64_t wanted = after > last_ ? last_ : last_ - after;
  return static_cast<std::size_t>(std::min<std::uint64_t>(wanted, kept));
}

std::vector<ContainerMoment> History::container(std::uint64_t after) const {
  const auto count = static_cast<std::ptrdiff_t>(count_after(after, container_.size()));
  return {container_.end() - count, container_.end()};
}

std::vector<ModelMoment> History::model(const std::string& key, std::uint64_t after) const {
  const auto found = models_.find(key);
  if (found == models_.end()) return {};
  const std::deque<ModelMoment>& moments = found->second.moments;
  const auto count = static_cast<std::ptrdiff_t>(count_after(after, moments.size()));
  return {moments.end() - count, moments.end()};
}

Lately History::lately(const std::string& key) const {
  const auto found = models_.find(key);
  if (found == models_.end() || found->second.snapshots.size() < 2) return {};
  const Snapshot& first = found->second.snapshots.front();
  const Snapshot& last = found->second.snapshots.back();
  const double seconds = std::max((last.time - first.time).count(), kShortest);
  const pipeline::Histogram took = last.latency.since(first.latency);
  return {.answers_per_second = more(last.answered, first.answered) / seconds,
          .failures_per_second = more(last.failed, first.failed) / seconds,
          .p50 = took.quantile(0.5),
          .p99 = took.quantile(0.99)};
}

}  // namespace headrace::server
