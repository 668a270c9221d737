// The life of a worker as a table: its states, and the moves between them that make sense.
#pragma once

#include <string_view>

namespace headrace::supervisor {

enum class WorkerState : unsigned char {
  absent,    // no process, and none wanted
  starting,  // process spawned, loading its model
  ready,     // said that it can work
  leaving,   // told to end when it has nothing left to do
  dying,     // sent SIGKILL, not yet reaped
  resting,   // no process; the next one starts when the back-off has passed
};

// A phrase for people, "is loading".
std::string_view phrase(WorkerState state);
bool legal(WorkerState from, WorkerState to);

}  // namespace headrace::supervisor
