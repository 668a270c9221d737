// Azure Container Instances: a group of one container, as YAML, as Bicep, and the `az` commands around it.
//
// What is known of the platform, and what was never tried on it, is in docs/deploy.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "deploy/deployment.h"
#include "deploy/document.h"

namespace headrace::deploy::aci {

// What the group is called inside of the Bicep file.
inline constexpr const char* kSymbol = "containerGroup";

// All that it would refuse, and what works badly there.
std::vector<Finding> check(const Deployment& deployment);

// The group, for a deployment in which check() finds no error; so is what follows.
Node group(const Deployment& deployment);

// The `az` commands as a bash script, for a group() that lies in NAME.yaml beside it.
std::string script(const Deployment& deployment, const Node& group);

// What stands on top of every file: what made it from what, how to use it, and what it asks for.
std::vector<std::string> heading(const Deployment& deployment, const std::string& use,
                                 const std::vector<Placeholder>& asked, bool names_variables);

// ACCOUNT and SHARE of azurefile:ACCOUNT/SHARE; an empty SHARE when there is none.
std::pair<std::string, std::string> account_and_share(const Mount& mount);

// NAME.yaml, NAME.bicep and NAME.sh, which needs NAME.yaml beside it.
std::vector<File> files(const Deployment& deployment, bool explain);

}  // namespace headrace::deploy::aci
