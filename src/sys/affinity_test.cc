#include "sys/affinity.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>

namespace headrace::sys {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A kernel built for `words` words of processors, with the given mask.
AffinityCall kernel_with(std::size_t words, const std::vector<unsigned>& allowed) {
  return [=](std::span<unsigned long> out) -> long {
    if (out.size() < words) return -EINVAL;
    std::fill(out.begin(), out.end(), 0UL);
    for (const unsigned cpu : allowed) out[cpu / 64] |= 1UL << (cpu % 64);
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

}  // namespace
}  // namespace headrace::sys
