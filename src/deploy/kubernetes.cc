#include "deploy/kubernetes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>
#include <utility>

#include "deploy/document.h"

namespace headrace::deploy::kubernetes {
namespace {

constexpr const char* kContainer = "headrace";
constexpr const char* kLabel = "app.kubernetes.io/name";
constexpr const char* kComponent = "app.kubernetes.io/component";
// Until nobody sends requests to a pod that leaves: that is said to the nodes at the same time as SIGTERM to the pod.
constexpr unsigned kWithdrawnSeconds = 5;
// The user of the image. Any number but root's would do: the program needs no entry in /etc/passwd.
constexpr unsigned kUser = 65532;
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 253;
constexpr double kFewestCpus = 0.01;
constexpr double kCpuStep = 0.001;
constexpr double kFewestMib = 128;
constexpr unsigned kRetries = 6;            // what a cluster takes by itself
constexpr unsigned kProgressSeconds = 600;  // the same: until a rollout counts as stuck
constexpr unsigned kFirstOpenPort = 1024;
// A virtual node makes the pod a container group of Azure Container Instances.
constexpr double kMostVirtualCpus = 31;
constexpr double kMostVirtualGb = 240;
constexpr double kKeptByVirtualMachineMib = 75;

using Findings = std::vector<Finding>;

// --- What a cluster refuses

bool is_name(std::string_view name) {
  return is_label(name, 1, kLongestLabel);
}

// Labels with dots between them: the names of claims, secrets and the like.
bool is_subdomain(std::string_view name) {
  if (name.size() > kLongestName) return false;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    if (!is_name(name.substr(0, dot))) return false;
    name.remove_prefix(dot + 1);
  }
  return is_name(name);
}

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kLongestName &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                  c == '.';
         });
}

void check_name(const Deployment& d, Findings& findings) {
  const bool letter = !d.name.empty() && d.name.front() >= 'a' && d.name.front() <= 'z';
  if (is_name(d.name) && (letter || d.work == Work::job)) return;
  findings.push_back(error(
      "--name",
      fmt::format("'{}' is no name for {}: 1 to 63 of a-z, 0-9 and -, {}", d.name,
                  d.work == Work::job ? "a Job" : "a Service",
                  d.work == Work::job ? "neither first nor last a -" : "first a letter, last no -"),
      "write it like classify-pictures"));
}

void check_object_name(const std::string& name, const char* what, const std::string& option,
                       Findings& findings) {
  if (is_subdomain(name)) return;
  findings.push_back(error(option,
                           fmt::format("'{}' is no name of {}: a-z, 0-9, - and ., first and last "
                                       "a letter or digit, 253 at most",
                                       name, what),
                           "name one that is in the cluster (kubectl get ...)"));
}

// Whole ones, which is what the file says.
double memory_mib(const Deployment& d) {
  return std::floor(d.memory_gb * 1024);
}

// What Headrace itself does not take for a container.
void check_sizes(const Deployment& d, Findings& findings) {
  if (d.cpus > 0 && (d.cpus < kFewestCpus || !is_multiple(d.cpus, kCpuStep))) {
    findings.push_back(error(
        "--cpus",
        fmt::format("{} CPUs: a container has {} or more, in thousandths", d.cpus, kFewestCpus),
        "write it like 2 or 1.5"));
  }
  if (d.memory_gb > 0 && memory_mib(d) < kFewestMib) {
    findings.push_back(error("--memory",
                             fmt::format("{} GB are too little for a worker: {} MiB at the least",
                                         decimal(d.memory_gb), kFewestMib),
                             "write it like 2 or 0.5"));
  }
}

void check_virtual_node(const Deployment& d, Findings& findings) {
  if (!d.virtual_node) return;
  if (d.cpus > kMostVirtualCpus) {
    findings.push_back(error(
        "--cpus",
        fmt::format("a virtual node has {} CPUs a pod at most, not {}", kMostVirtualCpus, d.cpus),
        "ask for less, or leave --virtual-node out"));
  }
  if (d.memory_gb > kMostVirtualGb) {
    findings.push_back(error(
        "--memory",
        fmt::format("a virtual node has {} GB a pod at most, not {}", kMostVirtualGb, d.memory_gb),
        "ask for less, or leave --virtual-node out"));
  }
}

