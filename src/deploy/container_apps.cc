#include "deploy/container_apps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>
#include <utility>

#include "deploy/azure.h"
#include "deploy/document.h"
#include "deploy/script.h"

namespace headrace::deploy::container_apps {
namespace {

constexpr const char* kApiVersion = "2025-07-01";
constexpr const char* kContainer = "headrace";
constexpr std::size_t kShortestName = 2;
constexpr std::size_t kLongestName = 32;
constexpr std::size_t kLongestEnvironment = 60;
constexpr std::size_t kLongestSecret = 63;
constexpr std::size_t kLongestVolume = 63;
constexpr double kCpuStep = 0.25;
constexpr double kMostCpus = 4;
constexpr double kMostCpusWithoutProfiles = 2;
constexpr double kGbOfCpu = 2;
constexpr double kNothing = 1e-6;
constexpr unsigned kFirstOpenPort = 1024;
constexpr unsigned kMostReplicas = 1000;
constexpr double kIngressSeconds = 240;  // for one request
constexpr unsigned kMostGraceSeconds = 600;
constexpr double kJobSeconds = 86'400;  // where nobody said: a day
constexpr double kMostJobSeconds = 2'147'483'647;
constexpr unsigned kRetries = 3;
// The bounds of a probe.
constexpr unsigned kMostFailures = 10;
constexpr unsigned kMostDelay = 60;
constexpr unsigned kMostPeriod = 240;

using Findings = std::vector<Finding>;

// --- What the platform refuses

// By its resource id, which says where it is.
bool environment_is_known(const Deployment& d) {
  return !d.environment.empty() && d.environment.front() == '/';
}

// --- Secrets: variables, files and the registry's password, each under a name of its own

struct Secret {
  std::string name;
  Placeholder value;
  std::string vault{};  // where the platform finds it; empty: `value` is filled in
  std::string option{};
};

constexpr const char* kRegistryPassword = "registry-password";

bool is_vault(std::string_view reference) {
  return reference.starts_with("https://");
}

std::string secret_name(const Variable& variable) {
  if (!variable.reference.empty() && !is_vault(variable.reference)) return variable.reference;
  std::string out;
  for (const char c : variable.name)
    out += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t first = out.find_first_not_of('-');
  if (first == std::string::npos) return "secret";
  return out.substr(first, out.find_last_not_of('-') - first + 1);
}

// Two variables may name one secret, which is then asked for once. Capitals keep it apart from the script's own names.
Secret secret_of_variable(const Variable& variable) {
  const bool in_vault = is_vault(variable.reference);
  const bool named = !variable.reference.empty() && !in_vault;
  return {secret_name(variable),
          {variable_part(named ? variable.reference : variable.name),
           named ? fmt::format("the value of the secret '{}'", variable.reference)
                 : fmt::format("the value of {} in the container", variable.name)},
          in_vault ? variable.reference : "",
          variable.option};
}

// The file keeps its name.
std::string file_secret(std::string file) {
  std::replace(file.begin(), file.end(), '.', '-');
  return file;
}

Secret secret_of_file(const Mount& mount, const std::string& file) {
  const std::string variable = "SECRET_" + variable_part(mount.name) + "_" + variable_part(file);
  Placeholder value{variable, fmt::format("what is in the file {}/{}", mount.path, file)};
  value.found_by = fmt::format("cat -- \"${{{}_FILE:?set it to the file that becomes {}/{}}}\"",
                               variable, mount.path, file);
  return {file_secret(file), std::move(value), "", mount.option};
}

std::vector<Secret> named_secrets(const Deployment& d) {
  std::vector<Secret> all;
  for (const Variable& variable : d.variables) {
    if (variable.secret) all.push_back(secret_of_variable(variable));
  }
  for (const Mount& mount : d.mounts) {
    if (mount.kind != Mount::Kind::secret) continue;
    for (const std::string& file : secret_files(mount)) all.push_back(secret_of_file(mount, file));
  }
  if (!d.registry_secret.empty()) {
    all.push_back({kRegistryPassword,
                   {"REGISTRY_PASSWORD",
                    fmt::format("the password of '{}' at {}", d.registry_secret, d.registry)},
                   "",
                   "--registry-user"});
  }
  return all;
}

const Secret* called(const std::vector<Secret>& secrets, const std::string& name) {
  const auto found = std::find_if(secrets.begin(), secrets.end(),
                                  [&](const Secret& secret) { return secret.name == name; });
  return found == secrets.end() ? nullptr : &*found;
}

// Each once.
std::vector<Secret> secrets(const Deployment& d) {
  std::vector<Secret> all;
  for (Secret& secret : named_secrets(d)) {
    if (called(all, secret.name) == nullptr) all.push_back(std::move(secret));
  }
  return all;
}

void check_vault(const Deployment& d, const Secret& secret, Findings& findings) {
  if (secret.vault.empty() || !d.registry_identity.empty()) return;
  findings.push_back(error(secret.option,
                           "it is read from a key vault, with an identity that nobody named",
                           "add --registry-identity RESOURCE-ID: it serves for both"));
}

void check_secrets(const Deployment& d, Findings& findings) {
  const std::vector<Secret> kept = secrets(d);
  for (const Secret& secret : named_secrets(d)) {
    check_vault(d, secret, findings);
    if (!is_label(secret.name, 1, kLongestSecret)) {
      findings.push_back(error(
          secret.option, "a secret is called by 1 to 63 of a-z, 0-9 and -, and this one is not",
          "give it one: --env-secret NAME=secret-name, a file token or cert.pem"));
    }
    const Secret& first = *called(kept, secret.name);
    if (first.value.what != secret.value.what || first.vault != secret.vault) {
      findings.push_back(
          error(secret.option,
                fmt::format("the secret '{}' is already that of {}", secret.name, first.option),
                "give it a name of its own: --env-secret NAME=secret-name"));
    }
  }
}

void check_name(const Deployment& d, Findings& findings) {
  const bool letter = !d.name.empty() && d.name.front() >= 'a' && d.name.front() <= 'z';
  if (letter && is_label(d.name, kShortestName, kLongestName) &&
      d.name.find("--") == std::string::npos)
    return;
  findings.push_back(
      error("--name",
            fmt::format("'{}' is no name for a container app: 2 to 32 of a-z, 0-9 and -, first a "
                        "letter, last no -, no two - in a row",
                        d.name),
            "write it like classify-pictures"));
}

void check_sizes(const Deployment& d, Findings& findings) {
  if (!(d.cpus > 0 && d.memory_gb > 0)) return;  // said already
  if (d.cpus > kMostCpus || !is_multiple(d.cpus, kCpuStep)) {
    findings.push_back(error("--cpus",
                             fmt::format("Container Apps has 0.25 to 4 CPUs in steps of 0.25, not "
                                         "{}",
                                         decimal(d.cpus)),
                             "choose one of these"));
    return;
  }
  const double fits = d.cpus * kGbOfCpu;
  if (std::abs(d.memory_gb - fits) > kNothing) {
    findings.push_back(error("--memory",
                             fmt::format("Container Apps has 2 GB a CPU: {} GB with {} CPUs, not "
                                         "{}",
                                         decimal(fits), decimal(d.cpus), decimal(d.memory_gb)),
                             fmt::format("write --memory {}, or other --cpus", decimal(fits))));
  }
  if (d.cpus > kMostCpusWithoutProfiles) {
    findings.push_back(note("--cpus",
                            "more than 2 CPUs are only in environments with workload profiles",
                            "make the environment with them, which is the usual kind"));
  }
}

bool has(const Deployment& d, Port::Door door) {
  return std::any_of(d.ports.begin(), d.ports.end(),
                     [&](const Port& port) { return port.door == door; });
}

void check_ports(const Deployment& d, Findings& findings) {
  for (const Port& port : d.ports) {
    if (port.tls) {
      findings.push_back(error("--tls-cert",
                               "the ingress speaks TLS with clients and plain HTTP with the "
                               "container, so a container with TLS is not understood",
                               "leave --tls-cert and --tls-key out"));
    }
    if (port.number < kFirstOpenPort) {
      findings.push_back(warning(port.option,
                                 fmt::format("port {} is below 1024, which a user who is not root "
                                             "may not be able to open",
                                             port.number),
                                 "use 8080; the ingress offers 443 in any case"));
    }
  }
  if (has(d, Port::Door::http) && has(d, Port::Door::grpc)) {
    findings.push_back(
        warning("--grpc",
                "the ingress offers one door as HTTP: gRPC beside it is a TCP port that only apps "
                "of the same environment get to",
                "for gRPC from outside make it the only door (--http 127.0.0.1:8080), or make two "
                "apps"));
  }
  if (has(d, Port::Door::grpc) && !has(d, Port::Door::http)) {
    findings.push_back(warning(
        "--http",
        "the platform's probes do not speak gRPC: they see a door that is open, and requests "
        "come while the model is still loading (UNAVAILABLE)",
        "leave --http at 0.0.0.0:8080, if clients can do with HTTP"));
  }
  if (!d.ports.empty() && d.item_timeout_seconds > kIngressSeconds) {
    findings.push_back(warning("--timeout",
                               fmt::format("the ingress gives up a request after 240 s, an attempt "
                                           "may take {:g} s",
                                           d.item_timeout_seconds),
                               "stay below 240s, all attempts together"));
  }
}

void check_mount(const Mount& mount, Findings& findings) {
  const auto refuse = [&](std::string rule, std::string fix) {
    findings.push_back(error(mount.option, std::move(rule), std::move(fix)));
  };
  if (!is_label(mount.name, 1, kLongestVolume)) {
    refuse(fmt::format("'{}' is no name of a volume: 1 to 63 of a-z, 0-9 and -", mount.name),
           "write it like models");
  }
  if (mount.kind == Mount::Kind::claim || mount.kind == Mount::Kind::configmap) {
    refuse(fmt::format("Container Apps has no {}", word(mount.kind)),
           "it has azurefile:STORAGE, secret:NAME and empty");
  }
  if (mount.kind == Mount::Kind::azurefile) {
    if (mount.source.empty() || mount.source.find('/') != std::string::npos) {
      refuse(fmt::format("'{}' is no name of a storage of the environment", mount.source),
             "the account and the share are said once, with `az containerapp env storage set "
             "--storage-name NAME ...`; write azurefile:NAME");
    }
    if (mount.read_only) {
      findings.push_back(note(mount.option,
                              "read-only is a matter of the storage here, not of the mount",
                              "define the storage with --access-mode ReadOnly"));
    }
  }
}

// The platform stands on Kubernetes, which puts variables in place of $(NAME).
void check_words(const Deployment& d, Findings& findings) {
  for (const std::string& word : d.words) {
    if (word.find("$(") == std::string::npos) continue;
    findings.push_back(
        warning(word, "the platform may take $(...) for a variable", "write it without"));
  }
}

void check_environment(const Deployment& d, Findings& findings) {
  const std::string& given = d.environment;
  if (given.empty()) return;
  const bool plain = given.size() <= kLongestEnvironment &&
                     std::all_of(given.begin(), given.end(),
                                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
  if (environment_is_known(d) ? is_resource_id(given, "/managedEnvironments/") : plain) return;
  findings.push_back(error("--environment",
                           fmt::format("'{}' is no environment of Container Apps", given),
                           "write its name, or what az containerapp env show --query id prints"));
}

void check_replicas(const Deployment& d, Findings& findings) {
  const unsigned most = d.most_replicas.value_or(std::max(1U, d.replicas));
  if (most < d.replicas) {
    findings.push_back(error("--max-replicas",
                             fmt::format("{} is less than the {} of --replicas", most, d.replicas),
                             "raise the one or lower the other"));
  }
  if (most > kMostReplicas || most == 0) {
    findings.push_back(
        error(d.most_replicas ? "--max-replicas" : "--replicas",
              fmt::format("an app has 1 to {} replicas at most, not {}", kMostReplicas, most),
              "ask for less"));
  }
  if (d.work == Work::server && d.replicas == 0) {
    findings.push_back(warning("--replicas",
                               "with 0 the first request after a pause waits until a container is "
                               "there and has loaded its model",
                               "write --replicas 1 where that takes too long"));
  }
  if (d.concurrency && most == d.replicas) {
    findings.push_back(error("--concurrency", "there is nothing to scale: --replicas says how many",
                             "add --max-replicas N"));
  }
}

void check_deadline(const Deployment& d, Findings& findings) {
  if (!d.deadline_seconds || *d.deadline_seconds <= kMostJobSeconds) return;
  findings.push_back(error("--deadline",
                           fmt::format("the platform counts to {:.0f} seconds", kMostJobSeconds),
                           "write it like 6h"));
}

void check_restart(const Deployment& d, Findings& findings) {
  if (d.restart.empty()) return;
  findings.push_back(error("--restart", "Container Apps has no such choice",
                           "leave it out: an app always restarts, and --retries says how often a "
                           "job is tried again"));
}

// --- Probes within their bounds

unsigned rounded_up(unsigned value, unsigned by) {
  return (value + by - 1) / by;
}

ProbeTimes within_bounds(ProbeTimes times) {
  times.initial_delay = std::min(times.initial_delay, kMostDelay);
  times.timeout = std::min(times.timeout, kMostPeriod);
  if (times.failures > kMostFailures) {
    const unsigned all = times.period * times.failures;
    times.period = rounded_up(all, kMostFailures);
    times.failures = kMostFailures;
    times.why += fmt::format("; here as {} looks, {} s apart, for the platform takes no more looks",
                             times.failures, times.period);
  }
  times.period = std::clamp(times.period, 1U, kMostPeriod);
  return times;
}

unsigned seconds_in_all(const ProbeTimes& times) {
  return times.initial_delay + times.period * times.failures;
}

void check_probes(const Deployment& d, Findings& findings) {
  if (probed_port(d) == nullptr) return;
  const ProbeTimes wanted = startup_probe(d);
  const ProbeTimes possible = within_bounds(wanted);
  if (seconds_in_all(possible) < seconds_in_all(wanted)) {
    findings.push_back(
        error("--load-time",
              fmt::format("a start is given up after {} s at most, and loading may take {} s",
                          seconds_in_all(possible), seconds_in_all(wanted)),
              "choose a smaller model for this platform, or a platform without this bound"));
  }
  if (termination_seconds(d) > kMostGraceSeconds) {
    findings.push_back(error("--grace",
                             fmt::format("the platform waits {} s at most after SIGTERM, and {} s "
                                         "are asked for",
                                         kMostGraceSeconds, termination_seconds(d)),
                             "write --grace 590s or less"));
  }
}

// --- What the platform is given

void add_secrets(const Deployment& d, std::vector<Node>& configuration) {
  std::vector<Node> nodes;
  for (const Secret& secret : secrets(d)) {
    if (secret.vault.empty()) {
      nodes.push_back(mapping("", {text("name", secret.name), placeholder("value", secret.value)}));
    } else {
      nodes.push_back(mapping("", {text("name", secret.name), text("keyVaultUrl", secret.vault),
                                   text("identity", d.registry_identity)}));
    }
  }
  if (!nodes.empty()) {
    configuration.push_back(
        list("secrets", std::move(nodes), "values are filled in when it is created, never before"));
  }
}

void add_registry(const Deployment& d, std::vector<Node>& configuration) {
  if (d.registry_identity.empty() && d.registry_secret.empty()) return;
  std::vector<Node> one{text("server", d.registry)};
  if (!d.registry_identity.empty()) {
    one.push_back(text("identity", d.registry_identity, "pulls the image; no password anywhere"));
  } else {
    one.push_back(text("username", d.registry_secret, "--registry-user"));
    one.push_back(text("passwordSecretRef", kRegistryPassword));
  }
  configuration.push_back(
      list("registries", {mapping("", std::move(one))}, "where the image comes from"));
}

Node identity(const Deployment& d) {
  return mapping("identity",
                 {text("type", "UserAssigned", "only such a one can pull the first image"),
                  mapping("userAssignedIdentities", {mapping(d.registry_identity, {})})},
                 "--registry-identity");
}

Node environment_variables(const Deployment& d) {
  std::vector<Variable> all = sizes(d, d.memory_gb * 1024, 0, "");
  all.insert(all.end(), d.variables.begin(), d.variables.end());
  std::vector<Node> nodes;
  for (const Variable& variable : all) {
    nodes.push_back(mapping(
        "",
        {text("name", variable.name), variable.secret ? text("secretRef", secret_name(variable))
                                                      : text("value", variable.value)},
        variable.why));
  }
  return list("env", std::move(nodes));
}

Node probe(const char* type, const Port& port, const char* path, const ProbeTimes& asked) {
  const ProbeTimes times = within_bounds(asked);
  std::vector<Node> all{text("type", type)};
  all.push_back(port.door == Port::Door::http
                    ? mapping("httpGet", {text("path", path), number("port", port.number),
                                          text("scheme", "HTTP")})
                    : mapping("tcpSocket", {number("port", port.number)}));
  if (times.initial_delay > 0) all.push_back(number("initialDelaySeconds", times.initial_delay));
  all.push_back(number("periodSeconds", times.period));
  all.push_back(number("timeoutSeconds", times.timeout));
  all.push_back(number("failureThreshold", times.failures));
  return mapping("", std::move(all), times.why);
}

void add_probes(const Deployment& d, std::vector<Node>& container) {
  const Port* port = probed_port(d);
  if (port == nullptr) return;
  container.push_back(
      list("probes", {probe("Startup", *port, kReadyPath, startup_probe(d)),
                      probe("Readiness", *port, kReadyPath, readiness_probe(d)),
                      probe("Liveness", *port, kLivePath, liveness_probe(d, true))}));
}

Node container(const Deployment& d) {
  std::vector<Node> all{
      text("name", kContainer, "what logs and replicas call it"), text("image", d.image, "--image"),
      words("args", d.words, "follow the image's own program, headrace"),
      mapping("resources",
              {number("cpu", d.cpus), text("memory", fmt::format("{:g}Gi", d.memory_gb))},
              "one of the platform's pairs: 2 Gi a CPU. Both are limits as well"),
      environment_variables(d)};
  add_probes(d, all);
  if (!d.mounts.empty()) {
    std::vector<Node> mounts;
    for (const Mount& mount : d.mounts)
      mounts.push_back(mapping("", {text("volumeName", mount.name), text("mountPath", mount.path)},
                               mount.option));
    all.push_back(list("volumeMounts", std::move(mounts)));
  }
  return mapping("", std::move(all));
}

Node volume(const Mount& mount) {
  std::vector<Node> all{text("name", mount.name)};
  if (mount.kind == Mount::Kind::azurefile) {
    all.push_back(text("storageType", "AzureFile"));
    all.push_back(text("storageName", mount.source,
                       "of the environment, which knows the account, the share and the key"));
  } else if (mount.kind == Mount::Kind::secret) {
    all.push_back(text("storageType", "Secret"));
    std::vector<Node> files;
    for (const std::string& file : secret_files(mount))
      files.push_back(mapping("", {text("secretRef", file_secret(file)), text("path", file)}));
    all.push_back(list("secrets", std::move(files)));
  } else {
    all.push_back(text("storageType", "EmptyDir", "gone with the replica"));
  }
  return mapping("", std::move(all), mount.option);
}

void add_volumes(const Deployment& d, std::vector<Node>& part) {
  if (d.mounts.empty()) return;
  std::vector<Node> volumes;
  for (const Mount& mount : d.mounts) volumes.push_back(volume(mount));
  part.push_back(list("volumes", std::move(volumes)));
}

// HTTP before gRPC, as with probes.
Node ingress(const Deployment& d) {
  const Port& main = *probed_port(d);
  const bool http = main.door == Port::Door::http;
  std::vector<Node> all{
      flag("external", d.open_to_all,
           d.open_to_all ? "--public: an address that the internet gets to"
                         : "only the environment gets to it"),
      number("targetPort", main.number, main.option),
      text("transport", http ? "http" : "http2",
           http ? "what the container speaks; with clients it speaks HTTP/2 as well"
                : "gRPC needs HTTP/2 all the way"),
      flag("allowInsecure", false, "clients speak TLS with the ingress")};
  std::vector<Node> more;
  for (const Port& port : d.ports) {
    if (&port == &main) continue;
    more.push_back(
        mapping("", {flag("external", false), number("targetPort", port.number)}, port.option));
  }
  if (!more.empty())
    all.push_back(list("additionalPortMappings", std::move(more), "TCP, for the environment only"));
  return mapping("ingress", std::move(all));
}

Node scale(const Deployment& d) {
  const unsigned most = d.most_replicas.value_or(std::max(1U, d.replicas));
  std::vector<Node> all{
      number("minReplicas", d.replicas, "--replicas"),
      number("maxReplicas", most, d.most_replicas ? "--max-replicas" : "no more than that")};
  if (most > d.replicas && !d.ports.empty()) {
    const auto usual = static_cast<unsigned>(2 * std::ceil(d.cpus));
    const std::string concurrent = std::to_string(d.concurrency.value_or(usual));
    const Node rule =
        mapping("",
                {text("name", "requests"),
                 mapping("http", {mapping("metadata", {text("concurrentRequests", concurrent)})})},
                d.concurrency ? "--concurrency"
                              : "two requests a CPU: one that is worked on, one that waits");
    all.push_back(list("rules", {rule}));
  }
  return mapping("scale", std::move(all));
}

Node app_configuration(const Deployment& d) {
  std::vector<Node> all{text("activeRevisionsMode", "Single",
                             "a new revision takes over when it is ready, and the old one ends")};
  if (probed_port(d) != nullptr) all.push_back(ingress(d));
  add_registry(d, all);
  add_secrets(d, all);
  return mapping("configuration", std::move(all));
}

Node app_template(const Deployment& d) {
  std::vector<Node> all{number("terminationGracePeriodSeconds", termination_seconds(d),
                               "--grace for what was admitted, and some seconds to leave; SIGTERM "
                               "goes to every process here, and workers leave it to the server"),
                        list("containers", {container(d)}), scale(d)};
  add_volumes(d, all);
  return mapping("template", std::move(all));
}

Node job_configuration(const Deployment& d) {
  const double seconds = std::ceil(d.deadline_seconds.value_or(kJobSeconds));
  std::vector<Node> all{
      text("triggerType", "Manual", "nothing runs until it is started"),
      number("replicaTimeout", seconds,
             d.deadline_seconds ? "--deadline"
                                : "the platform asks for a bound: a day, as none was given"),
      number("replicaRetryLimit", d.retries.value_or(kRetries),
             "each try goes on where the last one stopped"),
      mapping("manualTriggerConfig",
              {number("parallelism", 1, "two containers must never write the same results"),
               number("replicaCompletionCount", 1, "and one does the whole job")})};
  add_registry(d, all);
  add_secrets(d, all);
  return mapping("configuration", std::move(all));
}

Node job_template(const Deployment& d) {
  std::vector<Node> all{list("containers", {container(d)})};
  add_volumes(d, all);
  return mapping("template", std::move(all));
}

// --- The files

Placeholder environment_id(const Deployment& d) {
  Placeholder asked{"ENVIRONMENT_ID", "the resource id of the Container Apps environment", false};
  if (d.environment.empty()) return asked;
  asked.otherwise =
      fmt::format("resourceId('Microsoft.App/managedEnvironments', {})", bicep_text(d.environment));
  asked.found_by = fmt::format(
      "az containerapp env show --resource-group \"$RESOURCE_GROUP\" --name {} --query id --output "
      "tsv",
      shell_text(d.environment));
  return asked;
}

// The environment's, where it is known: an app elsewhere than its environment is refused.
std::string location_found_by(const Deployment& d) {
  if (environment_is_known(d))
    return fmt::format("az resource show --ids {} --query location --output tsv",
                       shell_text(d.environment));
  if (d.environment.empty()) return kLocationOfGroup;
  return fmt::format(
      "az containerapp env show --resource-group \"$RESOURCE_GROUP\" --name {} --query location "
      "--output tsv",
      shell_text(d.environment));
}

const char* symbol_of(const Deployment& d) {
  return d.work == Work::job ? "job" : "app";
}

Node tree(const Deployment& d, bool for_bicep) {
  const bool is_job = d.work == Work::job;
  std::vector<Node> properties{
      environment_is_known(d)
          ? text("environmentId", d.environment, "--environment")
          : placeholder("environmentId", environment_id(d),
                        "apps and jobs of one environment share its network and its logs")};
  if (d.cpus > kMostCpusWithoutProfiles) {
    properties.push_back(
        text("workloadProfileName", "Consumption", "the profile that has more than 2 CPUs"));
  }
  properties.push_back(is_job ? job_configuration(d) : app_configuration(d));
  properties.push_back(is_job ? job_template(d) : app_template(d));
  std::vector<Node> all{text("type", is_job ? "Microsoft.App/jobs" : "Microsoft.App/containerApps",
                             is_job ? "ends by itself" : "there until it is deleted")};
  if (for_bicep) all.push_back(text("apiVersion", kApiVersion));
  all.push_back(text("name", d.name, "--name"));
  all.push_back(azure_location(d, location_found_by(d)));
  if (!d.registry_identity.empty()) all.push_back(identity(d));
  all.push_back(mapping("properties", std::move(properties)));
  return mapping("", std::move(all));
}

std::vector<std::string> heading(const Deployment& d, const std::string& use,
                                 const std::vector<Placeholder>& asked, bool names_variables) {
  const char* what = d.work == Work::job ? "a job" : "an app";
  std::vector<std::string> all{
      fmt::format("{}: {} for Azure Container Apps, made by headrace deploy", d.name, what),
      "  " + shown_command(d), "", use};
  for (const Placeholder& one : asked) {
    all.push_back(
        fmt::format("  {}: {}", names_variables ? one.name : parameter_name(one.name), one.what));
  }
  bool first = true;
  for (const Mount& mount : d.mounts) {
    if (mount.kind != Mount::Kind::azurefile) continue;
    if (first) all.emplace_back("The environment must have these storages already:");
    first = false;
    all.push_back(
        fmt::format("  az containerapp env storage set --storage-name {} --access-mode {} \\",
                    mount.source, mount.read_only ? "ReadOnly" : "ReadWrite"));
    all.emplace_back(
        "    --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \\");
    all.emplace_back("    --azure-file-share-name SHARE --azure-file-account-key KEY");
  }
  if (d.work == Work::job)
    all.emplace_back(
        "The log of an execution that has ended is in the environment's Log Analytics workspace, "
        "if it "
        "has one.");
  return all;
}

const char* command_of(const Deployment& d) {
  return d.work == Work::job ? "az containerapp job" : "az containerapp";
}

std::string yaml_file(const Deployment& d, bool explain) {
  const Node all = tree(d, false);
  const std::vector<Placeholder> asked = placeholders(all);
  const std::string use = fmt::format(
      "{} create --resource-group GROUP --name {} --yaml {}.yaml{}", command_of(d), d.name, d.name,
      asked.empty()
          ? ""
          : ", once these are filled in (in a copy; the script that --as az prints does it):");
  return yaml(all, heading(d, use, asked, true), explain);
}

std::string bicep_file(const Deployment& d, bool explain) {
  const Node all = tree(d, true);
  const std::vector<Placeholder> asked = placeholders(all);
  const bool is_job = d.work == Work::job;
  std::vector<std::string> outputs{fmt::format("output id string = {}.id", symbol_of(d))};
  if (!is_job && probed_port(d) != nullptr)
    outputs.emplace_back("output address string = app.properties.configuration.ingress.fqdn");
  const std::string use =
      fmt::format("az deployment group create --resource-group GROUP --template-file {}.bicep{}",
                  d.name, asked.empty() ? "" : " --parameters NAME=VALUE ...; it takes:");
  return bicep(all, symbol_of(d), heading(d, use, asked, false), outputs, explain);
}

constexpr const char* kApp = R"sh(
follow() {  # the log of one replica, until this is interrupted
  az containerapp logs show --resource-group "$RESOURCE_GROUP" --name "$name" --follow
}

in_vain=0
not_known() {  # what az could not say; ends the script when that goes on
  if ((++in_vain < 10)); then return; fi
  printf '%s: nobody says how it is\n' "$name" >&2
  exit 3
}

wait_for_start() {  # until its newest revision is ready; prints its address
  local answer latest='' ready='' state=''
  while true; do
    if answer=$(az containerapp show --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
      '[[properties.latestRevisionName, properties.latestReadyRevisionName]]'); then
      IFS=$'\t' read -r latest ready <<<"$answer" || true
    fi
    if [[ $latest == None ]]; then latest=''; fi  # as az writes nothing
    if [[ -n $latest && $latest == "$ready" ]]; then break; fi
    if [[ -n $latest ]] && state=$(az containerapp revision show --resource-group "$RESOURCE_GROUP" --name "$name" \
      --revision "$latest" --query properties.runningState --output tsv); then
      in_vain=0
    else
      not_known
    fi
    if [[ $state == Failed || $state == Degraded ]]; then
      printf '%s is %s; its containers and restarts:\n' "$latest" "$state" >&2
      az containerapp replica list --resource-group "$RESOURCE_GROUP" --name "$name" --output table --query \
        '[].properties.containers[].{name: name, state: runningState, why: runningStateDetails, restarts: restartCount}' >&2
      return 3
    fi
    sleep "${SECONDS_BETWEEN_LOOKS:-10}"
  done
  az containerapp show --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
    properties.configuration.ingress.fqdn
}

delete() {  # and nothing is paid for any more; shares stay
  az containerapp delete --resource-group "$RESOURCE_GROUP" --name "$name" --yes --output none
}

case ${1:-all} in
  create) create ;;
  follow) follow ;;
  wait) wait_for_start ;;
  delete) delete ;;
  all)
    create
    wait_for_start
    ;;
  *)
    printf 'usage: %s [create|follow|wait|delete]\n' "$0" >&2
    exit 2
    ;;
