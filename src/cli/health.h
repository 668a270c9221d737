// headrace probe --live, --ready: whether the container's own server is well.
//
// An image that holds one program and no shell has nothing else to ask with. Where to ask, the container's first process
// says itself: a health check that had to be told the port again would one day be told another one, and a file of
// options that was changed since says where a server will listen that is not there yet. So `serve` keeps a note of the
// place where it listens, among its descriptors. Where there is no such note (an init comes first, or nothing listens
// yet) the first process's command line is read as it would read it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/ask.h"
#include "sys/fd.h"

namespace headrace::cli {

// The note of a server that listens there; it lies with whoever keeps the descriptor.
Result<sys::Fd> note_place(const std::string& address, bool tls);
// The question for the process that keeps such a note; none without.
std::optional<http::Question> question_by_note(int pid, const std::string& path);

// The question for whoever runs `words`; none for a command that serves nothing, which is well as long as it runs. An
// error: no headrace is among them. Words before it (those of a small init) are passed over. Prints nothing.
Result<std::optional<http::Question>> question_for(const std::vector<std::string>& words,
                                                   const std::string& path);

// Prints the answer, within 5 s. The exit code of the process: 0 well, 1 not.
int health_command(bool ready);

}  // namespace headrace::cli
