// Stand-ins for processes, so that arrays can travel between them inside one test.
//
// Each has its own mappings, holdings and store, as a process would; the arrays work in whichever
// is the current one.
#pragma once

#include <fcntl.h>

#include <map>
#include <memory>
#include <vector>

#include "array/blocks.h"

namespace headrace::array {

class FakeProcess;

// What all of them know of each other: the segments, and the names that are in flight.
struct FakeWorld {
  std::map<std::uint64_t, std::shared_ptr<Segment>> announced;
  std::vector<shm::BlockName> mentioned;
  static inline thread_local FakeProcess* current = nullptr;
};

class FakeProcess {
 public:
  FakeProcess(FakeWorld& world, shm::Participant self)
      : world_(world),
        holdings_(self),
        store_({.segment = 4_MiB, .first_segment = 1_MiB, .limit = 256_MiB, .blocks = 1024},
               {.self = self,
                .mentions =
                    [&world](const shm::BlockName& name) {
                      for (const auto& each : world.mentioned) {
                        if (each == name) return true;
                      }
                      return false;
                    },
                .announce = [this](const std::shared_ptr<Segment>& segment) -> Status {
                  world_.announced.emplace(segment->id(), segment);
                  mapped_.emplace(segment->id(), segment);
                  return Ok{};
                },
                .retire = {},
                .memory_left = {}}) {}

  // Calls what runs in this process.
  template <class F>
  auto run(F&& body) {
    struct Restore {
      FakeProcess* before;
      ~Restore() { FakeWorld::current = before; }
    } restore{std::exchange(FakeWorld::current, this)};
    return body();
  }

  ArrayStore& store() { return store_; }
  Holdings& holdings() { return holdings_; }
  // As a process learns of another one's segment: by its descriptor.
  Result<std::shared_ptr<Segment>> find(std::uint64_t id) {
    if (const auto known = mapped_.find(id); known != mapped_.end()) return known->second;
    const auto there = world_.announced.find(id);
    if (there == world_.announced.end()) return Error{"there is no such segment of arrays"};
    auto attached = Segment::attach(sys::Fd(::fcntl(there->second->fd(), F_DUPFD_CLOEXEC, 3)));
    if (attached) mapped_.emplace(id, *attached);
    return attached;
  }

 private:
  FakeWorld& world_;
  std::map<std::uint64_t, std::shared_ptr<Segment>> mapped_;
  Holdings holdings_;
  ArrayStore store_;
};

}  // namespace headrace::array
