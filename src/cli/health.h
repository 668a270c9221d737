// headrace probe --live, --ready: whether the container's own server is well.
//
// An image that holds one program and no shell has nothing else to ask with. What is asked, and where, is read from the
// command line of the container's first process with the words of that command line itself: a health check that
// had to be told the port again would one day be told another one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/ask.h"

namespace headrace::cli {

// The question for whoever runs `words`; none for a command that serves nothing, which is well as long as it runs. An
// error: no headrace is among them. Words before its name (those of a small init) are passed over.
Result<std::optional<http::Question>> question_for(const std::vector<std::string>& words,
                                                   const std::string& path);

// Prints the answer. The exit code of the process: 0 well, 1 not.
int health_command(bool ready);

}  // namespace headrace::cli
