// What this process shares with others: which segments and queues it knows, and who it is.
//
// A handle that arrives in a task's arguments or in a queue's item is a few bytes that name a segment
// or a queue. To make use of it, a process needs the descriptor; this is where it finds it. The first
// process (the keeper) tells every worker of everything that is shared, on the worker's control
// socket, before any handle can get there; a worker tells the keeper of the segments it makes.
//
// One object a process, like the table of descriptors that it mirrors: handles are decoded in places
// that nothing else could be handed to. It is the only such object.
//
// Thread-safe. Its lock is the last one taken: it calls nobody back.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "array/segment.h"
#include "base/result.h"
#include "queue/queue.h"
#include "shm/participant.h"
#include "sys/fd.h"

namespace headrace::share {

class Registry {
 public:
  static Registry& here();
  Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Before anything else, in a worker.
  Status become_worker(shm::Participant self, int control);
  bool is_worker() const { return control_ >= 0; }
  shm::Participant self() const { return self_; }
  // Something was made that remembers who this process is: it cannot become another one any more.
  void settle_identity() { settled_ = true; }
  // A child that the program forked is nobody here: it must neither use nor clear what its parent
  // holds.
  bool forked() const;

  // Makes a segment of this process known to all others.
  Status announce(const std::shared_ptr<array::Segment>& segment);
  void retire_segment(std::uint64_t id);
  // Waits for news of it: a segment that another worker made may be told of a moment after a handle
  // of it has come through a queue.
  Result<std::shared_ptr<array::Segment>> find_segment(std::uint64_t id);
  // Does not wait.
  Result<std::shared_ptr<array::Segment>> known_segment(std::uint64_t id);

  // Keeper only. Returns its id.
  std::uint64_t add_queue(std::shared_ptr<queue::SharedQueue> queue);
  void drop_queue(std::uint64_t id);
  Result<std::shared_ptr<queue::SharedQueue>> find_queue(std::uint64_t id);

  // Whether an item in any queue names the block.
  bool mentions(const shm::BlockName& name);

  // Worker only: takes in what the keeper said. False when the keeper is gone.
  bool listen();

  // Keeper only, for the owners of fleets. A new participant; nothing when all places are taken.
  std::optional<shm::Participant> enlist();
  // Its process was started and listens on `control`, which stays open until hang_up().
  void introduce(shm::Participant who, int control);
  // False when no worker would say that. True is no praise: what cannot be taken in is dropped, so many times in a
  // worker's life.
  static constexpr unsigned kMostExcuses = 4096;
  bool heard(shm::Participant from, std::span<const char> message, std::vector<sys::Fd> passed);
  // Its control socket is about to be closed.
  void hang_up(shm::Participant who);
  // It was reaped: whatever it held or had begun is set right.
  void bury(shm::Participant who);
  // Sends what did not fit into a worker's socket, drops segments of the dead that nobody refers to.
  // True when something is left to be sent.
  bool tidy();

 private:
  enum class Kind : char { segment = 'S', queue = 'Q', dropped = 'D' };
  struct Notice {
    Kind kind = Kind::dropped;
    std::uint64_t id = 0;
  };
  struct Peer {
    int control = -1;
    std::deque<Notice> unsent{};
    unsigned excuses = kMostExcuses;  // messages that may come to nothing
  };
  struct KnownSegment {
    std::shared_ptr<array::Segment> segment;
    bool orphan = false;  // its creator is dead
  };

  void tell_all(const Notice& notice, std::optional<std::uint32_t> except = {});
  bool send(Peer& peer);
  std::optional<int> descriptor(const Notice& notice) const;
  bool take_in(const Notice& notice, std::vector<sys::Fd> passed);
  bool excuse(shm::Participant who);
  bool listen_locked();
  static std::optional<Notice> parse(std::span<const char> message);
  bool mentions_locked(const shm::BlockName& name) const;

  mutable std::mutex mutex_;
  std::condition_variable news_;  // of a segment, for the keeper
  shm::Participant self_ = shm::Participant::of(0, 1);
  int control_ = -1;  // of a worker
  std::atomic<bool> settled_ = false;
  int pid_ = 0;
  std::unordered_map<std::uint64_t, KnownSegment> segments_;
  std::map<std::uint64_t, std::shared_ptr<queue::SharedQueue>> queues_;
  // The keeper's: by place.
  std::vector<std::uint32_t> tenants_;
  std::vector<bool> taken_;
  std::map<std::uint32_t, Peer> peers_;
};

}  // namespace headrace::share
