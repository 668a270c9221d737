#include "deploy/aci.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace::deploy::aci {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Severity = Finding::Severity;

constexpr const char* kIdentity =
    "/subscriptions/0-1/resourceGroups/rg/providers/Microsoft.ManagedIdentity/"
    "userAssignedIdentities/puller";
constexpr const char* kSubnet =
    "/subscriptions/0-1/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/net/subnets/"
    "aci";

Deployment job() {
  Deployment d{.work = Work::job, .name = "img-batch", .image = "registry.example/headrace:0.1.0"};
  d.registry = "registry.example";
  d.cpus = 4;
  d.memory_gb = 8;
  d.words = {"run", "/models/lite0", "/in", "--out", "/out/results.jsonl", "--resume"};
  d.mounts = {*parse_mount("models=azurefile:pictures/models:/models:ro"),
              *parse_mount("results=azurefile:pictures/out:/out")};
  return d;
}

Deployment server() {
  Deployment d = job();
  d.work = Work::server;
  d.name = "classify";
  d.words = {"serve", "/models/lite0"};
  d.mounts.pop_back();
  d.ports = {{Port::Door::http, 8080, false, "--http 0.0.0.0:8080"}};
  d.subnet = kSubnet;
  return d;
}

auto says(Severity severity, const std::string& option, const std::string& rule) {
  return Contains(AllOf(Field(&Finding::severity, severity),
                        Field(&Finding::option, HasSubstr(option)),
                        Field(&Finding::rule, HasSubstr(rule)), Field(&Finding::fix, Not(""))));
}
auto refuses(const std::string& option, const std::string& rule) {
  return says(Severity::error, option, rule);
}

const Node& at(const Node& tree, const std::vector<std::string>& path) {
  const Node* node = &tree;
  for (const std::string& key : path) {
    node = key == "0" ? &node->children.at(0) : find(*node, key);
    if (node == nullptr) throw std::runtime_error("no " + key);
  }
  return *node;
}
const std::vector<std::string> kContainer{"properties", "containers", "0", "properties"};
std::vector<std::string> in_container(const std::vector<std::string>& rest) {
  std::vector<std::string> path = kContainer;
  path.insert(path.end(), rest.begin(), rest.end());
  return path;
}

// All but that shares are root's, which is said of every share.
std::vector<Finding> others(const Deployment& d) {
  std::vector<Finding> all = check(d);
  std::erase_if(all, [](const Finding& finding) {
    return finding.rule.starts_with("the platform mounts shares for root");
  });
  return all;
}

TEST(Volumes, OfSharesAreRootsWhichIsSaidOnce) {
  const std::vector<Finding> all = check(job());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_THAT(all, says(Severity::warning, "--mount models", "for root alone"));
  EXPECT_THAT(all[0].fix, HasSubstr("FROM registry.example/headrace:0.1.0 and USER 0:0"));
  Deployment d = job();
  d.mounts.clear();
  EXPECT_THAT(check(d), IsEmpty());
}

TEST(Volumes, OfSecretsHaveTheFilesThatTheyName) {
  Deployment d = server();
  d.mounts.push_back(*parse_mount("secrets=secret:token,cert.pem:/run/s"));
  d.paths = {{Path::Use::token, "/run/s/tokens", "--token-file"},
             {Path::Use::read, "/run/s/./cert.pem", "--tls-cert"}};
  EXPECT_THAT(check(d), AllOf(refuses("--token-file", "/run/s/tokens is not there"),
                              Not(refuses("--tls-cert", ""))));
}

TEST(Groups, SayOfStrictThatItIsStartedAgainOnlyWhereItIs) {
  Deployment d = job();
  d.strict = true;
  EXPECT_THAT(check(d), says(Severity::warning, "--strict", "started again"));
  d.restart = "Never";
  EXPECT_THAT(check(d), Not(says(Severity::warning, "--strict", "")));
}

TEST(Groups, ThatAreFineAreFine) {
  EXPECT_THAT(others(job()), IsEmpty());
  EXPECT_THAT(others(server()), IsEmpty());
}

