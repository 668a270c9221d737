// A deployment as Azure Container Apps takes it: an app for `serve`, a job that is started by hand for `run`.
//
// What goes wrong without it: sizes that are no pair of the platform's table, probes past its bounds, a startup that is
// given up before a model is loaded, a job that is ended after a time that nobody chose. Pure text; never asks Azure.
#pragma once

#include <vector>

#include "deploy/deployment.h"

namespace headrace::deploy::container_apps {

// All that the platform would refuse, and what works badly there.
std::vector<Finding> check(const Deployment& deployment);

// YAML for `az containerapp (job) create --yaml`, the same as Bicep, and the commands; for a deployment in which check()
// finds no error.
std::vector<File> files(const Deployment& deployment, bool explain);

}  // namespace headrace::deploy::container_apps
