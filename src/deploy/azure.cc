#include "deploy/azure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <utility>

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
    findings.push_back(
        error("--image", "this names no registry to be known at", "write REGISTRY/NAME:TAG"));
  }
  if (!by_user && !by_identity && d.registry.ends_with(".azurecr.io")) {
    findings.push_back(warning("--image", "this registry lets nobody in without a name",
                               "add --registry-identity or --registry-user"));
  }
}

// A mount of secrets has the files that it names, and no others.
void check_secret_paths(const Deployment& d, Findings& findings) {
  for (const Path& path : d.paths) {
    const Mount* mount = mount_of(d, path.path);
    if (mount == nullptr || mount->kind != Mount::Kind::secret) continue;
    const std::string wanted = plain_path(path.path);
    const std::vector<std::string> files = secret_files(*mount);
    const auto is_wanted = [&](const std::string& file) {
      return mount->path + "/" + file == wanted;
    };
    if (std::any_of(files.begin(), files.end(), is_wanted)) continue;
    findings.push_back(error(
        path.option,
        fmt::format("{} is not there: the mount '{}' has other files", path.path, mount->name),
        fmt::format("write {}/FILE, where {}=secret:FILE,... names it", mount->path, mount->name)));
  }
}

// Variables that mean something to bash, to the loader of programs or to az itself. The scripts' own are in small letters,
// and those of placeholders in capitals.
bool is_taken_in_scripts(std::string_view name) {
  constexpr std::array<std::string_view, 44> kTaken = {"PATH",
                                                       "HOME",
                                                       "IFS",
                                                       "PWD",
                                                       "OLDPWD",
                                                       "SHELL",
                                                       "TMPDIR",
                                                       "UID",
                                                       "EUID",
                                                       "PPID",
                                                       "GROUPS",
                                                       "PS0",
                                                       "PS1",
                                                       "PS2",
                                                       "PS3",
                                                       "PS4",
                                                       "SHLVL",
                                                       "ENV",
                                                       "RANDOM",
                                                       "SRANDOM",
                                                       "LINENO",
                                                       "HOSTNAME",
                                                       "HOSTTYPE",
                                                       "MACHTYPE",
                                                       "OSTYPE",
                                                       "REPLY",
                                                       "FUNCNAME",
                                                       "DIRSTACK",
                                                       "PIPESTATUS",
                                                       "COPROC",
                                                       "CDPATH",
                                                       "LANG",
                                                       "TMOUT",
                                                       "USER",
                                                       "LOGNAME",
                                                       "TERM",
                                                       "COLUMNS",
                                                       "TIMEFORMAT",
                                                       "OPTARG",
                                                       "OPTERR",
                                                       "OPTIND",
                                                       "GLOBIGNORE",
                                                       "CONTAINER_GROUP",
                                                       "RESOURCE_GROUP"};
  constexpr std::array<std::string_view, 9> kBegins = {
      "BASH", "SECONDS", "EPOCH", "LC_", "LD_", "HISTFILE", "COMP_", "PYTHON", "READLINE_"};
  return std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end() ||
         std::any_of(kBegins.begin(), kBegins.end(),
                     [&](std::string_view begin) { return name.starts_with(begin); });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_taken_in_bicep(std::string_view parameter, std::string_view symbol) {
  constexpr std::array<std::string_view, 11> kTaken = {"true", "false",      "null",         "if",
                                                       "for",  "in",         "az",           "sys",
                                                       "json", "resourceid", "resourcegroup"};
  const std::string small = lower(parameter);
  return small.empty() || std::isalpha(static_cast<unsigned char>(small.front())) == 0 ||
         small == lower(symbol) || std::find(kTaken.begin(), kTaken.end(), small) != kTaken.end();
}

void collect(const Node& node, std::vector<Placeholder>& out) {
  if (node.shape == Shape::placeholder) out.push_back(node.placeholder);
  for (const Node& child : node.children) collect(child, out);
}

constexpr const char* kAnotherName = "--env-secret NAME=ANOTHER_NAME";

void check_placeholder_name(const std::string& name, std::string_view symbol, Findings& findings) {
  if (is_taken_in_scripts(name)) {
    findings.push_back(error(
        "--env-secret", fmt::format("{} means something else in the script", name), kAnotherName));
  } else if (is_taken_in_bicep(parameter_name(name), symbol)) {
    findings.push_back(error("--env-secret",
                             fmt::format("{} cannot be a parameter of the Bicep file", name),
                             kAnotherName));
  }
}

}  // namespace

// Two things that would be asked for by one name would both get the value of one.
void check_placeholders(const Node& tree, std::string_view symbol, std::vector<Finding>& findings) {
  constexpr const char* kWhich = "--env-secret or --mount";
  std::map<std::string, Placeholder> known;  // by name
  std::map<std::string, std::string>
      parameters{};  // small letters, as no two may differ in these alone
  std::vector<Placeholder> asked;
  collect(tree, asked);
  for (const Placeholder& one : asked) {
    const auto [other, is_new] = known.try_emplace(one.name, one);
    if (!is_new && other->second.what != one.what) {
      findings.push_back(error(
          kWhich, fmt::format("{} would be both {} and {}", one.name, other->second.what, one.what),
          "give one of them another name"));
    }
    if (!is_new) continue;
    check_placeholder_name(one.name, symbol, findings);
    const auto [same, is_first] = parameters.try_emplace(lower(parameter_name(one.name)), one.name);
    if (!is_first) {
      findings.push_back(error(kWhich,
                               fmt::format("{} and {} would be one parameter of the Bicep file, {}",
                                           same->second, one.name, parameter_name(one.name)),
                               "give one of them another name"));
    }
  }
}

bool is_resource_id(std::string_view id, std::string_view type) {
  return id.starts_with("/subscriptions/") && id.find(type) != std::string_view::npos &&
         has_only(id, "/._-()") && id.find("//") == std::string_view::npos && id.back() != '/';
}

void check_azure(const Deployment& d, std::vector<Finding>& findings) {
  check_places(d, findings);
  check_registry(d, findings);
  check_secret_paths(d, findings);
}

Node azure_location(const Deployment& d, const std::string& found_by) {
  if (!d.location.empty()) return text("location", d.location, "--location");
  return placeholder(
      "location",
      {.name = "LOCATION",
       .what = "the region that it runs in, such as westeurope",
       .secret = false,
       .otherwise = "resourceGroup().location",
       .found_by = found_by},
      "the region of its environment or resource group, unless --location names one");
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