TEST(Groups, AreCalledAsThePlatformAllows) {
  Deployment d = job();
  for (const std::string& name : {std::string("Cat"), std::string("-a"), std::string("a-"),
                                  std::string("a_b"), std::string(), std::string(64, 'a')}) {
    d.name = name;
    EXPECT_THAT(check(d), refuses("--name", "no name of a container")) << name;
  }
  d.name = std::string(63, 'a');
  EXPECT_THAT(others(d), IsEmpty());
}

TEST(Groups, HaveASizeThatThereIs) {
  Deployment d = job();
  for (const double cpus : {0.5, 31.5, 64.0}) {
    d.cpus = cpus;
    EXPECT_THAT(check(d), refuses("--cpus", "1 to 31 vCPU"));
  }
  d.cpus = 1.25;
  EXPECT_THAT(check(d), refuses("--cpus", "at most one decimal"));
  d.cpus = 1.5;
  EXPECT_THAT(others(d), IsEmpty());
  d.cpus = 8;
  EXPECT_THAT(check(d), says(Severity::note, "--cpus", "larger quota"));
  d = job();
  for (const double memory : {0.5, 241.0}) {
    d.memory_gb = memory;
    EXPECT_THAT(check(d), refuses("--memory", "1 to 240 GB"));
  }
  d.memory_gb = 1.05;
  EXPECT_THAT(check(d), refuses("--memory", "at most one decimal"));
  d.memory_gb = 32;
  EXPECT_THAT(check(d), says(Severity::note, "--memory", "larger quota"));
}

TEST(Groups, TakeNoPortThatThePlatformKeeps) {
  for (const unsigned port : {22U, 443U, 1025U, 1027U, 3389U, 3399U, 9999U, 19000U, 19080U, 19100U,
                              19390U, 20000U, 30000U, 49152U, 65534U}) {
    Deployment d = server();
    d.ports[0].number = static_cast<std::uint16_t>(port);
    EXPECT_THAT(check(d), refuses("--http", "keeps port")) << port;
  }
  for (const unsigned port : {1024U, 1028U, 8080U, 8443U, 19999U, 30001U, 65535U}) {
    Deployment d = server();
    d.ports[0].number = static_cast<std::uint16_t>(port);
    EXPECT_THAT(others(d), IsEmpty()) << port;
  }
}

TEST(Groups, MayNotOpenLowPorts) {
  Deployment d = server();
  d.ports[0].number = 80;
  EXPECT_THAT(check(d), says(Severity::warning, "--http", "below 1024"));
}

TEST(Groups, HaveAtMostFivePorts) {
  Deployment d = server();
  for (unsigned i = 1; i < 6; ++i)
    d.ports.push_back({Port::Door::http, static_cast<std::uint16_t>(8080 + i), false, "--http"});
  EXPECT_THAT(check(d), refuses("--http", "at most 5 ports"));
  d.ports.pop_back();
  EXPECT_THAT(others(d), IsEmpty());
}

TEST(Servers, HaveAnAddress) {
  Deployment d = server();
  d.subnet.clear();
  EXPECT_THAT(check(d), refuses("--public", "without an ipAddress entry"));
  d.open_to_all = d.has_tokens = d.ports[0].tls = true;
  EXPECT_THAT(others(d), IsEmpty());
  d.subnet = kSubnet;
  EXPECT_THAT(check(d), refuses("--public", "no public address"));
  d.subnet = "aci";
  EXPECT_THAT(check(d), refuses("--subnet", "no resource id"));
}

TEST(Servers, HaveALabelOnlyInPublic) {
  Deployment d = server();
  d.dns_label = "classify";
  EXPECT_THAT(check(d), refuses("--dns-label", "only a public address"));
  d.subnet.clear();
  d.open_to_all = d.has_tokens = d.ports[0].tls = true;
  EXPECT_THAT(others(d), IsEmpty());
  for (const char* label : {"abcd", "-abcde", "abcde-", "ab.cde"}) {
    d.dns_label = label;
    EXPECT_THAT(check(d), refuses("--dns-label", "5 to 63")) << label;
  }
}

