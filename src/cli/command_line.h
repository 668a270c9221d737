// A command line for people to give again: written so that a shell takes it as it was meant.
#pragma once

#include <string>

#include "cli/options.h"

namespace headrace::cli {

// As a shell takes it for one word.
std::string shell_word(const std::string& text);

// The `headrace tune` that would do the same again: what differs from the usual, time and sample always.
std::string command_line(const TuneOptions& options);

}  // namespace headrace::cli
