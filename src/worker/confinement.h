// When a worker gives up what, in its life (sys/sandbox.h says how, shm/brief.h what).
//
// Once it is confined, what has taken it over through a picture can still answer falsely, and read
// and spoil the other requests that lie in the same shared memory; it can reach nothing else.
//
// Calls for the worker's one thread, in this order.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "sys/sandbox.h"

namespace headrace::worker {

// Before foreign code may start threads, which is before the model is loaded. `places`: what
// loading reads besides shared libraries; for a handler, where it writes. What the kernel does not have is left
// out; what it has and refuses is said to the supervisor, or an error where the sandbox must be.
Status confine_loading(const sys::Sandbox& sandbox, std::span<const std::filesystem::path> places);

// With everything loaded. The same holds.
Status confine_working(const sys::Sandbox& sandbox);

// The model's files, or else its folder, and what these are links to.
std::vector<std::filesystem::path> places_of_model(const model::Model& model);

}  // namespace headrace::worker