TEST(Servers, AskThemselvesWhereThePlatformCannot) {
  Deployment d = server();
  d.ports[0].door = Port::Door::grpc;
  EXPECT_THAT(others(d), IsEmpty());
  const Node tree = group(d);
  const Node& command = at(tree, in_container({"livenessProbe", "exec", "command"}));
  EXPECT_EQ(command.children.size(), 3U);
  EXPECT_EQ(command.children.back().value, "--live");
  EXPECT_EQ(find(at(tree, in_container({"readinessProbe"})), "httpGet"), nullptr);
}

TEST(Volumes, AreCalledAsThePlatformAllows) {
  for (const char* name : {"in", "abcd", "Models", "a--bcd", "-abcd", "abcd-", "a_bcd"}) {
    Deployment d = job();
    d.mounts[0].name = name;
    EXPECT_THAT(check(d), refuses("--mount", "no name of a volume")) << name;
  }
}

TEST(Volumes, AreOfKindsThatThePlatformHas) {
  const auto with = [](const std::string& mount) {
    Deployment d = job();
    d.mounts.push_back(*parse_mount(mount));
    return check(d);
  };
  EXPECT_THAT(with("other=claim:x:/x"), refuses("--mount other", "of Kubernetes"));
  EXPECT_THAT(with("other=configmap:x:/x"), refuses("--mount other", "of Kubernetes"));
  for (const char* source :
       {"pictures", "Pictures/models", "ab/models", "pictures/ab", "pictures/Models",
        "pictures/a--b", "pic-tures/models", "pictures/a/b"}) {
    EXPECT_THAT(with(fmt::format("other=azurefile:{}:/x", source)),
                refuses("--mount other", "no ACCOUNT/SHARE"))
        << source;
  }
  EXPECT_THAT(with("other=secret:a/b:/x"), refuses("--mount other", "no name of a file"));
  EXPECT_THAT(with("other=secret:a,:/x"), refuses("--mount other", "no name of a file"));
  EXPECT_FALSE(any_error(with("other=secret:token,tls.pem:/x")));
  EXPECT_FALSE(any_error(with("other=empty:/x")));
}

TEST(Volumes, AreTwentyAtMost) {
  Deployment d = job();
  while (d.mounts.size() < 21)
    d.mounts.push_back(*parse_mount(fmt::format("other{0}=empty:/x/{0}", d.mounts.size())));
  EXPECT_THAT(check(d), refuses("--mount", "at most 20 volumes"));
}

TEST(Variables, AreCalledAsThePlatformAllows) {
  for (const std::string& name : {std::string("_A"), std::string("A_"), std::string(64, 'A')}) {
    Deployment d = job();
    d.variables = {*parse_env(name + "=1")};
    EXPECT_THAT(check(d), refuses("--env " + name, "1 to 63")) << name;
  }
}

TEST(Variables, OfSecretsAreAskedForByAName) {
  Deployment d = job();
  d.variables = {*parse_env_secret("SB_CONN=queue-connection")};
  EXPECT_THAT(check(d), AllOf(refuses("--env-secret SB_CONN", "name of the variable"),
                              Each(Field(&Finding::rule, Not(HasSubstr("queue-connection"))))))
      << "it may be the value itself, given by mistake";
  for (const char* taken : {"PATH", "SECONDS", "BASH_ENV", "RESOURCE_GROUP", "CONTAINER_GROUP"}) {
    d.variables = {*parse_env_secret(taken)};
    EXPECT_THAT(check(d), refuses("--env-secret", "something else")) << taken;
  }
  for (const char* taken : {"RANDOM", "USER", "LD_PRELOAD", "PYTHONPATH", "random"}) {
    d.variables = {*parse_env_secret(taken)};
    EXPECT_THAT(check(d), refuses("--env-secret", "something else")) << taken;
  }
  d.variables = {*parse_env_secret("CONTAINER__GROUP")};
  EXPECT_THAT(check(d), refuses("--env-secret", "cannot be a parameter"));
  d.variables = {*parse_env_secret("SB_CONN"), *parse_env_secret("SB__CONN")};
  EXPECT_THAT(check(d), refuses("--env-secret", "one parameter of the Bicep file"));
  d.variables = {*parse_env_secret("STORAGE_KEY_PICTURES")};
  EXPECT_THAT(check(d), refuses("--env-secret", "would be both"));
  d.variables = {*parse_env_secret("A=SB_CONN"), *parse_env_secret("B=SB_CONN")};
  EXPECT_THAT(others(d), IsEmpty()) << "one value for both";
}

