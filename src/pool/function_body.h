// The body of a pool's worker: runs the functions of this program on the arguments in a slot.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "shm/brief.h"
#include "worker/body.h"

namespace headrace::pool {

// What all workers of a pool are told (Brief::body).
struct FunctionSettings {
  std::uint64_t state_maker = 0;  // detail::key_of(); 0: the functions have no state
  std::string state_arguments{};  // encoded
};
std::string to_json(const FunctionSettings& settings);
Result<FunctionSettings> function_settings_from_json(std::string_view text);

// Makes the worker's state. The error says what its maker threw.
Result<std::unique_ptr<worker::Body>> make_function_body(const shm::Brief& brief);

}  // namespace headrace::pool
