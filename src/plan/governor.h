// What to change about a running job so that it stays within its container.
//
// A plan is made once; a container is not so constant. Limits are raised and lowered under a running
// job, engines leak, one input takes more memory than a thousand others, somebody starts too many
// workers for the quota. What nobody answers, the kernel does: it stops every thread for most of each
// period, or kills what it likes.
//
// Pure: what is seen now and what was remembered go in, one act and its reason come out. One step at
// a time, each with hysteresis, so that the job is never chased around. supervisor/watch.h looks and acts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/units.h"

namespace headrace::plan {

// Use of memory, page cache left out, from which something is done. All below the limit.
struct Marks {
  Bytes recycle;  // a worker that has grown is replaced
  Bytes release;  // dispatch goes on again below this
  Bytes hold;     // no more items are handed out
  Bytes kill;     // a worker is killed, before the kernel does it
};
// All lie within the reserve that a plan leaves free (budget.h), so a job that fits is left in peace.
// `kills_group`: the kernel would kill every process of the container, so there is more to lose.
Marks marks_of(Bytes limit, bool kills_group);

struct WorkerSight {
  std::uint32_t number = 0;
  bool ready = false;       // false: it is loading
  bool leaving = false;     // it works off what it holds, and ends
  Bytes memory{};           // that comes back when it ends
  Bytes baseline{};         // the same when it had just done its first items; 0: not known yet
  std::uint64_t items = 0;  // done since it was started
};

struct Sight {
  double seconds = 0;  // since the job began
  Cpus cpus{};         // the budget, as it is now
  std::optional<double>
      throttled{};  // share of the last second's periods in which the group was stopped
  // What share of a processor each thread of a worker would use if it never had to wait for one; read only while
  // throttled, and where the kernel says it.
  std::optional<double> appetite{};
  std::optional<Bytes> limit{};  // of memory, the one that is nearest
  Bytes in_use{};                // against that limit, without page cache
  bool kills_group = false;
  unsigned workers = 1;          // that there should be
  unsigned threads = 1;          // of each
  unsigned least_threads = 1;    // fewer make no sense: a worker has so many streams
  unsigned planned = 1;          // workers that a plan made now would start
  unsigned planned_threads = 1;  // of each
  Bytes planned_limit{};         // of memory, as that plan has it
  unsigned changing = 0;         // workers on their way out, or waiting to start
  bool ever_ready = true;        // some worker was
  bool holding = false;          // nothing is handed out, since an earlier act
  bool idle = false;             // no item is in flight
  std::uint64_t items = 0;       // done in all
  std::span<const WorkerSight> fleet{};
};

// What the user asked for.
struct Wishes {
  std::optional<std::uint64_t> recycle_after{};  // items of one worker
  std::optional<Bytes> recycle_growth{};         // past its baseline
};

struct Decision {
  enum class Act : unsigned char {
    none,
    hold,     // hand out nothing more
    release,  // hand out again
    resize,   // to `workers`
    thin,     // to `threads` each
    recycle,  // worker `worker`, once it is done with what it holds
    evict,    // worker `worker`, at once; its item is not charged
    refuse,   // the job cannot run in this container
  };
  Act act = Act::none;
  std::uint32_t worker = 0;
  unsigned workers = 0;
  unsigned threads = 0;
  std::string why{};  // half a sentence, with the numbers
};

// What must be remembered between two looks.
struct History {
  // Since when something has been so without a break; times in seconds of Sight::seconds.
  std::optional<double> throttled_since{};
  std::uint64_t items_then = 0;
  std::optional<double> held_since{};
  std::optional<double> more_since{};
  std::optional<double> fewer_since{};
  std::optional<double> full_since{};  // with nobody to blame
  double last_evict = -1e9;
  double last_resize = -1e9;
  // Workers beyond this have shown to be too many, until the budget grows; or, where it may have been a neighbour's
  // fault, until some time has passed.
  struct Ceiling {
    unsigned workers = 1;
    Cpus cpus{};
    Bytes limit{};
    std::optional<double> until{};
  };
  std::optional<Ceiling> ceiling{};
  double next_chance = 60;  // seconds that the next such ceiling holds; doubles each time
  // The last cut for being throttled: it is taken back when less gets done.
  struct Cut {
    double at = 0;
    unsigned from = 0;
    double rate = 0;  // items a second before
    std::optional<double> settled{};
    std::uint64_t items = 0;  // when it had settled
  };
  std::optional<Cut> cut{};
  bool cuts_hurt = false;
  // The last look.
  double seconds = 0;
  Bytes in_use{};
  std::optional<Bytes> limit{};  // against which that was; nothing before the first look
};

Decision decide(const Sight& now, const Wishes& wishes, History& history);

// How long the next look may wait, in seconds: a second in peace, less the nearer the limit comes.
double next_look(const Sight& now, const History& before);

}  // namespace headrace::plan
