// How numbers are written in the sentences of a plan.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/units.h"

namespace headrace::plan {

// At most two decimals and no needless zeros: "1.5", "4", "0.01".
std::string decimal(double value);
// "960 MiB", "1.5 MiB"; below a tenth of it in KiB.
std::string mib(Bytes bytes);
// "1 worker", "2 workers".
std::string count(std::uint64_t number, std::string_view thing);

}  // namespace headrace::plan
