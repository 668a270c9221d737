// The untyped half of the public Queue.
#include <headrace/queue.h>

#include <algorithm>
#include <string>

#include "plan/budget.h"
#include "queue/queue.h"
#include "share/registry.h"
#include "sys/cgroup.h"

namespace headrace::detail {
namespace {

using queue::SharedQueue;

[[noreturn]] void refuse(const Error& error) {
  throw std::runtime_error(error.message);
}

[[noreturn]] void spoilt() {
  throw std::runtime_error("the queue's shared memory holds nonsense: some process wrote over it");
}

std::vector<shm::BlockName> blocks_of(const Encoder& item) {
  std::vector<shm::BlockName> blocks;
  for (const Reference& reference : item.references()) {
    if (reference.segment == 0) continue;  // kept by whoever made it, not by the queue
    blocks.push_back({reference.segment, reference.block, reference.generation});
  }
  return blocks;
}

// The item keeps its blocks alive from now on; this comes between that and the end of the sender's
// own reference (array/segment.h).
void touch_all(const std::vector<shm::BlockName>& blocks) {
  for (const shm::BlockName& block : blocks) {
    auto segment = share::Registry::here().find_segment(block.segment);
    if (segment) (*segment)->touch(block);
  }
}

// False: no room in time.
bool done(SharedQueue::Put put) {
  switch (put) {
    case SharedQueue::Put::done:
      return true;
    case SharedQueue::Put::full:
    case SharedQueue::Put::timed_out:
      return false;
    case SharedQueue::Put::closed:
      throw QueueClosed("put into a queue that is closed");
    case SharedQueue::Put::aborted:
      throw QueueClosed("the queue was aborted");
    case SharedQueue::Put::too_large:
      throw ItemTooLarge(
          "the item is longer than the queue's limit in bytes, or refers to too many "
          "arrays: raise QueueOptions::bytes, or send a SharedArray");
    case SharedQueue::Put::corrupt:
      break;
  }
  spoilt();
}

QueueGet got(SharedQueue::Get get) {
  switch (get) {
    case SharedQueue::Get::item:
      return QueueGet::item;
    case SharedQueue::Get::empty:
    case SharedQueue::Get::timed_out:
      return QueueGet::none;
    case SharedQueue::Get::ended:
      return QueueGet::ended;
    case SharedQueue::Get::aborted:
      throw QueueClosed("the queue was aborted");
    case SharedQueue::Get::corrupt:
      break;
  }
  spoilt();
}

SharedQueue::Lease lease_of(const QueueLease& lease) {
  return {.record = lease.record, .generation = lease.generation, .attempts = lease.attempts};
}
QueueLease lease_of(const SharedQueue::Lease& lease) {
  return {.record = lease.record, .generation = lease.generation, .attempts = lease.attempts};
}

}  // namespace

class QueueHandle {
 public:
  QueueHandle(std::shared_ptr<SharedQueue> queue, std::uint64_t id, bool mine)
      : queue_(std::move(queue)), id_(id), mine_(mine) {}
  QueueHandle(const QueueHandle&) = delete;
  QueueHandle& operator=(const QueueHandle&) = delete;
  ~QueueHandle() {
    share::Registry& here = share::Registry::here();
    if (mine_ && !here.forked()) here.drop_queue(id_);
  }

  SharedQueue& operator*() const { return *queue_; }
  SharedQueue* operator->() const { return queue_.get(); }
  std::uint64_t id() const { return id_; }
  // Who puts and gets here.
  static shm::Participant self() { return share::Registry::here().self(); }

