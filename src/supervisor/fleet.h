// The workers of one job: started, fed, watched, restarted, drained.
//
// The truth about what is in flight lives here, in the supervisor's private memory: which token
// each worker was sent, in which order. A worker's mailbox only says what it finished and what it
// was doing when it died. So one death costs exactly the items that the worker was working on, and
// nothing that a worker writes can lose an item or answer it twice.
//
// The fleet never waits and starts no thread: its owner waits on the Poller, passes on the tags
// that belong to the fleet, and calls step() and dispatch(). One call at a time. The constructor,
// set_workers(), on_ready() and step() start processes: all of those on one thread, which must live
// as long as the workers (PR_SET_PDEATHSIG follows the thread).
#pragma once

#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "shm/brief.h"
#include "shm/slots.h"
#include "supervisor/death_tally.h"
#include "supervisor/worker.h"
#include "sys/poller.h"
#include "sys/process.h"
#include "sys/sandbox.h"

namespace headrace::supervisor {

using Clock = std::chrono::steady_clock;

// What the owner of a fleet adds to its workers' lives. Called from within the fleet's own functions;
// must not call back.
class Escort {
 public:
  virtual ~Escort() = default;
  // A new process is about to start: who it shall be (Brief::participant).
  virtual std::uint32_t enlist(std::uint32_t worker) = 0;
  // It was started; what is sent on its control socket now comes before its first item.
  virtual void started(std::uint32_t worker, int control) = 0;
  // It said something that is no Greeting. False: it has nothing to say that needs saying often; who says much of that
  // sort is killed.
  virtual bool heard(std::uint32_t worker, std::span<const char> message,
                     std::vector<sys::Fd> passed) = 0;
  // It was reaped, and everything that it had said was heard.
  virtual void ended(std::uint32_t worker) = 0;
};

// What makes a worker the one that is wanted.
struct Start {
  std::string body{};                      // for Brief::body
  std::vector<std::string> environment{};  // NAME=value
  sys::Sandbox sandbox{};                  // for Brief::sandbox
};

struct FleetSettings {
  std::string name{};     // of what it works for, in its log; empty: it is the only one
  std::string program{};  // what a worker runs: this same binary
  std::vector<std::string> arguments{};  // with argv[0]
  Start start{};
  std::uint32_t workers = 1;  // at start; see set_workers()
  // So many of the workers are not fed: they are warm, and wait for one of the others to fail.
  std::uint32_t spare = 0;
  std::uint32_t batch = 1;
  std::uint32_t attempts = 3;  // how often an item may kill its worker before it is quarantined
  std::chrono::milliseconds item_timeout{0};  // for one attempt; 0: none
  std::chrono::milliseconds load_timeout{120'000};
  std::uint32_t hopeless_after = 10;  // deaths without a finished item in between
  std::uint32_t max_depth = 64;       // items queued at one worker, at most kRingCapacity
  std::chrono::microseconds spin{0};  // Brief::spin
  Escort* escort = nullptr;           // outlives the fleet
};

// An item that the fleet is done with. Without `failure`, the slot holds the worker's reply.
struct Finished {
  shm::Token token = 0;
  std::uint32_t worker = 0;    // who had it last
  std::uint32_t attempts = 1;  // how often it was tried, deaths of innocents not counted
  int file = -1;               // as it was added
  struct Failure {
    ItemError code;
    std::string message;
  };
  std::optional<Failure> failure;
};

struct FleetCounts {
  std::uint64_t restarts = 0;   // workers that ended unasked, to be replaced
  std::uint64_t retries = 0;    // items charged with a death and tried again
  std::uint64_t resent = 0;     // items sent again uncharged
  std::uint64_t timeouts = 0;   // workers killed for a deadline
  std::uint64_t breaches = 0;   // workers killed for writing nonsense
  std::uint64_t evictions = 0;  // workers killed for their memory
  std::uint64_t recycled = 0;   // workers replaced between items
};

class Fleet {
 public:
  // Tags from `first_tag` on are the fleet's: it uses 1 + 2 * kMaxWorkers of them.
  Fleet(FleetSettings settings, shm::SlotArea& slots, sys::Poller& poller, std::uint64_t first_tag,
        spdlog::logger& log);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  static constexpr std::uint32_t kMaxWorkers = 256;

