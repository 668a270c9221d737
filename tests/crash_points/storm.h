// A storm of deaths over one shared queue: producers and consumers are killed at random moments, each
// is buried, repaired after and replaced, and in the end every single item is accounted for.
#pragma once

#include <cstdint>
#include <string>

#include "queue/queue_settings.h"

namespace headrace::crash_points {

struct StormPlan {
  std::uint32_t kills = 500;
  std::uint32_t producers = 3;
  std::uint32_t consumers = 4;
  std::uint64_t poison_every = 997;  // an item whose consumer kills itself; 0: none
  bool stop_first = false;  // every fourth victim is stopped for a while before it is killed
  queue::QueueSettings settings{.records = 64, .inline_bytes = 32, .page_bytes = 64, .pages = 100};
  std::uint64_t seed = 1;
};

struct StormReport {
  std::uint64_t kills = 0;   // by the storm
  std::uint64_t deaths = 0;  // poison's too
  std::uint64_t put = 0;     // puts that returned
  std::uint64_t completed = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t unreturned = 0;  // delivered, though their put's process died before it returned
  std::uint64_t freed = 0;       // by repairs
  std::uint64_t pushed = 0;
  std::uint64_t requeued = 0;
  double longest_wait_ms = 0;  // without a completion; at most that, as the keeper sees it
  std::uint64_t lost = 0;
  std::uint64_t twice = 0;
  std::uint64_t torn = 0;
  std::uint64_t innocent =
      0;                // quarantined, though no poison; random deaths can hit one item thrice
  std::string wrong{};  // empty: all well
};

// Forks; call it from a process with one thread. Ends, whatever happens.
StormReport run_storm(const StormPlan& plan);
std::string text_of(const StormReport& report);

}  // namespace headrace::crash_points
