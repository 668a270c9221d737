#include "worker/stream_threads.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <set>
#include <system_error>

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

// Never returns: the exit code is 0 when the limit was met as it should.
[[noreturn]] void make_more_than_there_may_be() {
  // Root is above this limit, and for anybody else it counts all that he runs: so, a user who runs nothing else.
  constexpr uid_t kNobodyElse = 61'234;
  constexpr rlimit kOneThreadMore{.rlim_cur = 2, .rlim_max = 2};
  if (::setresuid(kNobodyElse, kNobodyElse, kNobodyElse) != 0) std::_Exit(2);
  if (::setrlimit(RLIMIT_NPROC, &kOneThreadMore) != 0) std::_Exit(3);
  try {
    const StreamThreads threads(4);
  } catch (const std::system_error& e) {
    std::_Exit(e.code() == std::errc::resource_unavailable_try_again ? 0 : 4);
  }
  std::_Exit(5);
}

TEST(StreamThreadsDeathTest, AnErrorAndNoHangWhenOneCannotBeMade) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become a user who runs nothing else";
  EXPECT_EXIT(make_more_than_there_may_be(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace headrace::worker
