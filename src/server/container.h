// What is known of the container as a whole, whichever models come and go.
//
// Every model's watch sees all of the container, but counts from its own beginning and goes with its model. Sums that
// were taken from one of them would run backwards at each change, which a dashboard takes for a restart. So the sums
// are kept here; what the watch counts that is looked through is added to them. One thread: the server's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/units.h"
#include "supervisor/watch.h"

namespace headrace::server {

// Since the server's start.
struct ContainerCounts {
  std::uint64_t oom_kills = 0;
  std::uint64_t periods = 0;  // of the CPU quota
  std::uint64_t throttled_periods = 0;
  std::chrono::nanoseconds throttled_time{0};
};

struct ContainerSeen {
  // Null: there is no watch. What in it is of one model alone stands below for all of them.
  const supervisor::Readings* readings = nullptr;
  ContainerCounts counts{};
  Cpus budget{};
  Cpus workers_cpus{};  // of all models together
  Bytes workers_memory{};
  std::optional<Bytes> memory_limit{};  // the nearest one
  Bytes memory_in_use{};                // against it
};

// Of all limits the one that is nearest to what is used of it; `ours` is what supervisor and all workers take.
void find_nearest_limit(ContainerSeen& seen, const supervisor::Readings::Whole& whole, Bytes ours);

class ContainerTally {
 public:
  // Often; `whose` tells one watch from the next. What two watches have both seen counts once; what happens between the
  // last look of one and the change to the other, a second at most, is not counted.
  void add(const std::weak_ptr<const void>& whose, const supervisor::Readings& seen);
  // There is no watch now; the next one counts whole.
  void add_nothing() { watched_ = false; }
  const ContainerCounts& counts() const { return counts_; }

 private:
  ContainerCounts counts_;
  ContainerCounts before_;  // what that watch had then
  std::weak_ptr<const void> whose_;
  bool watched_ = false;
};

}  // namespace headrace::server
