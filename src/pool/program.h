// This program as its own worker: see headrace/init.h.
#pragma once

#include <string>
#include <vector>

namespace headrace::pool {

// The file that this process runs, even if it was replaced or deleted since.
inline constexpr const char* kThisProgram = "/proc/self/exe";
std::vector<std::string> worker_arguments();
// Throws std::logic_error when this process must not make a Pool.
void check_program();

}  // namespace headrace::pool
