#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include "deploy/aci.h"
#include "deploy/azure.h"

namespace headrace::deploy::aci {
namespace {

constexpr double kLeastCpus = 1, kMostCpus = 31, kUsualCpus = 4;
constexpr double kLeastMemory = 1, kMostMemory = 240, kUsualMemory = 16;  // GB
constexpr double kStep = 0.1;
constexpr std::size_t kMostPorts = 5;
constexpr unsigned kFirstOpenPort = 1024;
constexpr std::size_t kMostVolumes = 20;

struct Range {
  unsigned first, last;
};
constexpr std::array<Range, 11> kReservedPorts = {{{22, 22},
                                                   {443, 443},
                                                   {1025, 1027},
                                                   {3389, 3399},
                                                   {9999, 9999},
                                                   {19000, 19000},
                                                   {19080, 19080},
                                                   {19100, 19100},
                                                   {19390, 19390},
                                                   {20000, 30000},
                                                   {49152, 65534}}};

using Findings = std::vector<Finding>;

bool has_only(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || more.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_guid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  }
  return true;
}

void check_number(const char* option, double value, double least, double most, const char* unit,
                  Findings& out) {
  if (!(value > 0)) return;  // said already
  if (value < least || value > most) {
    out.push_back(error(option,
                        fmt::format("a container group has {} to {} {}, and not {}", decimal(least),
                                    decimal(most), unit, decimal(value)),
                        fmt::format("{} {}", option, decimal(value < least ? least : most))));
  } else if (!is_multiple(value, kStep)) {
    out.push_back(error(option,
                        fmt::format("{} {}: at most one decimal is taken", decimal(value), unit),
                        fmt::format("{} {:.1f}", option, value)));
  }
}

void check_size(const Deployment& d, Findings& out) {
  check_number("--cpus", d.cpus, kLeastCpus, kMostCpus, "vCPU", out);
  check_number("--memory", d.memory_gb, kLeastMemory, kMostMemory, "GB", out);
  const bool large_cpus = d.cpus > kUsualCpus && d.cpus <= kMostCpus;
  const bool large_memory = d.memory_gb > kUsualMemory && d.memory_gb <= kMostMemory;
  if (large_cpus || large_memory)
    out.push_back(
        note(large_cpus ? "--cpus" : "--memory",
             fmt::format("more than {} vCPU or {} GB needs a larger quota than subscriptions have "
                         "to begin with, and not every region has room for it",
                         decimal(kUsualCpus), decimal(kUsualMemory)),
             "ask for the quota first"));
}

void check_names(const Deployment& d, Findings& out) {
  if (!is_label(d.name, 1, 63))
    out.push_back(
        error("--name",
              fmt::format("'{}' is no name of a container: 1 to 63 small letters, digits and "
                          "hyphens, none of these first or last",
                          d.name),
              "such as classify-001"));
  if (!d.dns_label.empty()) {
    std::string small = d.dns_label;
    std::transform(small.begin(), small.end(), small.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (!is_label(small, 5, 63))
      out.push_back(error(
          "--dns-label",
          fmt::format("'{}' is no label: 5 to 63 letters, digits and hyphens, no hyphen first "
                      "or last",
                      d.dns_label),
          "such as headrace-classify"));
    if (!d.open_to_all)
      out.push_back(error("--dns-label", "only a public address has a name",
                          "give --public, or leave it out"));
  }
}

void check_variables(const Deployment& d, Findings& out) {
  for (const Variable& variable : d.variables) {
    if (variable.name.size() > 63 || variable.name.front() == '_' || variable.name.back() == '_')
      out.push_back(error(
          variable.option,
          "a variable has 1 to 63 letters, digits and underscores, no underscore first or last",
          "give it another name"));
    if (variable.secret && !variable.reference.empty() &&
        (!has_only(variable.reference, "_") ||
         std::isdigit(static_cast<unsigned char>(variable.reference.front())) != 0))
      out.push_back(
          error(variable.option,
                "what follows the = is the name of the variable that the script takes the value "
                "from: letters, digits and underscores",
                "leave it out, if that has the same name"));
  }
}

void check_ports(const Deployment& d, Findings& out) {
  if (d.ports.size() > kMostPorts)
    out.push_back(
        error("--http", fmt::format("a group has at most {} ports", kMostPorts), "close some"));
  for (const Port& port : d.ports) {
    if (port.number < kFirstOpenPort)
      out.push_back(
          warning(port.option,
                  fmt::format("port {} is below 1024, which a user who is not root, as in "
                              "the image, may not be able to open",
                              port.number),
                  "take 8080, say"));
    const auto reserved =
        std::find_if(kReservedPorts.begin(), kReservedPorts.end(), [&](const Range& range) {
          return port.number >= range.first && port.number <= range.last;
        });
    if (reserved == kReservedPorts.end()) continue;
    const std::string which = reserved->first == reserved->last
                                  ? fmt::format("port {}", reserved->first)
                                  : fmt::format("ports {} to {}", reserved->first, reserved->last);
    out.push_back(
        error(port.option, fmt::format("the platform keeps {} for itself", which),
              port.number == 443 ? "take 8443: the group maps no ports" : "take 8080, say"));
  }
}

void check_address(const Deployment& d, Findings& out) {
  if (!d.subnet.empty() && !is_resource_id(d.subnet, "/subnets/"))
    out.push_back(
        error("--subnet", "this is no resource id of a subnet",
              "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/"
              "NET/subnets/NAME"));
  if (d.work == Work::job) return;
  if (!d.subnet.empty() && d.open_to_all)
    out.push_back(error("--public", "a group in a subnet has no public address",
                        "give one of --public and --subnet"));
  if (d.subnet.empty() && !d.open_to_all && !d.ports.empty())
    out.push_back(error(
        "--public", "without an ipAddress entry nobody reaches the server",
        "--public for an address on the internet, or --subnet ID for one in a virtual network"));
}

void check_share(const Mount& mount, Findings& out) {
  const auto [account, share] = account_and_share(mount);
  const bool small = account.find('-') == std::string::npos && is_label(account, 3, 24);
  if (!small || !is_label(share, 3, 63) || share.find("--") != std::string::npos)
    out.push_back(
        error(mount.option,
              fmt::format("'{}' is no ACCOUNT/SHARE: the account has 3 to 24 small letters and "
                          "digits, the share 3 to 63 small letters, digits and single hyphens",
                          mount.source),
              "azurefile:pictures/models"));
}

void check_mount(const Mount& mount, Findings& out) {
  if (!is_label(mount.name, 5, 63) || mount.name.find("--") != std::string::npos)
    out.push_back(
        error(mount.option,
              fmt::format("'{}' is no name of a volume: 5 to 63 small letters, digits and single "
                          "hyphens, no hyphen first or last",
                          mount.name),
              "such as " +
                  (mount.name.size() < 5 ? mount.name + "-share" : std::string("results-share"))));
  switch (mount.kind) {
    case Mount::Kind::azurefile:
      return check_share(mount, out);
    case Mount::Kind::secret:
      for (const std::string& file : secret_files(mount)) {
        if (!has_only(file, "._-") || file.front() == '.')
          out.push_back(error(mount.option,
                              fmt::format("'{}' is no name of a file in a secret volume", file),
                              "secret:token, or secret:cert.pem,key.pem"));
      }
      return;
    case Mount::Kind::claim:
    case Mount::Kind::configmap:
      out.push_back(error(mount.option, fmt::format("{} is of Kubernetes", word(mount.kind)),
                          "here: azurefile, secret, empty"));
      return;
    case Mount::Kind::empty:
      return;
  }
}

void check_mounts(const Deployment& d, Findings& out) {
  if (d.mounts.size() > kMostVolumes)
    out.push_back(error("--mount", fmt::format("a group has at most {} volumes", kMostVolumes),
                        "put folders of one share behind one mount"));
  for (const Mount& mount : d.mounts) check_mount(mount, out);
  const auto share = std::find_if(d.mounts.begin(), d.mounts.end(), [](const Mount& mount) {
    return mount.kind == Mount::Kind::azurefile;
  });
  if (share == d.mounts.end()) return;
  out.push_back(warning(
      share->option,
      "the platform mounts shares for root alone, and Headrace's image runs as user 65532, "
      "to whom they are closed",
      fmt::format("unless that is done: make an image of the two lines FROM {} and USER 0:0, "
                  "and name it with --image",
                  d.image)));
}

void check_logs(const Deployment& d, Findings& out) {
  if (!d.log_workspace.empty() && !is_guid(d.log_workspace))
    out.push_back(error("--log-workspace",
                        "this is no id of a workspace: 32 hexadecimal digits and four hyphens",
                        "az monitor log-analytics workspace show --query customerId prints it"));
}

void check_restart(const Deployment& d, Findings& out) {
  constexpr std::array<std::string_view, 3> kKnown = {"Always", "OnFailure", "Never"};
  if (!d.restart.empty() && std::find(kKnown.begin(), kKnown.end(), d.restart) == kKnown.end()) {
    out.push_back(error("--restart",
                        fmt::format("'{}' is none of Always, OnFailure, Never", d.restart),
                        "leave it out"));
    return;
  }
  if (d.work == Work::job && d.restart != "Never") warn_of_strict(d, out);
  if (d.work == Work::job && d.restart == "Always")
    out.push_back(warning(
        "--restart", "a job that is done starts again, and is paid for, without end", "OnFailure"));
  if (d.work == Work::job && d.restart == "Never")
    out.push_back(
        warning("--restart",
                "a job that fails for a reason that passes stays undone (and the platform may "
                "start it again all the same)",
                "OnFailure: it goes on where it stopped"));
  if (d.work == Work::server && !d.restart.empty() && d.restart != "Always")
    out.push_back(warning("--restart", "a server that ends stays away", "Always"));
}

}  // namespace

std::vector<Finding> check(const Deployment& d) {
  Findings out = check_everywhere(d);
  check_names(d, out);
  check_size(d, out);
  check_variables(d, out);
  check_ports(d, out);
  check_address(d, out);
  check_mounts(d, out);
  check_azure(d, out);
  check_logs(d, out);
  check_restart(d, out);
  if (!any_error(out)) check_placeholders(group(d), kSymbol, out);
  return out;
}

}  // namespace headrace::deploy::aci
