#include "sys/affinity.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace headrace::sys {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A kernel built for `words` words of processors, with the given mask.
AffinityCall kernel_with(std::size_t words, const std::vector<unsigned>& allowed) {
  return [=](std::span<unsigned long> out) -> long {
    if (out.size() < words) return -EINVAL;
    const std::vector<unsigned long> mask = mask_of(allowed);
    std::copy_n(mask.begin(), std::min(mask.size(), words), out.begin());
    return static_cast<long>(words * sizeof(unsigned long));
  };
}

TEST(Affinity, ReadsAnOrdinaryMask) {
  EXPECT_THAT(cpus_of(kernel_with(2, {0, 3, 64})), ElementsAre(0, 3, 64));
}

TEST(Affinity, GrowsUntilAKernelOfManyProcessorsAccepts) {
  EXPECT_THAT(cpus_of(kernel_with(128, {0, 1023, 1024, 5000, 8191})),
              ElementsAre(0, 1023, 1024, 5000, 8191));
}

TEST(Affinity, IgnoresWordsThatTheKernelDidNotWrite) {
  const AffinityCall one_word = [](std::span<unsigned long> out) -> long {
    std::fill(out.begin(), out.end(), ~0UL);
    return sizeof(unsigned long);
  };
  EXPECT_EQ(cpus_of(one_word).size(), sizeof(unsigned long) * 8);
}

TEST(Affinity, GivesUpOnAKernelThatAlwaysRefuses) {
  int calls = 0;
  const AffinityCall forbidden = [&](std::span<unsigned long>) -> long {
    ++calls;
    return -EPERM;
  };
  EXPECT_THAT(cpus_of(forbidden), IsEmpty());
  EXPECT_EQ(calls, 1);
  const AffinityCall never_enough = [](std::span<unsigned long>) -> long { return -EINVAL; };
  EXPECT_THAT(cpus_of(never_enough), IsEmpty());
}

TEST(Affinity, ThisProcessMayRunSomewhere) {
  EXPECT_FALSE(allowed_cpus().empty());
}

TEST(Affinity, PinningIsSeenByTheNextReading) {
  std::vector<unsigned> seen;
  unsigned chosen = 0;
  std::thread([&] {  // a thread of its own, so that no other test is pinned
    chosen = allowed_cpus().back();
    ASSERT_TRUE(pin_to(std::vector{chosen}));
    seen = allowed_cpus();
  })
      .join();
  EXPECT_THAT(seen, ElementsAre(chosen));
}

TEST(Affinity, PinningToNothingOrToAbsentProcessorsIsAnError) {
  EXPECT_FALSE(pin_to({}));
  EXPECT_FALSE(pin_to(std::vector{1'000'000'000U}));
  EXPECT_FALSE(pin_to(std::vector{1'000'000U}));
}

}  // namespace
}  // namespace headrace::sys
