// The body that a worker's brief asks for, whichever kind it is.
#pragma once

#include <memory>

#include "base/result.h"
#include "shm/brief.h"
#include "worker/body.h"

namespace headrace::worker {

// By the "kind" in its settings: a model's over files ("model") or over requests ("served"), or a
// handler's ("handler"). For a process that is a worker and nothing else: a handler's standard output
// is closed off, because that of the command may be where the results go.
Result<std::unique_ptr<Body>> make_body(const shm::Brief& brief);

}  // namespace headrace::worker