esac
)sh";

constexpr const char* kJob = R"sh(
start() {  # prints what this execution is called
  az containerapp job start --resource-group "$RESOURCE_GROUP" --name "$name" --query name --output tsv
}

newest() {
  az containerapp job execution list --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
    'sort_by(@, &properties.startTime)[-1].name'
}

in_vain=0
state=''
has_ended() {  # whether an execution has; sets state
  if state=$(az containerapp job execution show --resource-group "$RESOURCE_GROUP" --name "$name" \
    --job-execution-name "$1" --query properties.status --output tsv); then
    in_vain=0
  elif ((++in_vain == 10)); then
    printf '%s: nobody says how it is\n' "$1" >&2
    exit 3
  fi
  case $state in
    Succeeded | Failed | Stopped | Degraded) return 0 ;;
  esac
  return 1
}

follow() {  # the log of an execution, as soon as it has a container and until that ends
  until az containerapp job logs show --resource-group "$RESOURCE_GROUP" --name "$name" --execution "$1" \
    --container headrace --follow; do
    if has_ended "$1"; then
      printf '%s: it has ended; its log is in Log Analytics\n' "$1" >&2
      return
    fi
    sleep "${SECONDS_BETWEEN_LOOKS:-10}"
  done
}

wait_for_end() {  # of an execution; the platform says whether it succeeded, the log with which exit code
  until has_ended "$1"; do sleep "${SECONDS_BETWEEN_LOOKS:-10}"; done
  printf '%s: %s\n' "$1" "$state"
  if [[ $state != Succeeded ]]; then return 3; fi
}

