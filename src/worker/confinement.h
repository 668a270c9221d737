// When a worker gives up what, in its life (sys/sandbox.h says how, shm/brief.h what).
//
// Once it is confined, what has taken it over through a picture can still answer falsely, and read
// and spoil the other requests that lie in the same shared memory; it can reach nothing else.
//
// Calls for the worker's one thread, in this order.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/sandbox.h"

namespace headrace::worker {

// Before foreign code may start threads, which is before the model is loaded. `readable`: what
// loading takes besides shared libraries. What the kernel does not have is left out.
Status confine_loading(const sys::Sandbox& sandbox,
                       std::span<const std::filesystem::path> readable);

// With everything loaded. The text is empty, or says why that could not be, where the sandbox may be
// left out.
Result<std::string> confine_working(const sys::Sandbox& sandbox);

// The model's folder, wherever links lead, with all that belongs to the model and what its files
// are links to.
std::vector<std::filesystem::path> places_of_model(const std::filesystem::path& file);

}  // namespace headrace::worker
