// The container as it is: everything that `plan` and `probe` tell about it, and what of it binds.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/fact_sheet.h"
#include "plan/budget.h"
#include "sys/cgroup.h"
#include "sys/host.h"

namespace headrace::cli {

struct Container {
  sys::CgroupFacts groups;
  std::vector<unsigned> affinity;  // numbers of processors
  sys::ProcessorCounts processors;
  Result<sys::Processor> processor = Error{};
  Result<sys::Rights> rights = Error{};
  Result<sys::Volume> shm = Error{};  // /dev/shm
  sys::Kernel kernel;
  sys::Identity identity;
};

Container look_at_container();

// `budget` says which of the limits binds.
std::vector<Section> container_sections(const Container& container, const plan::Budget& budget);
nlohmann::ordered_json container_json(const Container& container, const plan::Budget& budget);

// "0-3,8"
std::string ranges(const std::vector<unsigned>& ascending);
// "64 MiB tmpfs, 60 MiB free"
std::string describe(const sys::Volume& volume);

}  // namespace headrace::cli
