// What the machine, the kernel and the platform say about themselves to this process.
//
// For reports only: nothing in Headrace decides by it. A sandbox may hide any of it, so each reading
// fails on its own and says why. Paths begin with `root`: "" is the real machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace headrace::sys {

// A file of /proc or /sys, without the line ends at its end, at most `limit` bytes of it. The error
// is the reason alone: "Permission denied".
Result<std::string> read_text(const std::string& path, std::size_t limit = 64 << 10);

struct Kernel {
  std::string system, release, version, architecture;
};
Kernel kernel();

struct Processor {
  std::string model;               // "" when nothing says
  std::vector<std::string> flags;  // as the kernel names them: avx2, amx_tile
  bool has(std::string_view flag) const;
};
Processor parse_cpuinfo(std::string_view cpuinfo);
Result<Processor> processor(std::string_view root = "");
// How many the system has, and how many of those are online; what nproc's --all and older programs say.
struct ProcessorCounts {
  long configured = 0;
  long online = 0;
};
ProcessorCounts processor_counts();

// What this process may do, as /proc/self/status has it.
struct Rights {
  std::uint64_t effective = 0;  // a bit a capability
  std::uint64_t bounding = 0;
  bool no_new_privileges = false;
  std::string seccomp;  // none, strict, filter; "" when the kernel has no such line
};
Rights parse_status(std::string_view status);
Result<Rights> rights(std::string_view root = "");
// "chown", "sys_nice", ...; "38" for one that is newer than this program.
std::vector<std::string> capability_names(std::uint64_t bits);

// The file system that a path lies on.
struct Volume {
  std::string kind;  // tmpfs, overlay, ...; its number when it is none of those
  Bytes size;
  Bytes available;
  bool read_only = false;
  bool no_exec = false;
};
Result<Volume> volume(const std::string& path);

struct ResourceLimit {
  std::string name;
  std::string soft, hard;  // "unlimited" or a number
};
std::vector<ResourceLimit> resource_limits();

// Names of all environment variables, sorted. Values may be secrets.
std::vector<std::string> variable_names();

struct Identity {
  unsigned user = 0, group = 0;
  int pid = 0, parent = 0;
};
Identity identity();

// Whether this process could make files there; the error is the reason why not.
Status may_write(const std::string& folder);

}  // namespace headrace::sys
