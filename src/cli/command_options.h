// The options of `run` and `serve`, for whoever describes such a command without running it: what the command itself
// would refuse must be refused there too, in the same words, and not half an hour later in a container.
//
// Each function adds the options to `app` and sets `options` when they are given; `options` must live as long as `app`.
// Nothing here reads the environment or a file.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/options.h"

namespace headrace::cli {

void add_run_options(CLI::App& app, RunOptions& options);
void add_serve_options(CLI::App& app, ServeOptions& options);

// What is wrong with options that are fine each by itself; nothing when all is well.
std::optional<std::string> mistake_in(const RunOptions& options);
std::optional<std::string> mistake_in(const ServeOptions& options);

}  // namespace headrace::cli
