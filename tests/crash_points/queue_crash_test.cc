// Every operation of the shared queue, killed at every instruction, from every kind of state that
// earlier deaths and ordinary work can leave it in.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "queue_trial.h"

namespace headrace::crash_points {
namespace {

using queue::Control;
using queue::QueueSettings;
using queue::RingWord;
using queue::State;
using Get = SharedQueue::Get;
using Put = SharedQueue::Put;

constexpr std::uint64_t kVictimsItem = 1000;
constexpr QueueSettings kSmall = {
    .records = 4, .inline_bytes = 16, .page_bytes = 64, .pages = 6, .attempts = 3, .references = 2};

QueueSettings small(std::uint32_t attempts) {
  QueueSettings settings = kSmall;
  settings.attempts = attempts;
  return settings;
}

// --- the states to begin from ------------------------------------------------------------------

struct Start {
  const char* name = "";
  Prepare prepare{};
  bool has_item = true;
  bool thorough = false;  // always at every instruction
};

void set_control(World& world, std::uint32_t index, const Control& control) {
  world.memory.record(index).control.store(control.word());
}

Control control_of(World& world, std::uint32_t index) {
  return Control::from(world.memory.record(index).control.load());
}

// A consumer died between taking the head's record and retiring its slot.
void stale_head(World& world) {
  world.put(1);
  world.put(2);
  const RingWord front = RingWord::from(world.memory.slot(world.memory.header().head).load());
  const Control queued = control_of(world, front.index());
  set_control(world, front.index(), queued.as(State::running, kLongDead));
  const queue::RepairCounts counts = world.queue.repair(kLongDead, kKeeper);
  ASSERT_EQ(counts.requeued + counts.quarantined, 1U);
}

// A producer died between filling the slot and moving the tail on.
void lagging_tail(World& world) {
  world.put(1);
  world.put(2);
  world.memory.header().tail.fetch_sub(1);
}

// A consumer died between retiring the slot and moving the head on.
void lagging_head(World& world) {
  world.put(1);
  world.put(2);
  world.take(kLiving);
  ASSERT_TRUE(world.queue.acknowledge(kLiving, world.lease));
  world.must.erase(1);
  world.memory.header().head.fetch_sub(1);
}

// Both at once, on an empty queue: the tail is behind the head.
void head_past_tail(World& world) {
  world.put(1);
  world.take(kLiving);
  ASSERT_TRUE(world.queue.acknowledge(kLiving, world.lease));
  world.must.erase(1);
  world.memory.header().tail.fetch_sub(1);
}

void end_of_lap(World& world) {
  world.turn_ring_to(world.memory.ring_slots() - 1);
  world.put(1);
  world.put(2);
}

// Somebody seems to sleep, so that the wakes are gone through.
void sleepers(World& world) {
  world.put(1);
  world.memory.header().not_empty.waiters.fetch_add(1);
  world.memory.header().record_free.waiters.fetch_add(1);
  world.memory.header().page_free.waiters.fetch_add(1);
}

void put_several(World& world, std::uint64_t count) {
  for (std::uint64_t id = 1; id <= count; ++id) world.put(id);
}

std::vector<Start> starts() {
  return {
      {"empty", [](World&) {}, false},
      {"half full", [](World& world) { put_several(world, 2); }, true, true},
      {"one record left", [](World& world) { put_several(world, 3); }},
      {"full", [](World& world) { put_several(world, 4); }},
      {"stale slot at the head", stale_head},
      {"tail behind", lagging_tail},
      {"head behind", lagging_head},
      {"tail behind the head", head_past_tail, false},
      {"end of a lap", end_of_lap},
      {"sleepers", sleepers},
  };
}

// --- running -----------------------------------------------------------------------------------

enum class Thorough : bool { only_in_full, always };

// Each operation is killed at every instruction from one state; from the others once for each change
// that it makes to the memory, unless all is wanted.
void sweep(const std::string& name, const Scene& scene,
           Thorough thorough = Thorough::only_in_full) {
  const bool each = thorough == Thorough::always || full_size();
  kill_everywhere(name, each ? Where::every_instruction : Where::every_change,
                  [&scene] { return std::make_unique<QueueTrial>(scene); });
}

// A repair looks at every slot of the ring: many thousand instructions.
void sweep_repair(const std::string& name, const Scene& scene) {
  kill_everywhere(name, Where::every_change,
                  [&scene] { return std::make_unique<QueueTrial>(scene); });
}

Thorough once_for(const Start& start) {
  return start.thorough ? Thorough::always : Thorough::only_in_full;
}

class QueueCrash : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = cannot_step(); !why.empty()) GTEST_SKIP() << why;
  }
};

// The victim's item is there for sure once the put has returned `done`.
void judge_put(World& world, std::uint64_t progress) {
  if (progress == 0) world.may.insert(kVictimsItem);
  if (progress == 1 + static_cast<std::uint64_t>(Put::done)) world.must.insert(kVictimsItem);
}

Act putting(std::size_t size, std::vector<shm::BlockName> references = {}) {
  return [bytes = item(kVictimsItem, size), names = std::move(references)](World& world) {
    return 1 + static_cast<std::uint64_t>(world.queue.try_put(kVictim, bytes, names));
  };
}