  // How many workers there should be, from now on.
  void set_workers(std::uint32_t count, Clock::time_point now);
  // Of what it works for, as the beginning of a line in the log: "lite0: ", or nothing when it is the only one.
  std::string called() const { return settings_.name.empty() ? "" : settings_.name + ": "; }
  // From now on workers start with another brief; those that work make way when they are done with
  // what they hold.
  void renew(Start start);
  // Makes one worker leave when it is done with what it holds; the next process takes its place.
  void recycle(std::uint32_t worker);
  // Kills a worker that takes too much memory, at once. The item it was at is not charged; it is tried again alone, and
  // quarantined when it does the same then. `why` is half a sentence.
  void evict(std::uint32_t worker, const std::string& why);
  // While held, nothing more is handed out.
  void hold(bool held) { held_ = held; }
  bool held() const { return held_; }
  // The job cannot go on, for a reason that its owner found.
  void give_up(Error error) {
    if (!hopeless_) hopeless_ = std::move(error);
  }
  // Takes responsibility for an item. It comes back through next_finished(), once. `timeout` is for
  // one attempt; 0: that of the settings. `file` is passed to the worker with each attempt
  // (shm/files_message.h), and stays the caller's, who keeps it open until the item is back; -1: none.
  void add(shm::Token token, std::chrono::milliseconds timeout = std::chrono::milliseconds(0),
           int file = -1) {
    record(token).timeout = timeout;
    record(token).file = file;
    backlog_.push_back(token);
  }
  // Takes back the item in that slot if no worker holds it yet.
  std::optional<shm::Token> withdraw(std::uint32_t slot);
  // Nobody waits for the item any more: a worker that is still at it then is killed.
  void expire(shm::Token token, Clock::time_point when) { record(token).expires = when; }
  // How many more items it can use at once; beyond that they would only wait.
  std::size_t appetite() const;

  bool owns(std::uint64_t tag) const { return tag >= first_tag_ && tag < first_tag_ + kTags; }
  // What a ready descriptor of the fleet asks for.
  void on_ready(std::uint64_t tag, Clock::time_point now);
  // Collects results, enforces deadlines, restarts: everything that can be done now but handing out items.
  void step(Clock::time_point now);
  // The first half of step(): takes what is finished.
  void collect(Clock::time_point now);
  // Hears what workers have said by now.
  void listen(Clock::time_point now);
  // Hands items to the workers that have room. Last thing before the owner sleeps: what step() collected has made
  // room for what was added since, and nobody will wake the owner for that.
  void dispatch(Clock::time_point now);
  // A child was stopped or goes on (SIGCHLD). Who is stopped is not fed while another can be, and is killed like one
  // that hangs.
  void notice_stops(Clock::time_point now);
  // Whether a worker is there that can take an item now.
  bool able() const;
  // Whether step() would find a result; for the moment before the owner sleeps.
  bool result_waiting() const;
  // When step() wants to be called again at the latest.
  std::chrono::milliseconds patience(Clock::time_point now) const;

  std::optional<Finished> next_finished();
  // The reply of a finished item was nonsense: its worker is killed, the item charged and tried
  // again or failed.
  void disbelieve(const Finished& finished, Clock::time_point now);

  // Gives back the items that no worker has begun to hold; they will not be worked on.
  std::vector<shm::Token> surrender_backlog();
  std::size_t in_flight() const;
  std::size_t backlog() const { return backlog_.size(); }

  // Why the fleet cannot go on, once that is so.
  const std::optional<Error>& hopeless() const { return hopeless_; }
  // Tells every worker to leave; stopped() once all are reaped. What is still there after `grace`
  // is killed.
  void stop(Clock::time_point now, std::chrono::milliseconds grace);
  bool stopped() const;