TEST(Restarts, FitTheWork) {
  Deployment d = job();
  EXPECT_EQ(at(group(d), {"properties", "restartPolicy"}).value, "OnFailure");
  EXPECT_EQ(at(group(server()), {"properties", "restartPolicy"}).value, "Always");
  d.restart = "always";
  EXPECT_THAT(check(d), refuses("--restart", "none of Always"));
  d.restart = "Always";
  EXPECT_THAT(check(d), says(Severity::warning, "--restart", "paid for, without end"));
  d.restart = "Never";
  EXPECT_THAT(check(d), says(Severity::warning, "--restart", "stays undone"));
  EXPECT_EQ(at(group(d), {"properties", "restartPolicy"}).value, "Never");
  d = server();
  d.restart = "OnFailure";
  EXPECT_THAT(check(d), says(Severity::warning, "--restart", "stays away"));
}

TEST(Logs, GoToAWorkspaceByItsId) {
  Deployment d = job();
  d.log_workspace = "my-workspace";
  EXPECT_THAT(check(d), refuses("--log-workspace", "no id of a workspace"));
  d.log_workspace = "01234567-89ab-cdef-0123-456789abcdef";
  EXPECT_THAT(others(d), IsEmpty());
  const Node tree = group(d);
  EXPECT_EQ(at(tree, {"properties", "diagnostics", "logAnalytics", "workspaceKey"}).shape,
            Shape::placeholder);
}

TEST(Containers, AreToldWhatTheyHave) {
  const Node tree = group(job());
  EXPECT_EQ(at(tree, in_container({"resources", "requests", "cpu"})).value, "4");
  EXPECT_EQ(at(tree, in_container({"resources", "limits", "memoryInGB"})).value, "8");
  const Node& variables = at(tree, in_container({"environmentVariables"}));
  EXPECT_EQ(at(variables.children[0], {"name"}).value, "HEADRACE_CPUS");
  EXPECT_EQ(at(variables.children[0], {"value"}).value, "4");
  EXPECT_EQ(at(variables.children[1], {"value"}).value, "8117")
      << "8 GB less what the machine around it keeps";
  const Node& command = at(tree, in_container({"command"}));
  EXPECT_EQ(command.children.front().value, "/usr/bin/headrace")
      << "the image's entry point is replaced";
  EXPECT_EQ(command.children.size(), 7U);
}

TEST(Containers, AreAskedWhetherTheyLiveAndAreReady) {
  Deployment d = server();
  d.load_seconds = 6.5;
  const Node tree = group(d);
  EXPECT_EQ(at(tree, in_container({"livenessProbe", "httpGet", "path"})).value, "/livez");
  EXPECT_EQ(at(tree, in_container({"livenessProbe", "initialDelaySeconds"})).value, "30");
  EXPECT_EQ(at(tree, in_container({"readinessProbe", "httpGet", "path"})).value, "/readyz");
  EXPECT_EQ(at(tree, in_container({"readinessProbe", "httpGet", "port"})).value, "8080");
  EXPECT_EQ(find(at(group(job()), kContainer), "livenessProbe"), nullptr)
      << "a job's end is its answer";
}

