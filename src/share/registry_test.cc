#include "share/registry.h"

#include <gtest/gtest.h>

#include <array>

#include "sys/poller.h"

namespace headrace::share {
namespace {

// "The segment of this number is dropped", as a worker writes it.
constexpr std::array<char, 9> kDropped = {'D', 1, 2, 3, 4, 5, 6, 7, 8};
constexpr std::array<char, 9> kSegment = {'S', 1, 2, 3, 4, 5, 6, 7, 8};

TEST(Registry, ForgivesAWorkerOnlySoMuchThatComesToNothing) {
  Registry registry;
  const auto who = registry.enlist();
  ASSERT_TRUE(who);
  const sys::ControlPair pair = sys::make_control_pair();
  registry.introduce(*who, pair.ours.get());
  for (unsigned i = 0; i < Registry::kMostExcuses / 2; ++i) {
    ASSERT_TRUE(registry.heard(*who, kDropped, {}));
    ASSERT_TRUE(registry.heard(*who, kSegment, {}));
  }
  EXPECT_FALSE(registry.heard(*who, kDropped, {}));
  EXPECT_FALSE(registry.heard(*who, kSegment, {}));
  registry.introduce(*who, pair.ours.get());
  EXPECT_TRUE(registry.heard(*who, kDropped, {})) << "another life";
}

}  // namespace
}  // namespace headrace::share