void check_mount(const Mount& mount, Findings& findings) {
  const auto refuse = [&](std::string rule, std::string fix) {
    findings.push_back(error(mount.option, std::move(rule), std::move(fix)));
  };
  if (!is_name(mount.name)) {
    refuse(fmt::format("'{}' is no name of a volume: 1 to 63 of a-z, 0-9 and -", mount.name),
           "write it like models");
  }
  switch (mount.kind) {
    case Mount::Kind::azurefile:
      refuse("a pod mounts a share of Azure Files through a claim",
             fmt::format("make a PersistentVolumeClaim of the class azurefile-csi and write "
                         "--mount {}=claim:NAME:{}",
                         mount.name, mount.path));
      break;
    case Mount::Kind::claim:
      check_object_name(mount.source, "a PersistentVolumeClaim", mount.option, findings);
      break;
    case Mount::Kind::secret:
      check_object_name(mount.source, "a Secret", mount.option, findings);
      break;
    case Mount::Kind::configmap:
      check_object_name(mount.source, "a ConfigMap", mount.option, findings);
      break;
    case Mount::Kind::empty:
      break;
  }
}

bool writable(const Mount& mount) {
  const bool files = mount.kind == Mount::Kind::claim || mount.kind == Mount::Kind::empty;
  return files && !mount.read_only;
}

// The root of the container cannot be written to, so what is a warning elsewhere cannot work here.
void check_written(const Deployment& d, Findings& findings) {
  for (const Path& path : d.paths) {
    if (path.use != Path::Use::written || mount_of(d, path.path) != nullptr) continue;
    std::erase_if(findings, [&](const Finding& finding) {
      return finding.option == path.option && finding.rule.starts_with(path.path);
    });
    const std::string plain = plain_path(path.path);
    const std::string folder = plain.substr(0, plain.rfind('/'));
    findings.push_back(
        error(path.option,
              fmt::format("{} lies in no --mount, and the container's own files are "
                          "read-only",
                          path.path),
              fmt::format("--mount results=claim:NAME:{}", folder.empty() ? "/out" : folder)));
  }
}

void check_ports(const Deployment& d, Findings& findings) {
  for (const Port& port : d.ports) {
    if (port.number < kFirstOpenPort) {
      findings.push_back(warning(
          port.option,
          fmt::format("port {} is below 1024, which a user who is not root may not open on every "
                      "cluster",
                      port.number),
          "use 8080; a Service or an Ingress can offer another number"));
    }
    const bool several = d.replicas > 1 || d.most_replicas.value_or(1) > 1;
    if (port.door == Port::Door::grpc && several) {
      findings.push_back(
          note(port.option,
               "a gRPC client keeps one connection, and a Service deals out connections: one "
               "client then works with one replica",
               "balance in the client or in a mesh, or offer HTTP"));
    }
  }
}

void check_secrets(const Deployment& d, Findings& findings) {
  for (const Variable& variable : d.variables) {
    if (!variable.secret || variable.reference.empty()) continue;
    const std::size_t slash = variable.reference.find('/');
    const bool two = slash != std::string::npos;
    if (two && is_subdomain(std::string_view(variable.reference).substr(0, slash)) &&
        is_key(std::string_view(variable.reference).substr(slash + 1)))
      continue;
    findings.push_back(
        error(variable.option, "what follows the = is no reference to a secret of a cluster",
              fmt::format("write {}=SECRET/KEY: the name of the Secret and the key in it",
                          variable.name)));
  }
}

