#include "server/container.h"

#include <algorithm>

namespace headrace::server {

void find_nearest_limit(ContainerSeen& seen, const supervisor::Readings::Whole& whole, Bytes ours) {
  double nearest = -1;
  const auto offer = [&](std::optional<Bytes> limit, Bytes in_use) {
    if (!limit) return;
    const double share = static_cast<double>(in_use.value) /
                         static_cast<double>(std::max<std::uint64_t>(1, limit->value));
    if (share <= nearest) return;
    nearest = share;
    seen.memory_limit = limit;
    seen.memory_in_use = in_use;
  };
  offer(whole.group_limit, whole.group_in_use);
  offer(whole.own_limit, ours);
  if (whole.available) offer(ours + *whole.available, ours);
}

void ContainerTally::add(const std::weak_ptr<const void>& whose, const supervisor::Readings& seen) {
  const ContainerCounts now{seen.oom_kills, seen.periods, seen.throttled_periods,
                            seen.throttled_time};
  const bool same = !whose_.owner_before(whose) && !whose.owner_before(whose_);
  if (!watched_) {
    before_ = {};
  } else if (!same) {
    before_ = now;
  }
  counts_.oom_kills += now.oom_kills - before_.oom_kills;
  counts_.periods += now.periods - before_.periods;
  counts_.throttled_periods += now.throttled_periods - before_.throttled_periods;
  counts_.throttled_time += now.throttled_time - before_.throttled_time;
  before_ = now;
  whose_ = whose;
  watched_ = true;
}

}  // namespace headrace::server
