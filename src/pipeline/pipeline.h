// The straight line of Headrace, whatever door items come through:
//
//   admit    source.next(), a slot              waits when all slots are in use: that is the back-pressure
//   work     fleet.add(), fleet.dispatch()      only an index travels; a worker works in shared memory
//   answer   fleet.next_finished(), sink        one line an item, and the slot is free again
//
// One thread, which never waits but in one place, and never for a disk, a list or a worker.
#pragma once

#include <spdlog/logger.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/histogram.h"
#include "pipeline/sink.h"
#include "pipeline/source.h"
#include "shm/slots.h"
#include "supervisor/fleet.h"
#include "sys/poller.h"

namespace headrace::pipeline {

using Clock = std::chrono::steady_clock;

struct Counts {
  std::uint64_t admitted = 0;
  std::uint64_t ok = 0;
  std::uint64_t skipped = 0;                  // answered by an earlier run
  std::array<std::uint64_t, 11> failed_by{};  // by ItemError
  std::uint64_t failed() const;
  std::uint64_t answered() const { return ok + failed(); }
};

// How a run ended.
struct Outcome {
  bool complete = false;          // every input has its line
  std::optional<int> stopped_by;  // the signal that stopped it
  std::optional<Error> error;     // why it could not go on
};

class Pipeline {
 public:
  struct Parts {
    Source& source;
    Sink& sink;
    supervisor::Fleet& fleet;
    shm::SlotArea& slots;
    sys::Poller& poller;
    sys::Signals& signals;
    spdlog::logger& log;
    bool drains = true;  // at the first signal; otherwise that one ends it at once
  };
  // Tags below this are the pipeline's own; the fleet's begin here.
  static constexpr std::uint64_t kFirstFleetTag = 16;

  explicit Pipeline(Parts parts);

  // Runs until every input is answered, a signal stops it, or it cannot go on; `tick` is called now
  // and then, and says within what time it wants to be called again (at most a second counts).
  // Workers are told to leave and reaped before it returns.
  Outcome run(const std::function<std::chrono::milliseconds(Clock::time_point)>& tick);

  const Counts& counts() const { return counts_; }
  // Reading, decoding and inference of each item that was ok.
  const Histogram& item_times() const { return item_times_; }
  std::size_t in_flight() const { return parts_.slots.count() - parts_.slots.free(); }

 private:
  struct Admitted {
    std::uint64_t index = 0;
    std::string name;
    Clock::time_point at;
    std::shared_ptr<const sys::Fd> file{};  // open until the item is answered
  };

  void admit(Clock::time_point now);
  bool admit_one(Clock::time_point now);
  void refuse(const Input& input, ItemError code, std::string_view message);
  void answer(Clock::time_point now);
  void answer_ok(const supervisor::Finished& finished, const Admitted& item);
  void answer_failed(const supervisor::Finished& finished, const Admitted& item, ItemError code,
                     std::string_view message);
  bool believable(const std::string& json);
  void put(std::uint64_t index, std::string line);
  void release(shm::Token token);
  void check(Status status);
  void wait(std::chrono::milliseconds at_most);
  void take_signals();
  void give_back_backlog();
  void wind_up();
  bool done();
  bool settled();

  Parts parts_;
  std::vector<Admitted> admitted_;  // by slot
  Counts counts_;
  Histogram item_times_;
  Outcome outcome_;
  std::optional<Input> held_;  // pulled, but the sink does not accept it yet
  bool source_ended_ = false;
  bool more_at_once_ = false;  // admission only paused
  bool at_once_ = false;       // a second signal: no waiting for what is in flight
  std::optional<Clock::time_point> settling_since_;  // the last answer has come
  shm::Reply reply_;                                 // kept between answers for its memory
  struct Json;                                       // keeps simdjson out of this header
  std::shared_ptr<Json> json_;
};

}  // namespace headrace::pipeline
