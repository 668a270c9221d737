// A worker process, from its first instruction to its last.
//
// It follows its supervisor in life and death: SIGKILL when the supervisor goes (PR_SET_PDEATHSIG),
// end of file on the control socket as a second line, SIGTERM and SIGINT ignored. It never opens a
// socket, never writes to the results, and may die at any instruction. Before its first item it gives
// up what its brief says (worker/confinement.h).
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "shm/brief.h"
#include "worker/body.h"

namespace headrace::worker {

// Makes the body that a brief describes.
using MakeBody = std::function<Result<std::unique_ptr<Body>>(const shm::Brief& brief)>;

// Runs a worker on the descriptors that it was started with (shm/brief.h); the exit code of the
// process.
int worker_main(const MakeBody& make_body);

}  // namespace headrace::worker