TEST_F(QueueCrash, Put) {
  for (const Start& start : starts()) {
    sweep(std::string("put, ") + start.name,
          {.settings = kSmall, .prepare = {start.prepare}, .act = putting(8), .judge = judge_put},
          once_for(start));
  }
}

TEST_F(QueueCrash, PutOfManyPagesAndReferences) {
  const std::vector<shm::BlockName> names = {{.segment = 1, .block = 2, .generation = 3},
                                             {.segment = 4, .block = 5, .generation = 6}};
  const auto judge = [names](World& world, std::uint64_t progress) {
    judge_put(world, progress);
    if (world.must.contains(kVictimsItem)) {
      EXPECT_TRUE(world.queue.mentions(names[1]));
    }
    if (world.queue.size() == world.must.size() && !world.must.contains(kVictimsItem)) {
      EXPECT_FALSE(world.queue.mentions(names[0])) << "of an item that is not there";
    }
  };
  for (const Start& start : starts()) {
    sweep(std::string("put with pages and references, ") + start.name,
          {.settings = kSmall,
           .prepare = {start.prepare},
           .act = putting(16 + 5 * 64 + 1, names),
           .judge = judge});
  }
}

TEST_F(QueueCrash, PutThatFindsTooFewPages) {
  sweep("put, pages taken", {.settings = kSmall,
                             .prepare = {[](World& world) { world.put(1, 16 + 3 * 64); }},
                             .act = putting(16 + 4 * 64),
                             .judge = judge_put});
}

TEST_F(QueueCrash, PutOfABatch) {
  const std::array<std::vector<std::byte>, 3> bytes = {item(501), item(502, 100), item(503)};
  const auto act = [&bytes](World& world) {
    const std::array<SharedQueue::Item, 3> items = {
        {{.payload = bytes[0]}, {.payload = bytes[1]}, {.payload = bytes[2]}}};
    std::size_t count = 0;
    (void)world.queue.try_put_many(kVictim, items, count);
    return 1 + count;
  };
  const auto judge = [](World& world, std::uint64_t progress) {
    if (progress == 0) world.may.insert({501, 502, 503});
    for (std::uint64_t i = 1; i < progress; ++i) world.must.insert(500 + i);
  };
  sweep("put of a batch", {.settings = kSmall, .prepare = {sleepers}, .act = act, .judge = judge});
}

TEST_F(QueueCrash, PutIntoAClosedQueue) {
  sweep("put, closed",
        {.settings = kSmall,
         .prepare = {[](World& world) { world.put(1); }, [](World& world) { world.queue.close(); }},
         .act = putting(8),
         .judge = judge_put});
}

std::uint64_t take_one(World& world) {
  return 1 + static_cast<std::uint64_t>(world.queue.try_get(kVictim, world.lease, world.payload));
}

void nothing_changes(World&, std::uint64_t) {}

TEST_F(QueueCrash, Get) {
  for (const Start& start : starts()) {
    sweep(
        std::string("get, ") + start.name,
        {.settings = kSmall, .prepare = {start.prepare}, .act = take_one, .judge = nothing_changes},
        once_for(start));
  }
}

TEST_F(QueueCrash, GetOnTheLastAttemptMakesADeadLetter) {
  const auto judge = [](World& world, std::uint64_t progress) {
    EXPECT_TRUE(progress == 0 || world.queue.dead_letters() == 1);
  };
  sweep("get, last attempt", {.settings = small(1),
                              .prepare = {[](World& world) { put_several(world, 2); }},
                              .act = take_one,
                              .judge = judge});
}

TEST_F(QueueCrash, GetOfManyPages) {
  sweep("get of pages", {.settings = kSmall,
                         .prepare = {[](World& world) { world.put(1, 16 + 5 * 64 + 1); }},
                         .act = take_one,
                         .judge = nothing_changes});
}

TEST_F(QueueCrash, GetFromAClosedQueue) {
  for (const std::uint64_t items : {0U, 1U}) {
    sweep("get, closed, items: " + std::to_string(items),
          {.settings = kSmall,
           .prepare = {[items](World& world) { put_several(world, items); },
                       [](World& world) { world.queue.close(); }},
           .act = take_one,
           .judge = nothing_changes});
  }
}

// Once it has returned, the item is gone; before, it is gone or comes again.
void judge_end(World& world, std::uint64_t progress) {
  world.must.erase(1);
  if (progress == 0) world.may.insert(1);
}

TEST_F(QueueCrash, Acknowledge) {
  const auto act = [](World& world) -> std::uint64_t {
    return world.queue.acknowledge(kVictim, world.lease) ? 1 : 2;
  };
  for (const std::size_t size : {8, 16 + 5 * 64}) {
    for (const bool closed : {false, true}) {
      for (const bool others_sleep : {false, true}) {
        const auto prepare = [=](World& world) {
          world.put(1, size);
          world.put(2);
          world.take();
          if (closed) world.queue.close();
          if (others_sleep) world.memory.header().record_free.waiters.fetch_add(1);
          if (others_sleep) world.memory.header().page_free.waiters.fetch_add(1);
        };
        sweep("acknowledge, bytes: " + std::to_string(size) + (closed ? ", closed" : "") +
                  (others_sleep ? ", sleepers" : ""),
              {.settings = kSmall, .prepare = {prepare}, .act = act, .judge = judge_end},
              size == 8 && !others_sleep ? Thorough::always : Thorough::only_in_full);
      }
    }
  }
}