void check_restart(const Deployment& d, Findings& findings) {
  if (d.restart.empty()) return;
  const bool fits = d.work == Work::server ? d.restart == "Always"
                                           : d.restart == "Never" || d.restart == "OnFailure";
  if (fits) return;
  findings.push_back(
      error("--restart",
            d.work == Work::server
                ? fmt::format("a Deployment restarts Always, not '{}'", d.restart)
                : fmt::format("a Job restarts Never (by a new pod) or OnFailure (in the pod), not "
                              "'{}'",
                              d.restart),
            "leave it out: what fits is chosen"));
}

void check_replicas(const Deployment& d, Findings& findings) {
  if (d.most_replicas && *d.most_replicas < d.replicas) {
    findings.push_back(
        error("--max-replicas",
              fmt::format("{} is less than the {} of --replicas", *d.most_replicas, d.replicas),
              "raise the one or lower the other"));
  }
  if (d.work == Work::server && !d.most_replicas && d.replicas == 0) {
    findings.push_back(warning("--replicas", "with 0 nothing runs until somebody raises it",
                               "write --replicas 1"));
  }
  if (d.most_replicas && d.replicas == 0) {
    findings.push_back(error("--replicas", "an autoscaler keeps one replica at least, not 0",
                             "write --replicas 1"));
  }
}

// --- What a cluster is given

// In arguments and values a cluster puts variables in place of $(NAME), and $ in place of $$.
std::string unexpanded(const std::string& given) {
  std::string out;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char next = i + 1 < given.size() ? given[i + 1] : ' ';
    out += given[i] == '$' && (next == '$' || next == '(') ? "$$" : given.substr(i, 1);
  }
  return out;
}

std::vector<std::string> arguments(const Deployment& d) {
  std::vector<std::string> all;
  for (const std::string& word : d.words) all.push_back(unexpanded(word));
  return all;
}

std::string cpu_text(double cpus) {
  const double thousandths = std::round(cpus * 1000);
  if (std::fmod(thousandths, 1000) == 0) return fmt::format("{:.0f}", thousandths / 1000);
  return fmt::format("{:.0f}m", thousandths);
}

// A Job and a Deployment of one name have different pods, or a Service would send requests to those of the Job.
std::vector<Node> labels(const Deployment& d) {
  return {text(kLabel, d.name), text(kComponent, d.work == Work::job ? "job" : "server")};
}

bool waits_to_be_withdrawn(const Deployment& d) {
  return !d.ports.empty() && !d.virtual_node;
}

Node metadata(const Deployment& d) {
  std::vector<Node> all{text("name", d.name, "--name")};
  if (!d.kube_namespace.empty()) all.push_back(text("namespace", d.kube_namespace, "--namespace"));
  all.push_back(mapping("labels", labels(d), "what all of its objects have"));
  return mapping("metadata", std::move(all));
}

Node selected(const Deployment& d, const char* key) {
  return mapping(key, labels(d));
}

Node secret_variable(const Deployment& d, const Variable& variable) {
  const std::size_t slash = variable.reference.find('/');
  const bool said = !variable.reference.empty();
  const std::string secret = said ? variable.reference.substr(0, slash) : d.name;
  const std::string key = said ? variable.reference.substr(slash + 1) : variable.name;
  return mapping("valueFrom", {mapping("secretKeyRef", {text("name", secret), text("key", key)})});
}

Node environment(const Deployment& d) {
  const double kept_back = d.virtual_node ? kKeptByVirtualMachineMib : 0;
  std::vector<Variable> all =
      sizes(d, memory_mib(d), kept_back,
            d.virtual_node ? "the virtual machine around the pod keeps 75 MiB" : "");
  all.insert(all.end(), d.variables.begin(), d.variables.end());
  std::vector<Node> nodes;
  for (const Variable& variable : all) {
    nodes.push_back(mapping(
        "",
        {text("name", variable.name), variable.secret ? secret_variable(d, variable)

                                                      : text("value", unexpanded(variable.value))},
        variable.why));
  }
  return list("env", std::move(nodes));
}

