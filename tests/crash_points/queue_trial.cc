#include "queue_trial.h"

#include <fcntl.h>

#include <cstring>

namespace headrace::crash_points {
namespace {

using Get = SharedQueue::Get;
using Put = SharedQueue::Put;

sys::Fd copy_of(int fd) {
  return sys::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

}  // namespace

std::vector<std::byte> item(std::uint64_t id, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(id * 31 + i);
  std::memcpy(bytes.data(), &id, sizeof(id));
  return bytes;
}

std::uint64_t id_of(const std::vector<std::byte>& payload) {
  std::uint64_t id = 0;
  if (payload.size() < sizeof(id)) return id;
  std::memcpy(&id, payload.data(), sizeof(id));
  EXPECT_EQ(payload, item(id, payload.size())) << "a torn item";
  return id;
}

World::World(const queue::QueueSettings& settings)
    : queue(*SharedQueue::create(settings)), memory(*QueueMemory::attach(copy_of(queue.fd()))) {
  payload.reserve(queue.longest_payload().value);
}

void World::put(std::uint64_t id, std::size_t size) {
  ASSERT_EQ(queue.try_put(kLiving, item(id, size)), Put::done);
  must.insert(id);
}

void World::take(Participant who) {
  ASSERT_EQ(queue.try_get(who, lease, payload), Get::item);
}

void World::turn_ring_to(std::uint64_t position) {
  while (memory.header().tail.load() < position) {
    SharedQueue::Lease done;
    ASSERT_EQ(queue.try_put(kLiving, {}), Put::done);
    ASSERT_EQ(queue.try_get(kLiving, done, payload), Get::item);
    ASSERT_TRUE(queue.acknowledge(kLiving, done));
  }
}

void World::deliver_all(std::multiset<std::uint64_t>& seen) {
  SharedQueue::Lease taken;
  const bool closed = queue.closed();
  Get last = Get::item;
  for (int i = 0; i < 1000; ++i) {
    last = queue.try_get(kLiving, taken, payload);
    if (last != Get::item) break;
    seen.insert(id_of(payload));
    ASSERT_TRUE(queue.acknowledge(kLiving, taken));
  }
  ASSERT_EQ(last, closed ? Get::ended : Get::empty);
  std::uint32_t attempts = 0;
  while (queue.collect_dead(kLiving, payload, attempts)) seen.insert(id_of(payload));
}

void World::expect_room_for_all() {
  const std::uint32_t records = queue.settings().records;
  for (std::uint32_t i = 0; i < records; ++i) ASSERT_EQ(queue.try_put(kLiving, item(1)), Put::done);
  ASSERT_EQ(queue.try_put(kLiving, item(1)), Put::full);
  std::multiset<std::uint64_t> seen;
  deliver_all(seen);
  ASSERT_EQ(seen.size(), records);
  if (queue.settings().pages == 0) return;
  ASSERT_EQ(queue.try_put(kLiving, item(2, queue.longest_payload().value)), Put::done);
  seen.clear();
  deliver_all(seen);
  ASSERT_EQ(seen.size(), 1U);
}

void World::expect_sound() {
  std::multiset<std::uint64_t> seen;
  deliver_all(seen);
  for (const std::uint64_t id : must) EXPECT_EQ(seen.count(id), 1U) << "item " << id;
  for (const std::uint64_t id : may) EXPECT_LE(seen.count(id), 1U) << "item " << id;
  for (const std::uint64_t id : seen) EXPECT_TRUE(must.contains(id) || may.contains(id)) << id;
  const queue::Occupancy left = queue.occupancy();
  EXPECT_EQ(left.free, queue.settings().records);
  EXPECT_EQ(left.pages, 0U);
  EXPECT_EQ(queue.size(), 0U);
  if (!queue.closed()) expect_room_for_all();
}

QueueTrial::QueueTrial(const Scene& scene) : scene_(scene), world_(scene.settings) {
  for (const Prepare& prepare : scene.prepare) prepare(world_);
}

void QueueTrial::operate() {
  progress().store(scene_.act(world_));
}

std::span<const std::byte> QueueTrial::memory() const {
  return {reinterpret_cast<const std::byte*>(&world_.memory.header()),
          world_.queue.settings().total().value};
}

void QueueTrial::check() {
  if (scene_.victim_repairs) {
    world_.queue.repair(kLongDead, kNextKeeper);
  }
  world_.queue.repair(kVictim, kNextKeeper);
  scene_.judge(world_, progress().load());
  world_.expect_sound();
}

}  // namespace headrace::crash_points
