#include "server/container.h"

namespace headrace::server {

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
