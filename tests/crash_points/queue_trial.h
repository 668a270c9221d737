// A shared queue in which one participant is about to die, and what must be true of it afterwards.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <vector>

#include "queue/queue.h"
#include "queue/queue_memory.h"
#include "stepper.h"

namespace headrace::crash_points {

using queue::QueueMemory;
using queue::SharedQueue;
using shm::Participant;

inline constexpr Participant kKeeper = Participant::of(0, 1);
inline constexpr Participant kNextKeeper = Participant::of(0, 2);
inline constexpr Participant kVictim = Participant::of(1, 1);
inline constexpr Participant kLiving = Participant::of(2, 1);
inline constexpr Participant kLongDead = Participant::of(3, 1);

// An item says which it is, and each byte of it follows from that.
std::vector<std::byte> item(std::uint64_t id, std::size_t size = 8);
std::uint64_t id_of(const std::vector<std::byte>& payload);

// The queue and what is known of its items. `must`: each is delivered once, or is a dead letter.
// `may`: the same, or gone.
class World {
 public:
  explicit World(const queue::QueueSettings& settings);

  SharedQueue queue;
  QueueMemory memory;  // to bring about what only a death can
  std::set<std::uint64_t> must;
  std::set<std::uint64_t> may;
  SharedQueue::Lease lease{};        // what the victim holds, if it does
  std::vector<std::byte> payload{};  // with room, so that nothing is allocated while being stepped

  // A finished put of somebody who lives. The id must be new.
  void put(std::uint64_t id, std::size_t size = 8);
  // The victim, or another, takes the next item.
  void take(Participant who = kVictim);
  // Puts and takes so often that the ring's next position is this one.
  void turn_ring_to(std::uint64_t position);

  // After the repairs: what must be is there, nothing is twice, nothing is left over, and the queue
  // works up to its brim.
  void expect_sound();

 private:
  void deliver_all(std::multiset<std::uint64_t>& seen);
  void expect_room_for_all();
};

using Prepare = std::function<void(World&)>;
// In the child, as kVictim. What it returns goes into progress() when it is through: not 0.
using Act = std::function<std::uint64_t(World&)>;
// In the parent, before the soundness is looked at: moves ids between `must` and `may`. `progress`
// is what Act returned, 0 if it did not come to its end.
using Judge = std::function<void(World&, std::uint64_t progress)>;

struct Scene {
  queue::QueueSettings settings{};
  std::vector<Prepare> prepare{};
  Act act{};
  Judge judge{};
  bool victim_repairs = false;  // it is a keeper that dies while it repairs kLongDead
};

class QueueTrial : public Trial {
 public:
  explicit QueueTrial(const Scene& scene);
  void operate() override;
  void check() override;
  std::span<const std::byte> memory() const override;

 private:
  const Scene& scene_;
  World world_;
};

}  // namespace headrace::crash_points
