// Starting, watching and ending other processes.
//
// Workers are started by posix_spawn of the same binary, never by a bare fork: a forked copy of a
// program that has threads inherits locks whose owners do not exist, and no inference engine
// survives that.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "sys/fd.h"

namespace headrace::sys {

// How a process ended.
struct Exit {
  int code = 0;    // its exit code, when signal is 0
  int signal = 0;  // the signal that killed it, or 0
  // Some other part of the program waits for all children, or ignores SIGCHLD, and has it.
  bool unknown = false;
};
// "SIGSEGV"; "signal 77" for one that has no name.
std::string signal_name(int number);
// "killed by SIGSEGV" or "exited with code 7".
std::string describe(const Exit& exit);

struct SpawnRequest {
  std::string program;                   // absolute path
  std::vector<std::string> arguments;    // with argv[0]
  std::vector<std::string> environment;  // NAME=value, added to ours (later ones win)
  std::vector<std::pair<int, int>>
      inherit;  // (our descriptor, its number in the child); above 2 all others close
  // Of ours only what the linker, the C library and engines read: names of secrets are anybody's.
  bool few_variables = false;
};

// A child process, known by a pidfd, so that neither a signal nor a wait can hit a stranger that
// got the same number. Destroying a Child that was not reaped kills it and waits for it. One
// thread.
class Child {
 public:
  // PR_SET_PDEATHSIG follows the thread that spawns: call this from a thread that lives as long as
  // the program.
  static Result<Child> spawn(const SpawnRequest& request);

  Child(Child&&) noexcept = default;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  int pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }  // readable when the process has ended
  // To the child's whole process group: what it started goes with it.
  void signal(int number) const;
  // Reaps the child if it has ended. Afterwards this object stands for nothing.
  std::optional<Exit> try_reap();
  // Whether it was stopped (true) or went on (false) since the last call: the last of that; nothing when neither was so.
  // A SIGCHLD says that it is worth asking.
  std::optional<bool> news_of_stop();

 private:
  Child(int pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  int pid_ = -1;
  Fd pidfd_;
};

// First thing in a worker: die when the supervisor does, and leave SIGTERM and SIGINT to it.
// `parent` is the pid that the supervisor said it has (as this process sees it); false when that
// parent is already gone.
bool follow_supervisor(int parent);

// For a thread that a library starts: the program's signals are not its business.
void leave_signals_to_others();

int own_pid();
int parent_pid();
// Absolute path of the running program.
Result<std::string> own_program();
// Become the one that collects grandchildren whose parents died.
void adopt_orphans();
// Reaps ended processes that are nobody's Child. `is_ours(pid)` says which must be left for their
// Child.
template <class IsOurs>
void reap_orphans(IsOurs&& is_ours);

// Asks the kernel to prefer this process when memory runs out. Needs no privilege; failing is
// harmless.
void volunteer_for_oom_kill();

// Proportional set size of a process in bytes (0 when it cannot be read).
Bytes proportional_memory(int pid);
// Unique set size: what comes back when that process is killed (0 when it cannot be read).
Bytes unique_memory(int pid);
// Resident memory of a process that it shares with nobody's file, in bytes (0 when it cannot be read).
Bytes anonymous_memory(int pid);
// The most memory that this process ever had resident.
Bytes own_peak_resident();

// CPU seconds used by this process and its reaped children.
double cpu_seconds_self();
double cpu_seconds_children();
// CPU seconds used so far by a process, to the hundredth (0 when it cannot be read).
double cpu_seconds(int pid);

// What the threads of a process have had of the processors so far.
struct RunTimes {
  std::chrono::nanoseconds running{0};
  std::chrono::nanoseconds waiting{
      0};  // for a processor: for others, or for the next period of the quota
};
// Nothing when the kernel does not say.
std::optional<RunTimes> run_times(int pid);

// Never returns. For a worker that must not run destructors of a library gone wrong.
[[noreturn]] void exit_now(int code);

namespace detail {
int peek_ended_child();  // pid of some ended child, left as it is; 0 when there is none
void discard_child(int pid);
}  // namespace detail

template <class IsOurs>
void reap_orphans(IsOurs&& is_ours) {
  for (int pid = detail::peek_ended_child(); pid > 0 && !is_ours(pid);
       pid = detail::peek_ended_child()) {
    detail::discard_child(pid);
  }
}

}  // namespace headrace::sys
