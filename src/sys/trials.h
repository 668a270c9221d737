// Which system calls this platform really allows, found out by trying each.
//
// A sandbox does not say what it forbids: a call fails with an odd error, is not there, or ends the
// process. So each call is tried in a forked child of its own, which a filter may kill, which an
// alarm ends when a call hangs, and with which everything goes that the call has changed. For
// reports, from a program that has no other thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace headrace::sys {

struct Trial {
  std::string call;
  bool works = false;
  std::string result;  // "yes", or why not: "Operation not permitted", "killed by SIGSYS"
};

struct TrialSettings {
  std::string events_file{};     // of the own memory group, to be watched; "" when there is none
  std::string cgroup_folder{};   // of the own group; "" when there is none
  bool memory_is_tight = false;  // leave out what takes more than a few pages
};
std::vector<Trial> try_calls(const TrialSettings& settings);

// How long it takes from starting `program --version` until it has ended, the fastest of a few
// times: what it costs to replace a worker before its model loads.
Result<double> milliseconds_to_spawn(const std::string& program);
// From one process's futex wake until another one runs, on average, in microseconds.
Result<double> microseconds_to_wake();

// One signal that came.
struct SignalSeen {
  std::string name;  // "SIGTERM"
  int number = 0;
  int sender = 0;  // its process, 0: outside of our view, or the kernel
};
// Blocks every signal that can be blocked, to look at them instead. Make it before any thread.
class SignalWatch {
 public:
  SignalWatch();
  // The next signal; one with number 0 when none came for a second.
  SignalSeen wait_a_second();
};

}  // namespace headrace::sys