TEST(Groups, AreThePortsOfTheirContainers) {
  Deployment d = server();
  d.ports.push_back({Port::Door::grpc, 8001, false, "--grpc 0.0.0.0:8001"});
  const Node tree = group(d);
  const auto ports = [](const Node& list) {
    std::vector<std::string> out;
    for (const Node& entry : list.children) out.push_back(find(entry, "port")->value);
    return out;
  };
  EXPECT_EQ(ports(at(tree, {"properties", "ipAddress", "ports"})),
            ports(at(tree, in_container({"ports"}))));
  EXPECT_EQ(at(tree, {"properties", "ipAddress", "type"}).value, "Private");
}

TEST(Images, ArePulledByAnIdentity) {
  Deployment d = job();
  d.registry = "me.azurecr.io";
  EXPECT_THAT(check(d), says(Severity::warning, "--image", "lets nobody in"));
  d.registry_identity = kIdentity;
  EXPECT_THAT(others(d), IsEmpty());
  const Node tree = group(d);
  EXPECT_EQ(at(tree, {"identity", "type"}).value, "UserAssigned");
  EXPECT_EQ(at(tree, {"properties", "imageRegistryCredentials", "0", "identity"}).value, kIdentity);
  d.registry_identity = "puller";
  EXPECT_THAT(check(d), refuses("--registry-identity", "resource id"));
}

TEST(Scripts, SayTheNameOrTheAddressOrHowItIs) {
  EXPECT_THAT(files(server(), false)[2].text, HasSubstr("ipAddress.fqdn || ipAddress.ip"));
  Deployment d = server();
  d.ports.clear();
  EXPECT_THAT(
      files(d, false)[2].text,
      AllOf(Not(HasSubstr("ipAddress")), HasSubstr("printf '%s: %s\\n' \"$name\" \"$state\"\n}")));
}

TEST(Files, AreTheSameInAllForms) {
  const std::vector<File> all = files(server(), false);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].name, "classify.yaml");
  EXPECT_EQ(all[1].name, "classify.bicep");
  EXPECT_EQ(all[2].name, "classify.sh");
  EXPECT_THAT(all[0].text, HasSubstr("storageAccountKey: \"${STORAGE_KEY_PICTURES}\""));
  EXPECT_THAT(all[1].text, AllOf(HasSubstr("storageAccountKey: storageKeyPictures"),
                                 HasSubstr("@secure()\nparam storageKeyPictures string")));
  EXPECT_THAT(all[2].text, AllOf(HasSubstr("STORAGE_KEY_PICTURES=$(az storage account keys list"),
                                 HasSubstr("fill STORAGE_KEY_PICTURES")));
}

// A line is explained by itself, by what is above it, or by nothing.
void find_unexplained(const Node& node, bool above, std::vector<std::string>& out) {
  const bool explained = above || !node.why.empty();
  if (node.children.empty() && !explained) out.push_back(node.key + ": " + node.value);
  for (const Node& child : node.children) find_unexplained(child, explained, out);
}

TEST(Groups, ExplainAllThatTheyHold) {
  Deployment d = server();
  d.variables = {*parse_env("LEVEL=1"), *parse_env_secret("SB_CONN")};
  d.mounts.push_back(*parse_mount("secrets=secret:token:/run/secrets"));
  d.registry_identity = kIdentity;
  d.log_workspace = "01234567-89ab-cdef-0123-456789abcdef";
  std::vector<std::string> unexplained;
  find_unexplained(group(d), false, unexplained);
  find_unexplained(group(job()), false, unexplained);
  EXPECT_THAT(unexplained, IsEmpty());
}

TEST(Files, ExplainEachLine) {
  const std::string plain = files(server(), false)[0].text;
  const std::string explained = files(server(), true)[0].text;
  EXPECT_THAT(explained, HasSubstr("nobody said how long the model loads"));
  std::string without;
  for (std::size_t begin = 0, end = 0; begin < explained.size(); begin = end + 1) {
    end = explained.find('\n', begin);
    const std::string line = explained.substr(begin, end - begin + 1);
    const std::size_t first = line.find_first_not_of(' ');
    if (first == std::string::npos || line[first] != '#' || begin < plain.find("\ntype:"))
      without += line;
  }
  EXPECT_EQ(without, plain) << "nothing but comments is added";
}

}  // namespace
}  // namespace headrace::deploy::aci
