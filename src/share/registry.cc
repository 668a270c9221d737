#include "share/registry.h"

#include <chrono>
#include <cstring>
#include <random>

#include "shm/brief.h"
#include "sys/poller.h"
#include "sys/process.h"

namespace headrace::share {
namespace {

using namespace std::chrono_literals;

// News of a segment is in the socket before a handle of it can be anywhere; only a segment that
// another worker made may be told of a little later.
constexpr auto kLongestWait = 10s;

}  // namespace

Registry& Registry::here() {
  // Never destroyed: handles in static objects may still ask for it at the very end.
  static auto* const registry = new Registry;
  return *registry;
}

Registry::Registry()
    : pid_(sys::own_pid()), tenants_(shm::kMaxParticipants), taken_(shm::kMaxParticipants) {
  taken_[0] = true;  // the keeper itself
}

Status Registry::become_worker(shm::Participant self, int control) {
  const std::scoped_lock lock(mutex_);
  if (settled_) {
    return Error{
        "a SharedArray was made before headrace::init(), as a static object perhaps: make it in "
        "main(), after that line"};
  }
  self_ = self;
  control_ = control;
  return Ok{};
}

bool Registry::forked() const {
  return sys::own_pid() != pid_;
}

Status Registry::announce(const std::shared_ptr<array::Segment>& segment) {
  const std::scoped_lock lock(mutex_);
  segments_[segment->id()] = {.segment = segment};
  const Notice notice{Kind::segment, segment->id()};
  if (is_worker()) {
    Peer keeper{.control = control_, .unsent = {notice}};
    if (!send(keeper)) {
      segments_.erase(segment->id());
      return Error{"cannot tell the first process of a new segment of arrays"};
    }
  }
  tell_all(notice);
  return Ok{};
}

void Registry::retire_segment(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  segments_.erase(id);
  const Notice notice{Kind::dropped, id};
  if (is_worker()) {
    Peer keeper{.control = control_, .unsent = {notice}};
    send(keeper);
  }
  tell_all(notice);
}

Result<std::shared_ptr<array::Segment>> Registry::known_segment(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  const auto found = segments_.find(id);
  if (found == segments_.end()) {
    return Error{
        "nobody knows the segment that an array's handle names: was the array's owner gone "
        "before the handle was used?"};
  }
  return found->second.segment;
}

Result<std::shared_ptr<array::Segment>> Registry::find_segment(std::uint64_t id) {
  const auto deadline = std::chrono::steady_clock::now() + kLongestWait;
  if (!is_worker()) {
    // The threads of the pools hear what workers tell.
    std::unique_lock lock(mutex_);
    if (!peers_.empty()) news_.wait_until(lock, deadline, [&] { return segments_.contains(id); });
  }
  while (is_worker() && !known_segment(id) && std::chrono::steady_clock::now() < deadline) {
    if (!listen()) break;
    if (!known_segment(id)) sys::wait_readable(control_, 100ms);
  }
  return known_segment(id);
}

std::uint64_t Registry::add_queue(std::shared_ptr<queue::SharedQueue> queue) {
  std::random_device random;
  const std::scoped_lock lock(mutex_);
  std::uint64_t id = 0;
  while (id == 0 || queues_.contains(id)) id = std::uint64_t{random()} << 32 | random();
  queues_[id] = std::move(queue);
  tell_all({Kind::queue, id});
  return id;
}

void Registry::drop_queue(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  if (queues_.erase(id) > 0) tell_all({Kind::dropped, id});
}

Result<std::shared_ptr<queue::SharedQueue>> Registry::find_queue(std::uint64_t id) {
  const auto deadline = std::chrono::steady_clock::now() + kLongestWait;
  std::unique_lock lock(mutex_);
  while (is_worker() && !queues_.contains(id) && listen_locked() && !queues_.contains(id)) {
    if (std::chrono::steady_clock::now() >= deadline) break;
    lock.unlock();  // many queues may be told of, and a socket takes so many at a time
    sys::wait_readable(control_, 100ms);
    lock.lock();
  }
  const auto found = queues_.find(id);
  if (found == queues_.end()) {
    return Error{"the queue is gone: the process that made it must keep it while others use it"};
  }
  return found->second;
}

bool Registry::mentions(const shm::BlockName& name) {
  const std::scoped_lock lock(mutex_);
  if (is_worker()) listen_locked();
  return mentions_locked(name);
}

bool Registry::mentions_locked(const shm::BlockName& name) const {
  for (const auto& [id, queue] : queues_) {
    if (queue->mentions(name)) return true;
  }
  return false;
}

bool Registry::listen() {
  const std::scoped_lock lock(mutex_);
  return listen_locked();
}

bool Registry::listen_locked() {
  std::vector<char> message;
  for (;;) {
    std::vector<sys::Fd> passed;
    switch (sys::receive_message(control_, shm::kGreetingLimit, message, &passed)) {
      case sys::Received::nothing:
        return true;
      case sys::Received::closed:
        return false;
      case sys::Received::message:
        if (const auto notice = parse(message)) take_in(*notice, std::move(passed));
    }
  }
}

std::optional<Registry::Notice> Registry::parse(std::span<const char> message) {
  Notice notice;
  if (message.size() != 1 + sizeof notice.id) return std::nullopt;
  notice.kind = static_cast<Kind>(message[0]);
  std::memcpy(&notice.id, message.data() + 1, sizeof notice.id);
  return notice;
}

// False when it is not what it says it is.
bool Registry::take_in(const Notice& notice, std::vector<sys::Fd> passed) {
  if (notice.kind == Kind::dropped) {
    segments_.erase(notice.id);
    queues_.erase(notice.id);
    return true;
  }
  if (passed.size() != 1) return false;
  if (notice.kind == Kind::segment) {
    auto segment = array::Segment::attach(std::move(passed[0]));
    if (!segment || (*segment)->id() != notice.id || segments_.contains(notice.id)) return false;
    segments_[notice.id] = {.segment = std::move(*segment)};
    news_.notify_all();
    return true;
  }
  if (notice.kind == Kind::queue && is_worker()) {
    auto queue = queue::SharedQueue::attach(std::move(passed[0]));
    if (!queue) return false;
    queues_[notice.id] = std::make_shared<queue::SharedQueue>(std::move(*queue));
    return true;
  }
  return false;
}

std::optional<int> Registry::descriptor(const Notice& notice) const {
  if (notice.kind == Kind::segment) {
    const auto found = segments_.find(notice.id);
    if (found != segments_.end()) return found->second.segment->fd();
  } else if (notice.kind == Kind::queue) {
    const auto found = queues_.find(notice.id);
    if (found != queues_.end()) return found->second->fd();
  }
  return std::nullopt;
}

// False when the socket takes no more now.
bool Registry::send(Peer& peer) {
  for (; !peer.unsent.empty(); peer.unsent.pop_front()) {
    const Notice& notice = peer.unsent.front();
    const std::optional<int> fd = descriptor(notice);
    if (!fd && notice.kind != Kind::dropped) continue;  // dropped meanwhile
    std::vector<char> message(1 + sizeof notice.id, static_cast<char>(notice.kind));
    std::memcpy(message.data() + 1, &notice.id, sizeof notice.id);
    const std::span<const int> passed = fd ? std::span(&*fd, 1) : std::span<const int>();
    if (!sys::send_message(peer.control, message, passed)) return false;
  }
  return true;
}

void Registry::tell_all(const Notice& notice, std::optional<std::uint32_t> except) {
  for (auto& [place, peer] : peers_) {
    if (except == place) continue;
    peer.unsent.push_back(notice);
    send(peer);
  }
}

std::optional<shm::Participant> Registry::enlist() {
  const std::scoped_lock lock(mutex_);
  for (std::uint32_t place = 1; place < shm::kMaxParticipants; ++place) {
    if (taken_[place]) continue;
    taken_[place] = true;
    tenants_[place] = tenants_[place] % 0xFFFF + 1;
    return shm::Participant::of(place, tenants_[place]);
  }
  return std::nullopt;
}

void Registry::introduce(shm::Participant who, int control) {
  const std::scoped_lock lock(mutex_);
  Peer& peer = peers_[who.place()] = Peer{.control = control};
  for (const auto& [id, known] : segments_) peer.unsent.push_back({Kind::segment, id});
  for (const auto& [id, queue] : queues_) peer.unsent.push_back({Kind::queue, id});
  send(peer);
}

// Whoever says without end what comes to nothing is not unlucky.
bool Registry::excuse(shm::Participant who) {
  const auto found = peers_.find(who.place());
  if (found == peers_.end() || found->second.excuses == 0) return false;
  --found->second.excuses;
  return true;
}

bool Registry::heard(shm::Participant from, std::span<const char> message,
                     std::vector<sys::Fd> passed) {
  const std::scoped_lock lock(mutex_);
  const auto notice = parse(message);
  if (!notice) return false;
  // A worker may speak of segments that it made itself, and of nothing else.
  if (notice->kind == Kind::dropped) {
    const auto found = segments_.find(notice->id);
    if (found == segments_.end())
      return excuse(from);  // it may not have been taken in for want of descriptors
    if (found->second.segment->creator() != from) return false;
  } else if (notice->kind != Kind::segment) {
    return false;
  }
  if (!take_in(*notice, std::move(passed))) return excuse(from);
  if (notice->kind == Kind::segment && segments_.at(notice->id).segment->creator() != from) {
    segments_.erase(notice->id);
    return false;
  }
  tell_all(*notice, from.place());
  return true;
}

void Registry::hang_up(shm::Participant who) {
  const std::scoped_lock lock(mutex_);
  peers_.erase(who.place());
}

void Registry::bury(shm::Participant who) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, queue] : queues_) queue->repair(who, self_);
  for (auto& [id, known] : segments_) {
    known.segment->forget(who);
    if (known.segment->creator() == who) known.orphan = true;
  }
  taken_[who.place()] = false;
}

bool Registry::tidy() {
  const std::scoped_lock lock(mutex_);
  bool left = false;
  for (auto& [place, peer] : peers_) left = !send(peer) || left;
  const auto mentioned = [this](const shm::BlockName& name) { return mentions_locked(name); };
  for (auto at = segments_.begin(); at != segments_.end();) {
    if (!at->second.orphan || !at->second.segment->empty(mentioned)) {
      ++at;
      continue;
    }
    const std::uint64_t id = at->first;
    at = segments_.erase(at);
    tell_all({Kind::dropped, id});
  }
  return left;
}

}  // namespace headrace::share