delete() {  # shares stay
  az containerapp job delete --resource-group "$RESOURCE_GROUP" --name "$name" --yes --output none
}

case ${1:-all} in
  create) create ;;
  start) start ;;
  follow) follow "${2:-$(newest)}" ;;
  wait) wait_for_end "${2:-$(newest)}" ;;
  delete) delete ;;
  all)
    create
    execution=$(start)
    follow "$execution"
    wait_for_end "$execution"
    ;;
  *)
    printf 'usage: %s [create|start|follow|wait|delete] [EXECUTION]\n' "$0" >&2
    exit 2
    ;;
esac
)sh";

std::string script_file(const Deployment& d) {
  const std::vector<Placeholder> asked = placeholders(tree(d, false));
  const bool is_job = d.work == Work::job;
  const std::string use =
      fmt::format("{0}.sh [{1}]; without a word: {2}. {0}.yaml lies beside it.{3}", d.name,
                  is_job ? "create|start|follow|wait|delete" : "create|follow|wait|delete",
                  is_job ? "create, start, follow, wait" : "create, wait",
                  asked.empty() ? "" : " It asks for what is not set:");
  std::string out = script_opening(heading(d, use, asked, true));
  out += d.resource_group.empty()
             ? std::string(
                   ": \"${RESOURCE_GROUP:?set it to the resource group that it shall be in}\"\n")
             : "RESOURCE_GROUP=" + shell_text(d.resource_group) + "\n";
  out += "name=" + shell_text(d.name) + "\n\n";
  const std::string create = fmt::format(
      "{} create --resource-group \"$RESOURCE_GROUP\" --name \"$name\" --yaml \"$filled\" "
      "--output none\n",
      command_of(d));
  out += script_function("create",
                         script_values(asked) + script_filled(d.name + ".yaml", asked, create));
  return out + (is_job ? kJob : kApp);
}

}  // namespace

std::vector<Finding> check(const Deployment& d) {
  Deployment as_clients_see_it = d;  // the ingress speaks TLS with them
  for (Port& port : as_clients_see_it.ports) port.tls = true;
  Findings findings = check_everywhere(as_clients_see_it);
  check_name(d, findings);
  check_sizes(d, findings);
  check_ports(d, findings);
  for (const Mount& mount : d.mounts) check_mount(mount, findings);
  check_secrets(d, findings);
  check_words(d, findings);
  check_azure(d, findings);
  check_environment(d, findings);
  check_replicas(d, findings);
  check_restart(d, findings);
  check_deadline(d, findings);
  check_probes(d, findings);
  if (d.retries.value_or(kRetries) > 0) warn_of_strict(d, findings);
  if (!any_error(findings)) check_placeholders(tree(d, true), symbol_of(d), findings);
  return findings;
}

std::vector<File> files(const Deployment& d, bool explain) {
  return {{.form = Form::yaml, .name = d.name + ".yaml", .text = yaml_file(d, explain)},
          {.form = Form::bicep, .name = d.name + ".bicep", .text = bicep_file(d, explain)},
          {.form = Form::az, .name = d.name + ".sh", .text = script_file(d)}};
}

}  // namespace headrace::deploy::container_apps
