// One model that is served: from a request in shared memory to its answer.
//
// What goes wrong without it: queues that grow until memory is gone, requests whose clients left long
// ago and are worked on all the same, one request's dead worker that takes its neighbours along. So
// here a request is admitted only when there is room for it, in count and in bytes; waits by priority,
// no longer than its deadline; is handed on only as fast as workers take it, and may be taken back
// until then. What happens at a worker is the fleet's business.
//
// Owns the slots and the workers of the model. One thread: the supervisor's. Nothing here waits.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oip/signature.h"
#include "server/tally.h"
#include "shm/slots.h"
#include "supervisor/fleet.h"
#include "sys/poller.h"

namespace headrace::server {

using Clock = std::chrono::steady_clock;

// What a request asks for.
struct Terms {
  Clock::time_point deadline = Clock::time_point::max();  // answered by then, one way or the other
  unsigned priority = 0;   // 1 is served first; 0: the model's usual one
  std::uint32_t rows = 1;  // for the statistics
};

// A request that got no result, for people who look later.
struct Failure {
  std::uint64_t number = 0;  // of the request
  std::chrono::system_clock::time_point time{};
  std::string_view code{};   // an item error's name, or "late"
  std::string message{};     // as the client got it, its beginning
  std::string request_id{};  // if its door said so
  std::uint32_t attempts = 1;
  std::optional<std::uint32_t> worker{};  // the last one
};

struct Answer {
  enum class Kind : unsigned char {
    result,  // `result` holds it
    failed,  // `error` says why
    late,    // its deadline came first
  };
  Kind kind = Kind::result;
  std::string result{};  // bytes as shm/served.h has them, and checked by its reader
  ItemError error = ItemError::cancelled;
  std::string message{};
  std::uint64_t number = 0;  // of the request
  std::uint32_t attempts = 1;
  std::optional<std::uint32_t> worker{};
  std::chrono::microseconds queued{0};
  std::chrono::microseconds decode{0};
  std::chrono::microseconds infer{0};
};

class Line;

// A place in shared memory for one request, whose bytes the owner fills. Gives itself back unless it is
// submitted.
class Room {
 public:
  Room(Room&& other) noexcept;
  Room& operator=(Room&&) = delete;
  ~Room();
  std::span<std::byte> bytes() const;
  // False, and nothing has changed, when there is not so much room. Moves the bytes: ask for them anew.
  bool resize(std::size_t bytes);
  // From now on it only keeps bytes, beside those of a request: it does not count as one.
  void keep_only();

 private:
  friend class Line;
  Room(Line& line, shm::Token token) : line_(&line), token_(token) {}
  Line* line_;
  shm::Token token_;
};

struct LineSettings {
  std::string name;     // of the model
  std::string version;  // as clients see it; empty: none
  supervisor::FleetSettings fleet;
  shm::SlotSizes slots;     // some more than `queue`, for bytes that are kept beside requests
  std::uint32_t queue = 1;  // requests that are being read, wait, or are in work
  std::chrono::microseconds delay{0};  // how long a request waits for others to travel with
  unsigned usual_priority = 1;
};

class Line : private supervisor::Escort {
 public:
  static constexpr std::uint64_t kTags = 1 + 2ULL * supervisor::Fleet::kMaxWorkers;

  // Starts workers. The poller's tags from `first_tag` on are the line's.
  Line(LineSettings settings, shm::SlotArea slots, sys::Poller& poller, std::uint64_t first_tag,
       spdlog::logger& log);
  ~Line() override;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  const std::string& name() const { return settings_.name; }
  const std::string& version() const { return settings_.version; }
  // What the model takes and gives; nothing before a worker has said it.
  const std::optional<oip::Signature>& signature() const { return signature_; }

  // Why a request is not admitted.
  enum class Full : unsigned char {
    queue,  // too many wait, or too many bytes
    ever,   // a request of this size never fits
  };
  Result<Room, Full> admit(std::size_t bytes);

  // Calls back exactly once, never from within submit(), unless the request is cancelled. Returns its
  // number.
  using Answered = std::function<void(Answer)>;
  std::uint64_t submit(Room room, const Terms& terms, Answered answered);
  // Nobody waits for it any more: there will be no call.
  void cancel(std::uint64_t number);

  // Whether a worker can take requests now, or will be able to in a moment.
  bool ready(Clock::time_point now) const;
  // Why it never can, once that is so.
  const std::optional<Error>& hopeless() const { return fleet_.hopeless(); }

