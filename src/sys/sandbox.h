// What a process gives up for good, so that bytes from strangers that take it over find nothing to
// do with it.
//
// A worker decodes pictures and runs engines: millions of lines that were not written against an
// enemy. What has taken it over can do what the process may do: open files, connect, start
// programs, look into its siblings. After this it may compute, and talk on the descriptors that it
// already has.
//
// Two halves, of two mechanisms of the kernel, each of which may be missing. Neither needs any
// privilege, and nothing that is given up comes back.
//
//   1. Landlock, before the first thread starts: it binds the calling thread and what comes of it. With it
//      goes a first filter of seccomp, which forbids what loading never takes.
//   2. seccomp, once everything is open and loaded: it binds all threads at once.
//
// A process does this to itself. Nothing here is undone by an error: what was given up by then stays
// given up.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"

namespace headrace::sys {

enum class Confine : unsigned char {
  off,
  where_possible,  // with what the kernel has of the two
  always,          // a kernel without seccomp is an error, and for a handler one without Landlock
};

// What a process still does with files once it is confined.
enum class FileUse : unsigned char { none, reading, writing };

struct Sandbox {
  Confine confine = Confine::off;
  FileUse files = FileUse::none;
};

// What the kernel, and whatever surrounds this process, has of it.
struct SandboxFacts {
  int landlock = 0;  // its version (ABI); 0: there is none
  bool seccomp = false;
};
SandboxFacts sandbox_facts();
// Whether this program is watched by a sanitizer, which opens files and starts programs to say what
// it found.
bool watched_by_sanitizer();

// Standard input becomes empty, and what is printed goes to standard error: whoever started this
// process may have meant them for somebody else.
void leave_standard_streams();

// The first half: no file is changed, no program started, no TCP port bound or connected, no other
// process signalled or reached by an abstract name; as far as this version of Landlock goes. With FileUse::none only what lies in `places`
// can still be opened, and what any program reads while it loads (shared libraries, what the kernel
// says of processors and of this process); otherwise everything can be read, and with
// FileUse::writing what lies in `places` can also be changed. Names that do not exist are no error. Call it on
// the only thread. An error when the kernel has no Landlock, or refuses.
Status bind_files(FileUse files, std::span<const std::filesystem::path> places);

// With it, also on the only thread: no sockets, programs, processes, tracing, keys, mounts and the like, whatever the
// kernel has of Landlock, and with FileUse::none no capabilities but those to read files. An error when the kernel or a
// sandbox around this process refuses.
Status bind_loading(FileUse files);

// The folders of all shared libraries that are loaded by now.
std::vector<std::filesystem::path> folders_of_libraries();

// The second half: every system call fails with EPERM, but those that computing takes, on all
// threads. Of sockets only `socket` may be sent on and received from. With FileUse::none nothing can
// be opened; with FileUse::reading not for writing. An error when the kernel or a sandbox around
// this process refuses.
Status bind_calls(FileUse files, int socket);

}  // namespace headrace::sys
