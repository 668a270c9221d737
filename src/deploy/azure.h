// What Azure's services have in common: names of things, who pulls an image, where something runs.
//
// Each service would otherwise bring its own copy of these rules, and one of them would be mended alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deploy/deployment.h"
#include "deploy/document.h"

namespace headrace::deploy {

// "/subscriptions/.../TYPE/NAME"; `type` such as "/subnets/".
bool is_resource_id(std::string_view id, std::string_view type);

// The resource group, the region, who pulls the image, as far as they are given, and files of secrets that no mount has.
void check_azure(const Deployment& deployment, std::vector<Finding>& findings);

// That every placeholder has a name of its own, as a variable of the script and as a parameter of the Bicep file, whose
// resource is called `symbol`. For a tree of a deployment without errors.
void check_placeholders(const Node& tree, std::string_view symbol, std::vector<Finding>& findings);

// The region that was given, or a placeholder: in a script what the command `found_by` prints, in Bicep the resource
// group's.
Node azure_location(const Deployment& deployment, const std::string& found_by);
inline constexpr const char* kLocationOfGroup =
    "az group show --name \"$RESOURCE_GROUP\" --query location --output tsv";

// A part of a variable's name: letters and digits in capitals, everything else as _.
std::string variable_part(std::string_view text);

// The files of `secret:token,tls.pem`, which become one each.
std::vector<std::string> secret_files(const Mount& mount);

}  // namespace headrace::deploy