  const FleetCounts& counts() const { return counts_; }
  // The same restarts by what ended the worker: a signal ("SIGSEGV"), "exit", or why it was killed:
  // "timeout", "nonsense", "memory".
  const std::map<std::string, std::uint64_t>& restarts_by() const { return restarts_by_; }
  std::span<const std::unique_ptr<Worker>> workers() const { return workers_; }
  // How many there should be.
  std::uint32_t wanted() const { return wanted_; }
  // How many of these are fed: of those that are ready, the ones with the lowest numbers.
  std::uint32_t active() const {
    return wanted_ > settings_.spare ? wanted_ - settings_.spare : std::min(wanted_, 1U);
  }
  // What the worker that became ready last said it works with, e.g. "openvino 2026.4.1".
  const std::string& equipment() const { return equipment_; }
  // True once any worker became ready.
  bool ever_ready() const { return ever_ready_; }
  bool is_worker(int pid) const;

 private:
  struct Record {  // of the item in a slot
    std::uint32_t charges = 0;
    bool alone = false;    // to be run with nothing beside it
    bool evicted = false;  // its worker was evicted before
    int file = -1;
    std::chrono::milliseconds timeout{0};
    std::optional<Clock::time_point> expires{};
  };
  static constexpr std::uint64_t kTags = 1 + 2ULL * kMaxWorkers;

  std::string called(const Worker& worker) const;
  void start(Worker& worker, Clock::time_point now);
  void dismiss(Worker& worker);
  void listen(Worker& worker, int most, Clock::time_point now);
  void hear(Worker& worker, std::span<const char> message, std::vector<sys::Fd> passed,
            Clock::time_point now);
  std::chrono::milliseconds timeout(const Worker& worker) const;
  Clock::time_point item_deadline(const Worker& worker) const;
  Clock::time_point leave_deadline(const Worker& worker) const;
  void collect(Worker& worker, Clock::time_point now);
  void check_deadline(Worker& worker, Clock::time_point now);
  void kill(Worker& worker, std::string why, Worker::Offence offence);
  void bury(Worker& worker, const sys::Exit& exit, Clock::time_point now);
  void despair(const Worker& worker, const sys::Exit& exit);
  bool take_back(Worker& worker, const std::string& cause);
  void take_back_evicted(Worker& worker, shm::Token token, const std::string& cause);
  void charge(shm::Token token, std::uint32_t worker, ItemError code, const std::string& cause);
  void feed(Worker& worker, std::uint32_t depth, Clock::time_point now);
  void choose_lot(const Worker& worker, std::uint32_t depth);
  bool pass_files(Worker& worker, Clock::time_point now);
  void despair_of_passing(int why, Clock::time_point now);
  std::uint32_t depth() const;
  bool may_be_fed(const Worker& worker, std::uint32_t fed) const {
    return worker.state() == WorkerState::ready && fed < active() && !worker.stopped_since;
  }
  void forgive_absence(Clock::time_point now);
  Record& record(shm::Token token) { return records_[shm::token_slot(token)]; }
  const Record& record(shm::Token token) const { return records_[shm::token_slot(token)]; }

  FleetSettings settings_;
  shm::SlotArea& slots_;
  sys::Poller& poller_;
  std::uint64_t first_tag_;
  spdlog::logger& log_;
  sys::Bell bell_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::uint32_t wanted_ = 0;
  std::deque<shm::Token> backlog_;
  // What feed() is about to hand to one worker, the files of it, and the message about those.
  std::vector<shm::Token> lot_;
  std::vector<shm::Token> lot_with_files_;
  std::vector<int> lot_files_;
  std::vector<char> lot_message_;
  bool unpassed_ = false;  // some worker could not be passed its files when it was last fed
  // While the kernel takes no descriptors for any worker: its refusals.
  struct Unpassable {
    Clock::time_point since;
    Clock::time_point last;
  };
  std::optional<Unpassable> unpassable_;
  std::deque<Finished> finished_;
  std::vector<Record> records_;  // by slot
  DeathTally tally_;
  FleetCounts counts_;
  std::map<std::string, std::uint64_t> restarts_by_;
  std::uint64_t measured_ = 0;  // items that the next number rests on
  double item_seconds_ = 0;     // smoothed time of one item in one worker; 0: not yet known
  std::optional<Error> hopeless_;
  std::string equipment_;
  bool ever_ready_ = false;
  bool said_unconfined_ = false;
  std::uint32_t failed_starts_ = 0;  // while none was ever ready
  bool stopping_ = false;
  bool held_ = false;
  Clock::time_point stop_deadline_;
  Clock::time_point last_step_;
};

}  // namespace headrace::supervisor
