#include "supervisor/worker.h"

#include <stdexcept>

namespace headrace::supervisor {

void Worker::move_to(WorkerState state) {
  if (!legal(state_, state)) {
    throw std::logic_error("worker " + std::to_string(number_) + " " + std::string(phrase(state_)) +
                           " and cannot become one that " + std::string(phrase(state)));
  }
  state_ = state;
}

}  // namespace headrace::supervisor
