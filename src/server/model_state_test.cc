#include "server/model_state.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace headrace::server {
namespace {

using enum ModelState;

TEST(ModelState, GoesItsWayAndNeverBack) {
  ModelState state = waiting;
  for (const ModelState next : {reading, loading, serving, retiring, leaving, gone})
    move(state, next);
  EXPECT_EQ(state, gone);
  for (int i = 0; i <= static_cast<int>(gone); ++i) {
    for (int j = 0; j <= i; ++j)
      EXPECT_FALSE(legal(static_cast<ModelState>(i), static_cast<ModelState>(j))) << i << " " << j;
  }
}

TEST(ModelState, MayBeGivenUpBeforeItServesAndIsNotCutOffAfter) {
  EXPECT_TRUE(legal(waiting, gone));
  EXPECT_TRUE(legal(reading, gone));
  EXPECT_TRUE(legal(loading, leaving));
  EXPECT_FALSE(legal(serving, leaving)) << "what it was asked must be answered first";
  EXPECT_FALSE(legal(loading, gone)) << "its workers must leave first";
}

TEST(ModelState, RefusesAMoveThatMakesNoSense) {
  ModelState state = gone;
  EXPECT_THROW(move(state, serving), std::logic_error);
  EXPECT_EQ(state, gone);
}

}  // namespace
}  // namespace headrace::server
