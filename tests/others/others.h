// What other software answers when it is asked how many processors there are.
//
// Sizing by somebody else's number is the most common way to end up throttled, or idle. To say who
// can be trusted where, each program's rule is written down here as a function over a folder that
// is laid out like "/", with all that it overlooks: mounts at other places, limits of ancestors,
// escapes, buffers that are too short. Learnt from the sources, named above each function, as they
// were in the second half of 2026; a rule is what the program does, not what its manual says. Go
// 1.26.8, automaxprocs 1.6.0, OpenJDK 25.0.2, Rust 1.95, libuv 1.52.1 and loky 3.7.0 were also run
// on every layout, and answered the same.
// For tests and for docs/detection.md only: no program of this project asks these functions.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace headrace::others {

struct Machine {
  std::filesystem::path root;  // laid out like "/"
  unsigned affinity = 1;       // processors in the mask of the process
  unsigned online = 1;         // processors of the machine
};

// Nothing: the call fails, or what it returns is left to chance.
using Answer = std::optional<unsigned>;

struct Program {
  std::string_view key;    // one word, for the layouts
  std::string_view title;  // what is asked: program and function
  std::string_view rule;   // one sentence, with its gaps
  std::function<Answer(const Machine&)> answer;
};

std::span<const Program> programs();

// Adds below `root` what no layout says because it is so on every machine: cgroup.controllers in
// each group of a v2 hierarchy, and the links "cpu" and "cpuacct" beside a mount "cpu,cpuacct",
// which systemd and the container runtimes make. This project's detection reads neither.
void add_what_is_always_there(const std::filesystem::path& root);

}  // namespace headrace::others