Node resources(const Deployment& d) {
  const auto both = [&](const char* key, const char* cpu_why, const char* memory_why) {
    return mapping(key, {text("cpu", cpu_text(d.cpus), cpu_why),
                         text("memory", fmt::format("{:.0f}Mi", memory_mib(d)), memory_why)});
  };
  return mapping(
      "resources",
      {both("requests", "", ""),
       both(
           "limits", "a quota: what runs beyond it is throttled, so the plan keeps to it",
           "a limit: beyond it the kernel kills. From Kubernetes 1.28 on it kills all processes of "
           "the container together (memory.oom.group), so the plan and the governor keep below "
           "it")},
      "requests equal to limits: the pod is of the class Guaranteed, which is evicted last");
}

Node container_security() {
  return mapping("securityContext",
                 {flag("allowPrivilegeEscalation", false, "nothing in it becomes another user"),
                  flag("readOnlyRootFilesystem", true, "nothing is written but into mounts"),
                  mapping("capabilities", {words("drop", {"ALL"})},
                          "the program needs none, and neither does the sandbox of its workers")});
}

Node pod_security(const Deployment& d) {
  std::vector<Node> all{flag("runAsNonRoot", true, "a cluster then refuses to start it as root"),
                        number("runAsUser", kUser, "the user of the image; any but root would do"),
                        number("runAsGroup", kUser, "likewise")};
  if (std::any_of(d.mounts.begin(), d.mounts.end(), writable)) {
    all.push_back(number("fsGroup", kUser, "volumes that are written to belong to this group"));
    all.push_back(text("fsGroupChangePolicy", "OnRootMismatch",
                       "a volume of a million files is not gone through at every start"));
  }
  all.push_back(
      mapping("seccompProfile", {text("type", "RuntimeDefault")},
              "the system calls that containers usually have; workers give up most of them"));
  return mapping("securityContext", std::move(all));
}

enum class Asks : unsigned char { start, readiness, life };

// gRPC's health service says whether models are ready, which is no reason to kill; and a cluster asks it without TLS.
Node question(const Port& port, Asks asks) {
  if (port.door == Port::Door::http) {
    std::vector<Node> all{text("path", asks == Asks::life ? kLivePath : kReadyPath),
                          number("port", port.number)};
    if (port.tls) all.push_back(text("scheme", "HTTPS"));
    return mapping("httpGet", std::move(all));
  }
  const bool health = asks != Asks::life && !port.tls;
  return mapping(health ? "grpc" : "tcpSocket", {number("port", port.number)});
}

Node probe(const char* key, const Port& port, Asks asks, const ProbeTimes& times) {
  std::vector<Node> all{question(port, asks)};
  if (times.initial_delay > 0) all.push_back(number("initialDelaySeconds", times.initial_delay));
  all.push_back(number("periodSeconds", times.period));
  all.push_back(number("timeoutSeconds", times.timeout));
  all.push_back(number("failureThreshold", times.failures));
  return mapping(key, std::move(all), times.why);
}

std::string door_name(Port::Door door) {
  return door == Port::Door::http ? "http" : "grpc";
}

void add_doors(const Deployment& d, std::vector<Node>& container) {
  if (d.ports.empty()) return;
  std::vector<Node> ports;
  for (const Port& port : d.ports) {
    ports.push_back(
        mapping("", {text("name", door_name(port.door)), number("containerPort", port.number)},
                port.option));
  }
  container.push_back(list("ports", std::move(ports)));
  const Port* probed = probed_port(d);
  if (probed == nullptr) return;
  container.push_back(probe("startupProbe", *probed, Asks::start, startup_probe(d)));
  container.push_back(probe("readinessProbe", *probed, Asks::readiness, readiness_probe(d)));
  container.push_back(probe("livenessProbe", *probed, Asks::life, liveness_probe(d, true)));
  if (!waits_to_be_withdrawn(d)) return;
  const Node sleep = mapping("sleep", {number("seconds", kWithdrawnSeconds)});
  container.push_back(mapping(
      "lifecycle", {mapping("preStop", {sleep})},
      "requests come for some seconds after a pod was told to leave: it answers them before it "
      "hears of it. By the cluster itself, as there is no shell; from Kubernetes 1.30 on"));
}