 private:
  std::shared_ptr<SharedQueue> queue_;
  std::uint64_t id_;
  bool mine_;
};

std::shared_ptr<QueueHandle> new_queue(const QueueOptions& options) {
  share::Registry& here = share::Registry::here();
  if (here.is_worker()) {
    throw std::logic_error(
        "a Queue is made in the program's first process: make it there and pass it "
        "to this task as an argument");
  }
  queue::QueueSettings settings;
  settings.records = static_cast<std::uint32_t>(std::min<std::size_t>(options.items, UINT32_MAX));
  settings.attempts = options.attempts;
  // Large items do with few large pages.
  settings.page_bytes = options.bytes > (256ULL << 20) ? 65536 : 4096;
  settings.pages = static_cast<std::uint32_t>(std::min<std::size_t>(
      (options.bytes + settings.page_bytes - 1) / settings.page_bytes, 1U << 20));
  if (const Status checked = settings.check(); !checked) refuse(checked.error());
  const auto left = plan::memory_headroom(sys::read_cgroup());
  if (left && settings.total() > *left) {
    throw std::runtime_error("a queue of this size takes " +
                             std::to_string(settings.total().value >> 20) +
                             " MiB, but the container has " + std::to_string(left->value >> 20) +
                             " MiB left: lower QueueOptions::bytes");
  }
  Result<SharedQueue> made = SharedQueue::create(settings);
  if (!made) refuse(made.error());
  auto queue = std::make_shared<SharedQueue>(std::move(*made));
  const std::uint64_t id = here.add_queue(queue);
  return std::make_shared<QueueHandle>(std::move(queue), id, true);
}

std::shared_ptr<QueueHandle> open_queue(std::uint64_t id) {
  auto found = share::Registry::here().find_queue(id);
  if (!found) throw DecodeError(found.error().message);
  return std::make_shared<QueueHandle>(std::move(*found), id, false);
}

std::uint64_t queue_id(const QueueHandle& queue) {
  return queue.id();
}

bool queue_put(QueueHandle& queue, const Encoder& item, Deadline deadline) {
  const std::vector<shm::BlockName> blocks = blocks_of(item);
  const auto put = deadline == kNow ? queue->try_put(queue.self(), item.bytes(), blocks)
                                    : queue->put(queue.self(), item.bytes(), blocks, deadline);
  touch_all(blocks);
  return done(put);
}

std::size_t queue_put_many(QueueHandle& queue, const Encoder& items,
                           std::span<const std::size_t> starts, Deadline deadline) {
  const std::vector<shm::BlockName> blocks = blocks_of(items);
  std::vector<SharedQueue::Item> parts;
  parts.reserve(starts.size());
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    const std::size_t bytes = starts[i + 1] - starts[i];
    // Only the last item can refer to blocks: Queue::put_all sends as soon as one does.
    parts.push_back({.payload = std::span(items.bytes()).subspan(starts[i], bytes),
                     .references = i + 2 == starts.size() ? std::span(blocks)
                                                          : std::span<const shm::BlockName>()});
  }
  std::size_t count = 0;
  const auto put = queue->put_many(queue.self(), parts, count, deadline);
  touch_all(blocks);
  if (put != SharedQueue::Put::closed) done(put);
  return count;
}

QueueGet queue_get(QueueHandle& queue, QueueLease& lease, std::span<const std::byte>& payload,
                   Deadline deadline) {
  static thread_local std::vector<std::byte> bytes;
  SharedQueue::Lease taken;
  const QueueGet result = got(deadline == kNow ? queue->try_get(queue.self(), taken, bytes)
                                               : queue->get(queue.self(), taken, bytes, deadline));
  lease = lease_of(taken);
  payload = bytes;
  return result;
}

QueueGet queue_get_many(QueueHandle& queue, std::span<QueueLease> leases,
                        std::span<std::span<const std::byte>> payloads, std::size_t& count,
                        Deadline deadline) {
  static thread_local std::vector<SharedQueue::Taken> taken;
  if (taken.size() < leases.size()) taken.resize(leases.size());
  count = 0;
  const auto all = std::span(taken).first(leases.size());
  const QueueGet result = got(queue->get_many(queue.self(), all, count, deadline));
  for (std::size_t i = 0; i < count; ++i) {
    leases[i] = lease_of(taken[i].lease);
    payloads[i] = taken[i].payload;
  }
  return result;
}

bool queue_acknowledge(QueueHandle& queue, std::span<const QueueLease> leases) {
  if (leases.size() == 1) return queue->acknowledge(queue.self(), lease_of(leases[0]));
  std::vector<SharedQueue::Lease> all;
  all.reserve(leases.size());
  for (const QueueLease& lease : leases) all.push_back(lease_of(lease));
  return queue->acknowledge(queue.self(), all) == leases.size();
}

bool queue_give_back(QueueHandle& queue, const QueueLease& lease) {
  return queue->give_back(queue.self(), lease_of(lease));
}

bool queue_dead_letter(QueueHandle& queue, QueueLease& letter, std::vector<std::byte>& payload) {
  SharedQueue::Lease taken;
  const bool found = queue->take_dead(queue.self(), taken, payload);
  letter = lease_of(taken);
  return found;
}
void queue_dead_end(QueueHandle& queue, const QueueLease& letter, bool done) {
  queue->end_dead(queue.self(), lease_of(letter), done);
}

std::size_t queue_size(const QueueHandle& queue) {
  return queue->size();
}
std::size_t queue_bytes(const QueueHandle& queue) {
  return queue->bytes_in_use().value;
}
std::size_t queue_dead_count(const QueueHandle& queue) {
  return queue->dead_letters();
}

void queue_close(QueueHandle& queue, bool at_once) {
  if (at_once) {
    queue->abort();
  } else {
    queue->close();
  }
}
bool queue_closed(const QueueHandle& queue) {
  return queue->closed();
}

}  // namespace headrace::detail
