#include "deploy/azure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace headrace::deploy {
namespace {

constexpr std::size_t kLongestGroup = 90;

bool has_only(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || more.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

using Findings = std::vector<Finding>;

void check_places(const Deployment& d, Findings& findings) {
  if (!d.location.empty() && !has_only(d.location, " ")) {
    findings.push_back(error("--location", fmt::format("'{}' is no region", d.location),
                             "write it like westeurope"));
  }
  if (d.resource_group.empty()) return;
  if (has_only(d.resource_group, "._()-") && d.resource_group.size() <= kLongestGroup &&
      d.resource_group.back() != '.')
    return;
  findings.push_back(error("--resource-group",
                           fmt::format("'{}' is no name of a resource group: up to 90 letters, "
                                       "digits and ._()-, no dot last",
                                       d.resource_group),
                           "write it like pictures"));
}

void check_registry(const Deployment& d, Findings& findings) {
  const bool by_user = !d.registry_secret.empty();
  const bool by_identity = !d.registry_identity.empty();
  if (by_identity &&
      !is_resource_id(d.registry_identity, "Microsoft.ManagedIdentity/userAssignedIdentities/")) {
    findings.push_back(error("--registry-identity",
                             fmt::format("'{}' is no resource id of a user-assigned identity, and "
                                         "only such a one can pull the first image",
                                         d.registry_identity),
                             "az identity show --query id prints it: /subscriptions/ID/"
                             "resourceGroups/GROUP/providers/Microsoft.ManagedIdentity/"
                             "userAssignedIdentities/NAME"));
  }
  if (by_user && by_identity) {
    findings.push_back(error("--registry-user", "there is an identity already",
                             "give one of --registry-identity and --registry-user"));
  }
  if ((by_user || by_identity) && d.registry.empty()) {
    findings.push_back(error("--image",
                             fmt::format("'{}' names no registry to be known at", d.image),
                             "write REGISTRY/NAME:TAG"));
  }
  if (!by_user && !by_identity && d.registry.ends_with(".azurecr.io")) {
    findings.push_back(warning("--image", "this registry lets nobody in without a name",
                               "add --registry-identity or --registry-user"));
  }
}

}  // namespace

bool is_resource_id(std::string_view id, std::string_view type) {
  return id.starts_with("/subscriptions/") && id.find(type) != std::string_view::npos &&
         has_only(id, "/._-()") && id.find("//") == std::string_view::npos && id.back() != '/';
}

void check_azure(const Deployment& d, std::vector<Finding>& findings) {
  check_places(d, findings);
  check_registry(d, findings);
}

Node azure_location(const Deployment& d) {
  if (!d.location.empty()) return text("location", d.location, "--location");
  return placeholder("location",
                     {.name = "LOCATION",
                      .what = "the region that it runs in, such as westeurope",
                      .secret = false,
                      .otherwise = "resourceGroup().location",
                      .found_by = "az group show --name \"$RESOURCE_GROUP\" --query location "
                                  "--output tsv"},
                     "the region of the resource group, unless --location names one");
}

std::string variable_part(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto letter = static_cast<unsigned char>(c);
    out += std::isalnum(letter) != 0 ? static_cast<char>(std::toupper(letter)) : '_';
  }
  return out;
}

std::vector<std::string> secret_files(const Mount& mount) {
  std::vector<std::string> files;
  std::string rest = mount.source + ",";
  for (std::size_t end = rest.find(','); end != std::string::npos; end = rest.find(',')) {
    files.push_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  return files;
}

}  // namespace headrace::deploy
