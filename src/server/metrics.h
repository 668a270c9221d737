// What a server says of itself, in the text format of Prometheus.
//
// Names that dashboards know from other servers where there is one (nv_inference_...), and what nobody
// else says: why workers ended, what was tried again, how long the container was stopped by its quota.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "server/container.h"
#include "server/line.h"
#include "supervisor/watch.h"

namespace headrace::server {

struct Served {
  const Line* line = nullptr;
  const supervisor::Watch* watch = nullptr;
};

struct Doors {
  std::size_t connections = 0;  // open now
  bool draining = false;
};

std::string to_metrics(std::span<const Served> models, const ContainerSeen& container,
                       const Doors& doors, Clock::time_point now);

}  // namespace headrace::server