void add_mounts(const Deployment& d, std::vector<Node>& container) {
  if (d.mounts.empty()) return;
  std::vector<Node> mounts;
  for (const Mount& mount : d.mounts) {
    std::vector<Node> one{text("name", mount.name), text("mountPath", mount.path)};
    if (!writable(mount)) one.push_back(flag("readOnly", true));
    mounts.push_back(mapping("", std::move(one), mount.option));
  }
  container.push_back(list("volumeMounts", std::move(mounts)));
}

Node container(const Deployment& d) {
  std::vector<Node> all{text("name", kContainer, "what the cluster calls it"),
                        text("image", d.image, "--image"),
                        words("args", arguments(d), "follow the image's own program, headrace"),
                        environment(d),
                        resources(d),
                        container_security()};
  add_doors(d, all);
  add_mounts(d, all);
  return mapping("", std::move(all));
}

Node volume(const Mount& mount) {
  std::vector<Node> all{text("name", mount.name)};
  switch (mount.kind) {
    case Mount::Kind::claim:
    case Mount::Kind::azurefile:  // refused by check()
      all.push_back(mapping("persistentVolumeClaim", {text("claimName", mount.source)}));
      break;
    case Mount::Kind::secret:
      all.push_back(mapping("secret", {text("secretName", mount.source)}));
      break;
    case Mount::Kind::configmap:
      all.push_back(mapping("configMap", {text("name", mount.source)}));
      break;
    case Mount::Kind::empty:
      all.push_back(mapping("emptyDir", {}, "on the node's disk, gone with the pod"));
      break;
  }
  return mapping("", std::move(all), mount.option);
}

void add_virtual_node(const Deployment& d, std::vector<Node>& pod) {
  if (!d.virtual_node) return;
  pod.push_back(mapping("nodeSelector", {text("virtualization", "virtualnode2")},
                        "only where pods become container groups"));
  pod.push_back(list("tolerations",
                     {mapping("", {text("key", "virtual-kubelet.io/provider"),
                                   text("operator", "Exists"), text("effect", "NoSchedule")})},
                     "virtual nodes turn away whatever does not ask for them"));
}

Node pod_spec(const Deployment& d) {
  std::vector<Node> all;
  if (d.work == Work::job) {
    const bool in_place = d.restart == "OnFailure";
    all.push_back(text("restartPolicy", in_place ? "OnFailure" : "Never",
                       in_place ? "the same pod starts again; its last log is lost"
                                : "a pod that failed stays, with its log and exit code; the next "
                                  "try is a new pod"));
  }
  const unsigned before = waits_to_be_withdrawn(d) ? kWithdrawnSeconds : 0;
  all.push_back(number("terminationGracePeriodSeconds", before + termination_seconds(d),
                       d.work == Work::server
                           ? "--grace for what was admitted, some seconds to leave, and those of "
                             "preStop, where there is one"
                           : "a job stops within seconds, and its results are whole"));
  all.push_back(flag("automountServiceAccountToken", false, "the program never asks the cluster"));
  all.push_back(flag("enableServiceLinks", false,
                     "variables of other services do not get in between those of headrace"));
  if (!d.service_account.empty())
    all.push_back(text("serviceAccountName", d.service_account, "--service-account"));
  if (!d.registry_secret.empty())
    all.push_back(list("imagePullSecrets", {mapping("", {text("name", d.registry_secret)})},
                       "--registry-secret"));
  add_virtual_node(d, all);
  all.push_back(pod_security(d));
  all.push_back(list("containers", {container(d)}));
  if (!d.mounts.empty()) {
    std::vector<Node> volumes;
    for (const Mount& mount : d.mounts) volumes.push_back(volume(mount));
    all.push_back(list("volumes", std::move(volumes)));
  }
  return mapping("spec", std::move(all));
}

