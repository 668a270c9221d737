// On which processors this process may run.
//
// A fixed cpu_set_t ends at 1,024 processors, and the kernel refuses to fill a set smaller than its
// own; here the set grows until the kernel accepts it. What a quota leaves of these processors is
// another matter (sys/cgroup.h).
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace headrace::sys {

// The numbers of the processors in the calling thread's mask, ascending, never empty. When the
// kernel refuses to tell (some sandboxes do), the processors that are online, counted from 0.
std::vector<unsigned> allowed_cpus();

// What sched_getaffinity does: fills the words with the mask, returns the number of bytes that it
// wrote, or -errno: -EINVAL when the words are too few. A parameter, so that a test can be a
// machine with thousands of processors.
using AffinityCall = std::function<long(std::span<unsigned long>)>;
// Empty when the call refuses whatever the size.
std::vector<unsigned> cpus_of(const AffinityCall& call);

}  // namespace headrace::sys