TEST_F(QueueCrash, GiveBack) {
  const auto act = [](World& world) -> std::uint64_t {
    return world.queue.give_back(kVictim, world.lease) ? 1 : 2;
  };
  for (const std::uint32_t attempts : {3U, 1U}) {
    for (const Start& start : starts()) {
      if (!start.has_item) continue;
      sweep("give back, attempts left: " + std::to_string(attempts - 1) + ", " + start.name,
            {.settings = small(attempts),
             .prepare = {start.prepare, [](World& world) { world.take(); }},
             .act = act,
             .judge = nothing_changes},
            once_for(start));
    }
  }
}

TEST_F(QueueCrash, CollectADeadLetter) {
  const auto act = [](World& world) -> std::uint64_t {
    std::uint32_t attempts = 0;
    return world.queue.collect_dead(kVictim, world.payload, attempts) ? 1 : 2;
  };
  for (const std::size_t size : {8, 16 + 2 * 64}) {
    const auto prepare = [size](World& world) {
      world.put(1, size);
      world.put(2);
      world.take();
      ASSERT_TRUE(world.queue.give_back(kVictim, world.lease));
    };
    sweep("collect, bytes: " + std::to_string(size),
          {.settings = small(1), .prepare = {prepare}, .act = act, .judge = judge_end},
          size == 8 ? Thorough::always : Thorough::only_in_full);
  }
}

TEST_F(QueueCrash, Close) {
  for (const bool others_sleep : {false, true}) {
    const auto prepare = [others_sleep](World& world) {
      others_sleep ? sleepers(world) : put_several(world, 2);
    };
    const auto act = [](World& world) -> std::uint64_t {
      world.queue.close();
      return 1;
    };
    const auto judge = [](World& world, std::uint64_t progress) {
      EXPECT_TRUE(progress == 0 || world.queue.closed());
    };
    sweep(std::string("close") + (others_sleep ? ", sleepers" : ""),
          {.settings = kSmall, .prepare = {prepare}, .act = act, .judge = judge},
          others_sleep ? Thorough::only_in_full : Thorough::always);
  }
}

// --- the death of a keeper that repairs --------------------------------------------------------

// What one participant can leave behind at most: an item in each state.
void leave_everything(World& world) {
  world.put(1, 16 + 2 * 64);  // was being worked on
  world.take(kLongDead);
  world.put(2);  // complete, but not pushed
  const RingWord second = RingWord::from(world.memory.slot(world.memory.header().head).load());
  const Control queued = control_of(world, second.index());
  set_control(world, second.index(), queued.as(State::queued, kLongDead));
  const std::uint64_t last = world.memory.header().tail.load() - 1;
  world.memory.slot(last).store(RingWord{.lap = world.memory.lap(last), .entry = 0}.word());
  world.memory.header().tail.store(last);
  for (std::uint32_t i = 0; i < world.queue.settings().records; ++i) {
    if (control_of(world, i).state != State::free) continue;
    set_control(world, i, Control{.state = State::writing, .owner = kLongDead});  // half-written
    break;
  }
  world.put(3, 16 + 64);  // of the living
}

TEST_F(QueueCrash, Repair) {
  const auto act = [](World& world) -> std::uint64_t {
    world.queue.repair(kLongDead, kVictim);
    return 1;
  };
  for (const std::uint32_t attempts : {3U, 1U}) {
    for (const bool closed : {false, true}) {
      if (closed == (attempts == 3) && !full_size()) continue;  // these take seconds each
      const auto prepare = [=](World& world) {
        leave_everything(world);
        if (closed) world.queue.close();
      };
      sweep_repair(
          "repair, attempts left: " + std::to_string(attempts - 1) + (closed ? ", closed" : ""),
          {.settings = small(attempts),
           .prepare = {prepare},
           .act = act,
           .judge = nothing_changes,
           .victim_repairs = true});
    }
  }
}

TEST_F(QueueCrash, RepairOfACollector) {
  const auto prepare = [](World& world) {
    world.put(1, 16 + 64);
    world.take();
    ASSERT_TRUE(world.queue.give_back(kVictim, world.lease));
    const std::uint32_t index = world.lease.record;
    set_control(world, index, control_of(world, index).as(State::collecting, kLongDead));
  };
  const auto act = [](World& world) -> std::uint64_t {
    world.queue.repair(kLongDead, kVictim);
    return 1;
  };
  sweep_repair("repair of a collector", {.settings = small(1),
                                         .prepare = {prepare},
                                         .act = act,
                                         .judge = nothing_changes,
                                         .victim_repairs = true});
}

}  // namespace
}  // namespace headrace::crash_points
