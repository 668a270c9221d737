#include "worker/stream_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <set>

namespace headrace::worker {
namespace {

TEST(StreamThreads, WorkAtOnce) {
  StreamThreads threads(4);
  // Ends only if all four are in it together.
  std::barrier together(4);
  for (int round = 0; round < 100; ++round)
    threads.run([&](unsigned) { together.arrive_and_wait(); });
}

TEST(StreamThreads, GiveEachStreamAThreadOfItsOwn) {
  StreamThreads threads(3);
  std::vector<std::set<std::thread::id>> seen(3);
  for (int round = 0; round < 50; ++round)
    threads.run([&](unsigned stream) { seen[stream].insert(std::this_thread::get_id()); });
  for (const auto& ids : seen) EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(*seen[0].begin(), std::this_thread::get_id());
  EXPECT_NE(seen[1], seen[2]);
}

TEST(StreamThreads, AreReturnedFromWhenAllAreDone) {
  StreamThreads threads(4);
  for (unsigned round = 0; round < 200; ++round) {
    std::vector<unsigned> done(4);
    threads.run([&](unsigned stream) { ++done[stream]; });
    EXPECT_EQ(done, (std::vector<unsigned>{1, 1, 1, 1}));
  }
}

TEST(StreamThreads, LeaveWithoutHavingWorked) {
  const StreamThreads threads(4);
}

}  // namespace
}  // namespace headrace::worker
