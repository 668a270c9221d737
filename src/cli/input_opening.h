// How the inputs of a job are opened, where workers get open files and not names.
//
// Every open input takes a descriptor of the supervisor for as long as it waits, is worked on, or is
// tried again. A container may allow few; so what there may be is worked out before anything starts.
#pragma once

#include <optional>

#include "base/result.h"
#include "cli/options.h"
#include "cli/sizing.h"
#include "cli/workload.h"
#include "pipeline/opened_source.h"

namespace headrace::cli {

using InputOpening = std::optional<pipeline::OpenedSource::Settings>;

// Nothing when names are all that workers get: of a handler, or of a model whose input is the name.
// Raises this process's limit on descriptors as far as they may be of use, for workers as well. The
// error: the limit is too low even for one input a worker.
Result<InputOpening> input_opening(const JobOptions& options, const Workload& workload,
                                   const Sizing& sizing);

}  // namespace headrace::cli