  // All that can be done now; returns how long the next call may wait.
  void step(Clock::time_point now);
  std::chrono::milliseconds patience(Clock::time_point now) const;
  bool owns(std::uint64_t tag) const { return fleet_.owns(tag); }
  void on_ready(std::uint64_t tag, Clock::time_point now) { fleet_.on_ready(tag, now); }
  bool result_waiting() const { return fleet_.result_waiting(); }
  void set_supervisor_asleep(bool asleep) { slots_.set_supervisor_asleep(asleep); }

  // Somebody was refused a moment ago because there was no room.
  bool crowded(Clock::time_point now) const;
  // When what is here now will be done, by how long requests took so far: at least a second, at most a minute.
  std::chrono::seconds until_done() const;
  // Nobody has a place here, and no worker is at anything.
  bool idle() const { return taken_ == 0; }
  // What `before` has counted goes on here: this line takes the place of that one. Before the first request.
  void take_over(const Line& before);
  // From now on every request gets `why` for an answer, and so do those that are open: its workers leave.
  void refuse_rest(std::string why) { refusal_ = std::move(why); }
  // That, once it is so: who still sends a request need not go on.
  const std::optional<std::string>& refusal() const { return refusal_; }
  // Requests that were submitted and not answered.
  std::size_t open() const { return open_; }
  std::size_t waiting() const { return waiting_.size(); }
  // Places in the queue that are taken: by requests that are being read, wait, or are in work.
  std::uint32_t taken() const { return taken_; }
  Bytes bytes_in_flight() const;
  // Tells every worker to leave; step() until stopped().
  void stop(Clock::time_point now, std::chrono::milliseconds grace) { fleet_.stop(now, grace); }
  bool stopped() const { return fleet_.stopped(); }

  const Tally& tally() const { return *tally_; }
  // The last twenty, oldest first.
  const std::deque<Failure>& failures() const { return *failures_; }
  // By what name its client knows the request that failed.
  void name_failure(std::uint64_t number, std::string_view request_id);
  const LineSettings& settings() const { return settings_; }
  supervisor::Fleet& fleet() { return fleet_; }
  const supervisor::Fleet& fleet() const { return fleet_; }

 private:
  friend class Room;
  enum class Stage : unsigned char { free, filling, kept, waiting, working, done, abandoned };
  struct Request {  // in a slot
    Stage stage = Stage::free;
    std::uint64_t number = 0;
    shm::Token token = 0;
    Terms terms{};
    Clock::time_point since{};  // when it was submitted
    Answered answered{};
  };
  // First those of the highest priority, of these the oldest.
  using Turn = std::pair<unsigned, std::uint64_t>;

  Request& request(shm::Token token) { return requests_[shm::token_slot(token)]; }
  Turn turn(const Request& request) const;
  void take_finished(Clock::time_point now);
  void settle(Request& request, Answer answer);
  void record_failure(const Answer& answer);
  bool believe(const supervisor::Finished& finished, const Request& request, Answer& answer);
  void leave(Request& request);
  void expire(Clock::time_point now);
  void reclaim();
  void refuse_open();
  void hand_on(Clock::time_point now);
  void release(Request& request);

  std::uint32_t enlist(std::uint32_t /*worker*/) override { return 0; }
  void started(std::uint32_t /*worker*/, int /*control*/) override {}
  bool heard(std::uint32_t worker, std::span<const char> message,
             std::vector<sys::Fd> passed) override;
  void ended(std::uint32_t worker) override { nonsensical_.erase(worker); }

  LineSettings settings_;
  spdlog::logger& log_;
  shm::SlotArea slots_;
  supervisor::Fleet fleet_;
  std::vector<Request> requests_;                                    // by slot
  std::map<Turn, shm::Token> waiting_;                               // not yet with the fleet
  std::set<std::pair<Clock::time_point, std::uint64_t>> deadlines_;  // of requests by number
  std::set<std::uint32_t> abandoned_;                                // slots
  std::set<std::uint32_t> nonsensical_;  // workers whose description of the model made no sense
  std::uint32_t taken_ = 0;              // slots that count for the queue
  std::map<std::uint64_t, shm::Token> open_by_number_;
  std::size_t open_ = 0;
  std::uint64_t last_number_ = 0;
  std::optional<oip::Signature> signature_;
  shm::Reply reply_;
  // Two lines have the same ones while one takes over from the other.
  std::shared_ptr<Tally> tally_ = std::make_shared<Tally>();
  std::shared_ptr<std::deque<Failure>> failures_ = std::make_shared<std::deque<Failure>>();
  std::optional<std::string> refusal_;        // of everything
  std::optional<Clock::time_point> no_room_;  // when somebody was refused for that last
  Clock::time_point last_able_{};             // when a worker was ready last
};

}  // namespace headrace::server
