// What was measured on another machine, read from a file that `tune` or `plan --json` wrote.
#pragma once

#include <string>

#include "base/result.h"
#include "deploy/deployment.h"

namespace headrace::cli {

// `text` is all of `file`. A plan.toml says cpus, memory, rate, workers, threads and what they take; the text of
// `plan --json` also how long a worker loads. The error names the file, and never repeats what is in it but keys.
Result<deploy::Measured> parse_measured(const std::string& text, const std::string& file);

// The same, of a file that is there.
Result<deploy::Measured> read_measured(const std::string& file);

}  // namespace headrace::cli
