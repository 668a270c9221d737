// A deployment as Kubernetes takes it: a Job for `run`, a Deployment with its Service for `serve`.
//
// What goes wrong without it: a job that is told twice to write the same results, a server that is killed while it loads
// its model or before it has answered what it admitted, a pod that is refused for its name, minutes after it was asked for.
// Every field is of the stable API (batch/v1, apps/v1, v1, autoscaling/v2). Pure text; never talks to a cluster.
#pragma once

#include <vector>

#include "deploy/deployment.h"

namespace headrace::deploy::kubernetes {

// All that a cluster would refuse, that could not work in it, and what works badly.
std::vector<Finding> check(const Deployment& deployment);

// One YAML file with all objects; for a deployment in which check() finds no error.
std::vector<File> files(const Deployment& deployment, bool explain);

}  // namespace headrace::deploy::kubernetes
