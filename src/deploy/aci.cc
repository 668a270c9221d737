#include "deploy/aci.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "deploy/azure.h"

namespace headrace::deploy::aci {
namespace {

constexpr const char* kType = "Microsoft.ContainerInstance/containerGroups";
constexpr const char* kVersion = "2021-10-01";
constexpr double kMibOfGb = 1024;
constexpr double kKeptBack = 75;  // MiB

Placeholder storage_key(const std::string& account) {
  return {.name = "STORAGE_KEY_" + variable_part(account),
          .what = fmt::format("an access key of the storage account '{}'", account),
          .found_by = fmt::format(
              "az storage account keys list --account-name {} --query '[0].value' --output tsv",
              shell_text(account))};
}

Placeholder secret_file(const Mount& mount, const std::string& file) {
  const std::string part = "SECRET_" + variable_part(mount.name) + "_" + variable_part(file);
  return {.name = part + "_BASE64",
          .what = fmt::format("what is in the file {}/{}, in base64", mount.path, file),
          .found_by = fmt::format(
              "base64 <\"${{{}_FILE:?set it to the file that becomes {}/{}}}\" | tr -d '\\n'", part,
              mount.path, file)};
}

Placeholder secret_value(const Variable& variable) {
  const std::string& said = variable.reference.empty() ? variable.name : variable.reference;
  return {.name = variable_part(said), .what = fmt::format("the value of {}", said)};
}

Node environment(const Deployment& d) {
  std::vector<Node> entries;
  const auto add = [&](const Variable& variable, bool secret) {
    std::vector<Node> parts{text("name", variable.name)};
    parts.push_back(secret ? placeholder("secureValue", secret_value(variable),
                                         "secureValue: nobody who looks at the group sees it")
                           : text("value", variable.value));
    entries.push_back(mapping("", std::move(parts), variable.why));
  };
  for (const Variable& size : sizes(d, d.memory_gb * kMibOfGb, kKeptBack,
                                    "the virtual machine around the container keeps them back, and "
                                    "what of it counts against the "
                                    "container is not known"))
    add(size, false);
  for (const Variable& variable : d.variables) add(variable, variable.secret);
  return list("environmentVariables", std::move(entries));
}

Node resources(const Deployment& d) {
  return mapping(
      "resources",
      {mapping("requests",
               {number("cpu", d.cpus,
                       "vCPU, paid for by the second from the first pull of the image on"),
                number("memoryInGB", d.memory_gb,
                       "likewise; GB in capitals, or it is not understood")}),
       mapping("limits", {number("cpu", d.cpus), number("memoryInGB", d.memory_gb)},
               "the same as the request: what Headrace plans with is what there is")});
}

// Who asks: the platform over HTTP, or, where that door is closed to others, Headrace itself from within.
Node question(const Port* http, const char* path, const char* word) {
  if (http == nullptr)
    return mapping(
        "exec", {words("command", {kProgram, "probe", word})},
        "the platform asks over HTTP alone, which others do not get to here; so Headrace "
        "asks its own server from within");
  return mapping(
      "httpGet",
      {text("path", path), number("port", http->number),
       text("scheme", http->tls ? "https" : "http",
            http->tls ? "--tls-cert; whether the platform minds who signed it is not known" : "")});
}

Node probe(const std::string& key, Node asked, const ProbeTimes& times) {
  return mapping(key,
                 {std::move(asked), number("initialDelaySeconds", times.initial_delay),
                  number("periodSeconds", times.period), number("timeoutSeconds", times.timeout),
                  number("failureThreshold", times.failures)},
                 times.why);
}

Node port_list(const Deployment& d, const std::string& why) {
  std::vector<Node> entries;
  for (const Port& port : d.ports)
    entries.push_back(
        mapping("", {text("protocol", "TCP"), number("port", port.number)}, port.option));
  return list("ports", std::move(entries), why);
}

Node mount_list(const Deployment& d) {
  std::vector<Node> entries;
  for (const Mount& mount : d.mounts) {
    std::vector<Node> parts{text("name", mount.name), text("mountPath", mount.path)};
    if (mount.read_only || mount.kind == Mount::Kind::secret)
      parts.push_back(
          flag("readOnly", true, mount.read_only ? ":ro" : "a secret is read and never written"));
    entries.push_back(mapping("", std::move(parts), mount.option));
  }
  return list("volumeMounts", std::move(entries));
}

Node volume(const Mount& mount) {
  std::vector<Node> parts{text("name", mount.name)};
  if (mount.kind == Mount::Kind::azurefile) {
    const auto [account, share] = account_and_share(mount);
    std::vector<Node> file{text("shareName", share)};
    if (mount.read_only) file.push_back(flag("readOnly", true));
    file.push_back(text("storageAccountName", account));
    file.push_back(
        placeholder("storageAccountKey", storage_key(account),
                    "shares are mounted with the account's key, and it must not stand here"));
    parts.push_back(mapping("azureFile", std::move(file)));
  } else if (mount.kind == Mount::Kind::secret) {
    std::vector<Node> files;
    for (const std::string& file : secret_files(mount))
      files.push_back(placeholder(file, secret_file(mount, file)));
    parts.push_back(mapping("secret", std::move(files), "files in memory, each given in base64"));
  } else {
    parts.push_back(mapping("emptyDir", {}, "goes with the group"));
  }
  return mapping("", std::move(parts), mount.option);
}

Node container(const Deployment& d) {
  std::vector<std::string> command{kProgram};
  command.insert(command.end(), d.words.begin(), d.words.end());
  std::vector<Node> parts{
      text("image", d.image, "--image"),
      words("command", command,
            "replaces the image's entry point, so the program is named; one word a line, no shell"),
      resources(d), environment(d)};
  if (d.work == Work::server && !d.ports.empty())
    parts.push_back(port_list(d, "the same as below: there is no mapping of ports"));
  if (!d.mounts.empty()) parts.push_back(mount_list(d));
  if (d.work == Work::server) {
    const Port* asked = probed_port(d);
    const Port* http = asked != nullptr && asked->door == Port::Door::http ? asked : nullptr;
    parts.push_back(
        probe("readinessProbe", question(http, kReadyPath, "--ready"), readiness_probe(d)));
    parts.push_back(
        probe("livenessProbe", question(http, kLivePath, "--live"), liveness_probe(d, false)));
  }
  return mapping(
      "", {text("name", d.name, "called like its group"), mapping("properties", std::move(parts))});
}

Node credentials(const Deployment& d) {
  std::vector<Node> parts{text("server", d.registry)};
  if (!d.registry_identity.empty()) {
    parts.push_back(
        text("identity", d.registry_identity, "the identity above; no password anywhere"));
  } else {
    parts.push_back(text("username", d.registry_secret, "--registry-user"));
    parts.push_back(placeholder("password", {.name = "REGISTRY_PASSWORD",
                                             .what = fmt::format("the password of '{}' at {}",
                                                                 d.registry_secret, d.registry)}));
  }
  return list("imageRegistryCredentials", {mapping("", std::move(parts))}, "who pulls the image");
}

Node address(const Deployment& d) {
  std::vector<Node> parts{
      text("type", d.open_to_all ? "Public" : "Private",
           d.open_to_all ? "--public: an address on the internet, which may change when it is "
                           "started again"
                         : "an address in the subnet")};
  parts.push_back(port_list(d, ""));
  if (!d.dns_label.empty()) parts.push_back(text("dnsNameLabel", d.dns_label, "--dns-label"));
  return mapping("ipAddress", std::move(parts), "which ports others get to");
}

Node restart_policy(const Deployment& d) {
  if (!d.restart.empty()) return text("restartPolicy", d.restart, "--restart");
  return d.work == Work::job
             ? text("restartPolicy", "OnFailure",
                    "ends when all is done; started again after a failure, it goes on where it "
                    "stopped")
             : text("restartPolicy", "Always", "a server is there until it is told to end");
}

Node properties(const Deployment& d) {
  std::vector<Node> parts{text("osType", "Linux", "what Headrace is built for"), restart_policy(d)};
  if (!d.registry_identity.empty() || !d.registry_secret.empty()) parts.push_back(credentials(d));
  parts.push_back(list("containers", {container(d)}));
  if (!d.mounts.empty()) {
    std::vector<Node> volumes;
    for (const Mount& mount : d.mounts) volumes.push_back(volume(mount));
    parts.push_back(list("volumes", std::move(volumes)));
  }
  if (d.work == Work::server && !d.ports.empty()) parts.push_back(address(d));
  if (!d.subnet.empty())
    parts.push_back(list("subnetIds", {mapping("", {text("id", d.subnet)})},
                         "--subnet; it must be delegated to container groups"));
  if (!d.log_workspace.empty())
    parts.push_back(mapping(
        "diagnostics",
        {mapping("logAnalytics",
                 {text("workspaceId", d.log_workspace, "--log-workspace"),
                  placeholder("workspaceKey", {.name = "LOG_WORKSPACE_KEY",
                                               .what = "a key of the Log Analytics workspace"})})},
        "once a container has stopped, the platform itself keeps 16 KB of its log"));
  return mapping("properties", std::move(parts));
}

// --- the files

std::string bicep_file(const Deployment& d, const Node& tree, bool explain) {
  std::vector<std::string> outputs{"output id string = containerGroup.id"};
  if (find(*find(tree, "properties"), "ipAddress") != nullptr)
    outputs.emplace_back("output address string = containerGroup.properties.ipAddress.ip");
  const std::vector<Placeholder> asked = placeholders(tree);
  return bicep(
      tree, kSymbol,
      heading(d,
              fmt::format(
                  "az deployment group create --resource-group GROUP --template-file {}.bicep{}",
                  d.name, asked.empty() ? "" : "; it asks for, or takes with --parameters:"),
              asked, false),
      outputs, explain);
}

std::string yaml_file(const Deployment& d, const Node& tree, bool explain) {
  const std::vector<Placeholder> asked = placeholders(tree);
  return yaml(
      tree,
      heading(d,
              fmt::format("az container create --resource-group GROUP --file {}.yaml{}", d.name,
                          asked.empty() ? ""
                                        : ", once these are filled in (in a copy; the script that "
                                          "--as az prints does it):"),
              asked, true),
      explain);
}

}  // namespace

std::pair<std::string, std::string> account_and_share(const Mount& mount) {
  const std::size_t slash = mount.source.find('/');
  if (slash == std::string::npos) return {mount.source, ""};
  return {mount.source.substr(0, slash), mount.source.substr(slash + 1)};
}

std::vector<std::string> heading(const Deployment& d, const std::string& use,
                                 const std::vector<Placeholder>& asked, bool names_variables) {
  std::vector<std::string> out{
      fmt::format("{}: a container group for Azure Container Instances, made by headrace deploy",
                  d.name),
      "  " + shown_command(d), "", use};
  for (const Placeholder& placeholder : asked)
    out.push_back(fmt::format("  {}: {}",
                              names_variables ? placeholder.name : parameter_name(placeholder.name),
                              placeholder.what));
  return out;
}

Node group(const Deployment& d) {
  std::vector<Node> parts{text("type", kType, "what it is: a group of containers, here of one"),
                          text("apiVersion", kVersion, "the newest that the YAML reference lists"),
                          text("name", d.name, "--name"), azure_location(d, kLocationOfGroup)};
  if (!d.registry_identity.empty())
    parts.push_back(mapping("identity",
                            {text("type", "UserAssigned", "only such a one can pull an image"),
                             mapping("userAssignedIdentities", {mapping(d.registry_identity, {})})},
                            "--registry-identity"));
  parts.push_back(properties(d));
  return mapping("", std::move(parts));
}

std::vector<File> files(const Deployment& d, bool explain) {
  const Node tree = group(d);
  return {{.form = Form::yaml, .name = d.name + ".yaml", .text = yaml_file(d, tree, explain)},
          {.form = Form::bicep, .name = d.name + ".bicep", .text = bicep_file(d, tree, explain)},
          {.form = Form::az, .name = d.name + ".sh", .text = script(d, tree)}};
}

}  // namespace headrace::deploy::aci
