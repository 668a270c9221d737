// For tests: a worker that misbehaves on request.
#pragma once

namespace headrace::supervisor {

// Runs on the descriptors of shm/brief.h. The brief's body says how to start; the name of an item
// how to treat it.
int fake_worker();

}  // namespace headrace::supervisor
