#include "supervisor/worker_state.h"

#include <utility>

namespace headrace::supervisor {
namespace {

using enum WorkerState;

constexpr std::pair<WorkerState, WorkerState> kMoves[] = {
    {absent, starting},   // wanted
    {resting, starting},  // back-off over
    {resting, absent},    // no longer wanted
    {starting, ready},    // it said so
    {starting, leaving},  // told to go while it loads
    {starting, dying},    // took too long to load, or must go at once
    {ready, leaving},     // told to go
    {ready, dying},       // past a deadline, or it broke the rules
    {leaving, dying},     // did not go in time
    {leaving, resting},   // made way for a new one
    {starting, resting},  // died loading
    {ready, resting},     // died working
    {dying, resting},     // reaped
    {starting, absent},   // the rest: reaped while nobody is wanted any more
    {ready, absent},     {leaving, absent}, {dying, absent},
};

}  // namespace

std::string_view phrase(WorkerState state) {
  switch (state) {
    case absent:
      return "is absent";
    case starting:
      return "is loading";
    case ready:
      return "is ready";
    case leaving:
      return "is leaving";
    case dying:
      return "is being killed";
    case resting:
      return "waits to be restarted";
  }
  return "is lost";
}

bool legal(WorkerState from, WorkerState to) {
  for (const auto& [a, b] : kMoves) {
    if (a == from && b == to) return true;
  }
  return false;
}

}  // namespace headrace::supervisor
