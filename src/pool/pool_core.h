// The supervisor's side of a Pool: one thread that owns the workers, and a lock under which callers
// feed them.
//
// Whoever has a reason to look (the thread when a bell rings, a caller that submits or waits) does the
// same step: take what is finished, settle it, admit what waits, hand it out. So a caller that waits
// for a short task finds its result by itself, without a wake-up of anybody (pump()). Only the thread
// starts processes and reaps them.
//
// A chunk of tasks is one item of the fleet. A worker's death at a chunk is taken apart here: the tasks
// it had answered count, the one it was at is charged, the others are sent again uncharged.
#pragma once

#include <headrace/pool.h>
#include <headrace/shared_array.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "plan/plan.h"
#include "pool/task_format.h"
#include "shm/slots.h"
#include "supervisor/fleet.h"
#include "sys/poller.h"

namespace headrace::detail {

using Clock = std::chrono::steady_clock;

// The tickets of one map, imap or submit.
class Call {
 public:
  bool cancelled = false;  // guarded by the core's lock, as is the next
  // For wait_any(), if that is how they are waited for; else nothing is kept here.
  bool unordered = false;
  std::deque<std::weak_ptr<Ticket>> settled{};  // the stream owns them, and they the call
  std::size_t open = 0;                         // submitted and not fetched
};

// A chunk that was submitted, from then until its last task is settled. Guarded by the core's lock
// until it is settled; its submitter's afterwards.
class Ticket : public std::enable_shared_from_this<Ticket> {
 public:
  Chunk chunk;
  std::chrono::milliseconds deadline{0};
  unsigned attempts = 1;
  std::shared_ptr<Call> call;
  std::size_t open = 0;  // tasks
  std::vector<Piece> pieces{};
  std::chrono::nanoseconds run_time{0};
  std::size_t timed = 0;                    // tasks that run_time is of
  std::shared_ptr<ArrayBlock> elsewhere{};  // all arguments, when they do not fit a slot

  std::size_t count() const { return chunk.offsets.size(); }
};

// Some tasks of a ticket that travel together.
struct Work {
  std::shared_ptr<Ticket> ticket{};
  std::size_t first = 0;
  std::size_t count = 0;
  unsigned charges = 0;                     // of its one task, after a death
  std::uint32_t use = 0;                    // ChunkRequest::use, once it is in a slot
  std::shared_ptr<ArrayBlock> elsewhere{};  // what its arguments lie in, if not in a slot
  bool disbelieved = false;                 // its worker wrote nonsense
};

class PoolCore : public std::enable_shared_from_this<PoolCore>, private supervisor::Escort {
 public:
  // Throws std::runtime_error when the container leaves no room.
  PoolCore(const PoolOptions& options, const Function* state, const Encoder& state_arguments);
  ~PoolCore() override;
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  std::shared_ptr<Ticket> submit(const std::shared_ptr<Call>& call, Chunk&& chunk,
                                 const Terms& terms);
  bool wait(Ticket& ticket, Clock::time_point deadline);
  std::shared_ptr<Ticket> wait_any(Call& call);
  bool settled(const Ticket& ticket);
  void cancel(Call& call);
  unsigned workers() const { return workers_; }
  std::size_t room() const;
  std::size_t most() const;
  bool any_settled(Call& call);
  PoolCounts counts();
  std::vector<int> worker_pids();
  void close();
  bool join(Clock::time_point deadline);
  void terminate(std::chrono::milliseconds grace);

 private:
  // What happens to the pool as a whole, in this order.
  enum class Phase : unsigned char { open, closed, stopping, ended };
  struct Age {  // of a worker's process
    std::uint64_t tasks = 0;
    std::uint64_t memory_at_first = 0;
  };

  void run(const supervisor::FleetSettings& settings);
  bool turn(Clock::time_point now);
  void end();
  void pump(Clock::time_point now);
  void sleep(std::unique_lock<std::mutex>& lock);
  void look_after(Clock::time_point now);
  void bury_dead();
  template <class Done>
  bool await(std::unique_lock<std::mutex>& lock, Done&& done, Clock::time_point deadline);

  void admit();
  void send(Work work);
  void settle(const supervisor::Finished& finished, Clock::time_point now);
  bool accept(Work& work, shm::Token token, Clock::time_point now);
  void take_apart(const Work& work, shm::Token token, const supervisor::Finished::Failure& failure);
  void charge(const Work& work, std::size_t task, const supervisor::Finished::Failure& failure);
  void again(const Work& work, std::size_t first, std::size_t count);
  void add_piece(Ticket& ticket, Piece&& piece);
  void fail(const Work& work, std::size_t first, std::size_t count, const Failure& failure);
  void cancel_where(const std::function<bool(const Ticket&)>& which, Clock::time_point kill_at);
  void give_up();

  std::uint32_t enlist(std::uint32_t worker) override;
  void started(std::uint32_t worker, int control) override;
  bool heard(std::uint32_t worker, std::span<const char> message,
             std::vector<sys::Fd> passed) override;
  void ended(std::uint32_t worker) override;

  const PoolOptions options_;
  const plan::Plan plan_;
  const unsigned workers_;
  std::vector<Reference> state_references_;  // kept for workers that start later

  mutable std::mutex mutex_;
  std::condition_variable news_;  // something was settled, or the phase changed
  Phase phase_ = Phase::open;
  bool hurry_ = false;  // terminate() was called
  std::chrono::milliseconds grace_;
  std::deque<Work> waiting_;
  std::size_t waiting_tasks_ = 0;
  std::vector<Work> in_slots_;  // by slot; without a ticket when the slot is free
  std::uint32_t uses_ = 0;
  unsigned spinning_ = 0;               // callers that look for results themselves
  bool asleep_ = false;                 // the thread waits for the bell
  std::vector<shm::Participant> dead_;  // reaped, and what they had answered is yet to be taken
  std::vector<std::uint32_t> participants_;  // by worker
  std::vector<Age> ages_;
  std::uint64_t tasks_ended_ = 0;
  std::uint64_t retries_ = 0;
  std::uint64_t recycled_ = 0;
  Clock::time_point next_look_;

  std::shared_ptr<spdlog::logger> log_;
  shm::SlotArea slots_;
  sys::Poller poller_;
  sys::Bell bell_;
  std::unique_ptr<supervisor::Fleet> fleet_;
  std::thread thread_;
};

}  // namespace headrace::detail