Node pod_template(const Deployment& d) {
  return mapping("template", {mapping("metadata", {mapping("labels", labels(d))}), pod_spec(d)});
}

// Which ends of a pod another try cannot better, and which are nobody's fault.
Node failure_policy() {
  const Node codes = mapping(
      "onExitCodes",
      {text("containerName", kContainer), text("operator", "In"),
       list("values", {number("", 1, "every input has its line, and some failed (--strict)"),
                       number("", 2, "the command line is wrong")})});
  const Node disrupted = list(
      "onPodConditions", {mapping("", {text("type", "DisruptionTarget"), text("status", "True")})});
  return mapping(
      "podFailurePolicy",
      {list("rules",
            {mapping("", {text("action", "FailJob"), codes}, "another try would end the same way"),
             mapping("", {text("action", "Ignore"), disrupted},
                     "a node that is drained or lost does not count as a failure")})});
}

Node job(const Deployment& d) {
  std::vector<Node> spec{
      number("parallelism", 1, "two containers must never write the same results"),
      number("completions", 1, "and one does the whole job"),
      number("backoffLimit", d.retries.value_or(kRetries),
             "each try goes on where the last one stopped"),
      text("podReplacementPolicy", "Failed",
           "the next pod starts when the last one is gone, not while it is leaving")};
  if (d.restart != "OnFailure") spec.push_back(failure_policy());
  if (d.deadline_seconds) {
    spec.push_back(number("activeDeadlineSeconds", std::ceil(*d.deadline_seconds),
                          "--deadline: all tries together"));
  }
  spec.push_back(pod_template(d));
  return mapping(
      "", {text("apiVersion", "batch/v1", "the stable one"), text("kind", "Job", "ends by itself"),
           metadata(d), mapping("spec", std::move(spec))});
}

Node deployment_object(const Deployment& d) {
  std::vector<Node> spec;
  if (!d.most_replicas) spec.push_back(number("replicas", d.replicas, "--replicas"));
  spec.push_back(mapping(
      "strategy",
      {text("type", "RollingUpdate"),
       mapping("rollingUpdate",
               {number("maxUnavailable", 0, "no replica leaves before its successor is ready"),
                number("maxSurge", 1, "so there must be room for one more meanwhile")})}));
  const unsigned patience = load_allowance(d).seconds + kProgressSeconds / 2;
  if (patience > kProgressSeconds) {
    spec.push_back(number("progressDeadlineSeconds", patience,
                          "a model that takes long to load is no stuck rollout"));
  }
  spec.push_back(mapping("selector", {selected(d, "matchLabels")}, "its own pods"));
  spec.push_back(pod_template(d));
  return mapping("", {text("apiVersion", "apps/v1", "the stable one"),
                      text("kind", "Deployment", "always that many replicas, replaced one by one"),
                      metadata(d), mapping("spec", std::move(spec))});
}

Node service(const Deployment& d) {
  std::vector<Node> ports;
  for (const Port& port : d.ports) {
    ports.push_back(mapping("",
                            {text("name", door_name(port.door)), number("port", port.number),
                             text("targetPort", door_name(port.door))},
                            port.option));
  }
  return mapping(
      "", {text("apiVersion", "v1", "the stable one"),
           text("kind", "Service", "one address for all replicas that are ready"), metadata(d),
           mapping("spec", {text("type", d.open_to_all ? "LoadBalancer" : "ClusterIP",
                                 d.open_to_all ? "--public: an address that the internet gets to"
                                               : "only the cluster gets to it"),
                            selected(d, "selector"), list("ports", std::move(ports))})});
}

