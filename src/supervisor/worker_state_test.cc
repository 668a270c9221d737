#include "supervisor/worker_state.h"

#include <gtest/gtest.h>

#include <array>

#include "supervisor/worker.h"

namespace headrace::supervisor {
namespace {

using enum WorkerState;
constexpr std::array kStates = {absent, starting, ready, leaving, dying, resting};

TEST(WorkerState, OnlyAStartedProcessBecomesReady) {
  for (const WorkerState from : kStates) EXPECT_EQ(legal(from, ready), from == starting);
}

TEST(WorkerState, WhatIsBeingKilledComesBackOnlyAsANewProcess) {
  for (const WorkerState to : kStates) EXPECT_EQ(legal(dying, to), to == resting || to == absent);
}

TEST(WorkerState, NoStateLeadsToItself) {
  for (const WorkerState state : kStates) EXPECT_FALSE(legal(state, state)) << phrase(state);
}

TEST(WorkerState, AnIllegalMoveIsLoudAndChangesNothing) {
  Worker worker(4);
  EXPECT_THROW(worker.move_to(ready), std::logic_error);
  EXPECT_EQ(worker.state(), absent);
}

}  // namespace
}  // namespace headrace::supervisor
