// The body that puts a model over requests: what a client sent lies in shared memory, and so does the
// answer (shm/served_format.h). No file is opened.
//
// A picture becomes JSON, exactly as the body over files writes it; tensors become tensors. A model
// that is fed by a rule takes rows of one shape: items of one row travel together in the lanes of an
// inference, and one of N rows is run in as many inferences as that takes. A model that takes tensors
// runs each item alone, in whatever shape it comes.
#pragma once

#include <memory>

#include "base/result.h"
#include "worker/body.h"
#include "worker/model_body.h"

namespace headrace::worker {

// Loads and warms up as make_model_body() does, which also says what `lanes` are. Messages of items
// that fail go to clients: there are no paths in them.
Result<std::unique_ptr<Body>> make_served_body(const ModelSettings& settings, unsigned lanes);

}  // namespace headrace::worker