Node autoscaler(const Deployment& d) {
  const Node target =
      mapping("target",
              {text("type", "Utilization"),
               number("averageUtilization", 70,
                      "percent of the request: room for what comes until the next one is ready")});
  const Node use =
      mapping("", {text("type", "Resource"), mapping("resource", {text("name", "cpu"), target})},
              "inference is computing: the CPU in use says how busy a replica is");
  return mapping("", {text("apiVersion", "autoscaling/v2", "the stable one"),
                      text("kind", "HorizontalPodAutoscaler", "more replicas while they are busy"),
                      metadata(d),
                      mapping("spec", {mapping("scaleTargetRef",
                                               {text("apiVersion", "apps/v1"),
                                                text("kind", "Deployment"), text("name", d.name)}),
                                       number("minReplicas", d.replicas, "--replicas"),
                                       number("maxReplicas", *d.most_replicas, "--max-replicas"),
                                       list("metrics", {use})})});
}

// --- What stands above it

void add_secrets(const Deployment& d, std::vector<std::string>& heading) {
  for (const Variable& variable : d.variables) {
    if (!variable.secret) continue;
    const std::string reference =
        variable.reference.empty() ? d.name + "/" + variable.name : variable.reference;
    const std::size_t slash = reference.find('/');
    heading.push_back(fmt::format("{} comes from the key {} of the Secret {}, which must be there.",
                                  variable.name, reference.substr(slash + 1),
                                  reference.substr(0, slash)));
  }
}

std::vector<std::string> heading(const Deployment& d, const std::string& file) {
  const std::string kubectl =
      d.kube_namespace.empty() ? "kubectl" : "kubectl -n " + d.kube_namespace;
  const bool is_job = d.work == Work::job;
  const std::string object = (is_job ? "job/" : "deployment/") + d.name;
  std::vector<std::string> all{fmt::format("{}: a {} for Kubernetes, made by headrace deploy",
                                           d.name, is_job ? "Job" : "Deployment"),
                               "  " + shown_command(d), ""};
  const auto add = [&](const char* what, const std::string& rest) {
    all.push_back(fmt::format("  {:<10} {} {}", what, kubectl, rest));
  };
  add("create", "apply -f " + file);
  if (!is_job) add("wait", "rollout status " + object);
  add("follow", "logs -f " + object);
  if (is_job) {
    add("wait", "get " + object + " --watch");
    add("exit code", fmt::format("describe pods -l job-name={} | grep 'Exit Code'", d.name));
  }
  add("delete", "delete -f " + file);
  add_secrets(d, all);
  return all;
}

}  // namespace

std::vector<Finding> check(const Deployment& d) {
  Findings findings = check_everywhere(d);
  check_name(d, findings);
  check_sizes(d, findings);
  check_virtual_node(d, findings);
  for (const Mount& mount : d.mounts) check_mount(mount, findings);
  check_written(d, findings);
  check_ports(d, findings);
  check_secrets(d, findings);
  check_restart(d, findings);
  if (d.restart == "OnFailure") warn_of_strict(d, findings);
  check_replicas(d, findings);
  const auto check_given = [&](const std::string& name, const char* what, const char* option) {
    if (!name.empty()) check_object_name(name, what, option, findings);
  };
  check_given(d.registry_secret, "a Secret", "--registry-secret");
  check_given(d.service_account, "a ServiceAccount", "--service-account");
  if (!d.kube_namespace.empty() && !is_name(d.kube_namespace)) {
    findings.push_back(error(
        "--namespace",
        fmt::format("'{}' is no name of a namespace: 1 to 63 of a-z, 0-9 and -", d.kube_namespace),
        "name one that is in the cluster (kubectl get namespaces)"));
  }
  return findings;
}

std::vector<File> files(const Deployment& d, bool explain) {
  std::vector<Node> objects;
  if (d.work == Work::job) {
    objects.push_back(job(d));
  } else {
    objects.push_back(deployment_object(d));
    if (!d.ports.empty()) objects.push_back(service(d));
    if (d.most_replicas) objects.push_back(autoscaler(d));
  }
  const std::string name = d.name + ".yaml";
  return {File{Form::yaml, name, yaml(objects, heading(d, name), explain)}};
}

}  // namespace headrace::deploy::kubernetes
