#include "deploy/container_apps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace headrace::deploy::container_apps {
namespace {

constexpr const char* kIdentity =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
    "pull";
constexpr const char* kEnvironment =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/vision";

Deployment server() {
  Deployment d;
  d.work = Work::server;
  d.name = "classify";
  d.image = "registry.example/headrace:0.1.0";
  d.words = {"serve", "/models/lite0", "--token-file", "/secrets/token"};
  d.cpus = 2;
  d.memory_gb = 4;
  d.ports = {{.door = Port::Door::http, .number = 8080, .option = "--http 0.0.0.0:8080"}};
  d.mounts = {*parse_mount("models=azurefile:models:/models:ro"),
              *parse_mount("secrets=secret:token:/secrets")};
  d.has_tokens = true;
  d.environment = "vision";
  d.registry = "registry.example";
  d.load_seconds = 0.4;
  return d;
}

Deployment job() {
  Deployment d;
  d.work = Work::job;
  d.name = "classify";
  d.image = "registry.example/headrace:0.1.0";
  d.words = {"run", "/models/lite0", "/in", "--out", "/out/results.jsonl", "--resume"};
  d.cpus = 1;
  d.memory_gb = 2;
  d.mounts = {*parse_mount("pictures=azurefile:pictures:/in:ro"),
              *parse_mount("results=azurefile:results:/out")};
  d.paths = {{.use = Path::Use::written, .path = "/out/results.jsonl", .option = "--out"}};
  d.registry = "registry.example";
  d.resumes = true;
  return d;
}

std::string text_of(const Deployment& d, Form form = Form::yaml) {
  for (const File& file : files(d, false)) {
    if (file.form == form) return file.text;
  }
  return "";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string said(const Deployment& d, const std::string& option,
                 Finding::Severity severity = Finding::Severity::error) {
  std::string all;
  for (const Finding& finding : check(d)) {
    if (finding.severity == severity && finding.option.starts_with(option))
      all += sentence(finding) + "\n";
  }
  return all;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(ContainerApps, WhatFitsIsNotRefused) {
  EXPECT_FALSE(any_error(check(server())));
  EXPECT_FALSE(any_error(check(job())));
}

TEST(ContainerApps, SizesArePairsOfTheTable) {
  const auto refused = [](double cpus, double memory) {
    Deployment d = server();
    d.cpus = cpus;
    d.memory_gb = memory;
    return said(d, "--cpus") + said(d, "--memory");
  };
  EXPECT_EQ(refused(0.25, 0.5), "");
  EXPECT_EQ(refused(1.75, 3.5), "");
  EXPECT_EQ(refused(4, 8), "");
  EXPECT_TRUE(has(refused(4.25, 8.5), "--cpus"));
  EXPECT_TRUE(has(refused(0.3, 0.6), "--cpus"));
  EXPECT_TRUE(has(refused(2, 8), "write --memory 4"));
}

TEST(ContainerApps, MoreThanTwoCpusNeedAProfile) {
  Deployment d = server();
  EXPECT_FALSE(has(text_of(d), "workloadProfileName"));
  d.cpus = 4;
  d.memory_gb = 8;
  EXPECT_TRUE(has(text_of(d), "workloadProfileName: Consumption\n"));
  EXPECT_FALSE(said(d, "--cpus", Finding::Severity::note).empty());
}

TEST(ContainerApps, NamesThatThePlatformRefusesAreRefused) {
  const auto refused = [](const std::string& name) {
    Deployment d = server();
    d.name = name;
    return !said(d, "--name").empty();
  };
  EXPECT_FALSE(refused("ab"));
  EXPECT_FALSE(refused("classify-1"));
  EXPECT_FALSE(refused(std::string(32, 'a')));
  for (const char* name : {"", "a", "1a", "a-", "-a", "a--b", "A1", "a_b", "a.b"})
    EXPECT_TRUE(refused(name)) << name;
  EXPECT_TRUE(refused(std::string(33, 'a')));
}

TEST(ContainerApps, TheIngressIsOfTheDoor) {
  Deployment d = server();
  EXPECT_TRUE(has(text_of(d), "external: false\n      targetPort: 8080\n      transport: http\n"));
  d.open_to_all = true;
  EXPECT_TRUE(has(text_of(d), "external: true\n"));
  d.ports = {{.door = Port::Door::grpc, .number = 8001, .option = "--grpc 0.0.0.0:8001"}};
  EXPECT_TRUE(has(text_of(d), "targetPort: 8001\n      transport: http2\n"));
  EXPECT_TRUE(has(text_of(d), "tcpSocket:\n              port: 8001\n"));
  EXPECT_TRUE(has(said(d, "--http", Finding::Severity::warning), "gRPC"));
  d.ports.clear();
  EXPECT_FALSE(has(text_of(d), "ingress"));
  EXPECT_FALSE(has(text_of(d), "probes"));
}

TEST(ContainerApps, GrpcBesideHttpStaysInTheEnvironment) {
  Deployment d = server();
  d.open_to_all = true;
  d.ports.push_back({.door = Port::Door::grpc, .number = 8001, .option = "--grpc 0.0.0.0:8001"});
  EXPECT_TRUE(has(text_of(d),
                  "additionalPortMappings:\n        - external: false\n          targetPort: "
                  "8001\n"))
      << text_of(d);
  EXPECT_FALSE(said(d, "--grpc", Finding::Severity::warning).empty());
}

TEST(ContainerApps, TlsIsTheIngresss) {
  Deployment d = server();
  d.open_to_all = true;
  EXPECT_TRUE(said(d, "--public", Finding::Severity::warning).empty());
  EXPECT_TRUE(has(text_of(d), "allowInsecure: false\n"));
  d.ports[0].tls = true;
  EXPECT_TRUE(has(said(d, "--tls-cert"), "leave --tls-cert"));
}

TEST(ContainerApps, ProbesKeepWithinTheBoundsOfThePlatform) {
  Deployment d = server();
  d.load_seconds.reset();
  d.load_timeout_seconds = 1000;
  const std::string text = text_of(d);
  EXPECT_TRUE(has(text,
                  "periodSeconds: 100\n            timeoutSeconds: 2\n"
                  "            failureThreshold: 10\n"))
      << text;
  EXPECT_FALSE(has(text, "initialDelaySeconds: 0"));
  EXPECT_TRUE(said(d, "--load-time").empty());
  d.load_timeout_seconds = 3600;
  EXPECT_FALSE(said(d, "--load-time").empty());
}

TEST(ContainerApps, AServerHasTimeToAnswerWhatItAdmitted) {
  Deployment d = server();
  d.grace_seconds = 50;
  EXPECT_TRUE(has(text_of(d), "terminationGracePeriodSeconds: 55\n"));
  d.grace_seconds = 700;
  EXPECT_FALSE(said(d, "--grace").empty());
}

TEST(ContainerApps, AJobIsStartedByHandAndRunsOnce) {
  const std::string text = text_of(job());
  EXPECT_TRUE(has(text, "type: Microsoft.App/jobs\n"));
  EXPECT_TRUE(has(text, "triggerType: Manual\n"));
  EXPECT_TRUE(has(text, "parallelism: 1\n"));
  EXPECT_TRUE(has(text, "replicaTimeout: 86400\n    replicaRetryLimit: 3\n"));
  for (const char* of_an_app : {"ingress", "probes", "scale", "terminationGracePeriodSeconds"})
    EXPECT_FALSE(has(text, of_an_app)) << of_an_app;
  Deployment d = job();
  d.deadline_seconds = 600;
  d.retries = 1;
  EXPECT_TRUE(has(text_of(d), "replicaTimeout: 600\n    replicaRetryLimit: 1\n"));
  for (const double seconds : {0.0, 1e10}) {
    d.deadline_seconds = seconds;
    EXPECT_FALSE(said(d, "--deadline").empty()) << seconds;
  }
}

TEST(ContainerApps, ValuesOfSecretsAreAskedForInOnePlace) {
  Deployment d = server();
  d.variables = {*parse_env_secret("API_TOKEN")};
  const std::string text = text_of(d);
  EXPECT_TRUE(has(text, "- name: API_TOKEN\n            secretRef: api-token\n")) << text;
  EXPECT_TRUE(has(text, "- name: api-token\n        value: \"${API_TOKEN}\"\n")) << text;
  EXPECT_TRUE(has(text, "- name: token\n        value: \"${SECRET_SECRETS_TOKEN}\"\n"));
  EXPECT_TRUE(has(text, "- secretRef: token\n            path: token\n")) << text;
  EXPECT_TRUE(has(text_of(d, Form::bicep), "@secure()\nparam apiToken string\n"));
}

TEST(ContainerApps, AFileKeepsItsNameWhereItsSecretCannotHaveIt) {
  Deployment d = server();
  d.mounts[1] = *parse_mount("secrets=secret:token,ca.pem:/secrets");
  EXPECT_FALSE(any_error(check(d)));
  EXPECT_TRUE(has(text_of(d), "- secretRef: ca-pem\n            path: ca.pem\n")) << text_of(d);
  d.mounts[1] = *parse_mount("secrets=secret:Token:/secrets");
  EXPECT_FALSE(said(d, "--mount secrets").empty());
}

TEST(ContainerApps, OneSecretMayServeTwoVariables) {
  Deployment d = server();
  d.variables = {*parse_env_secret("A=shared-key"), *parse_env_secret("B=shared-key")};
  EXPECT_FALSE(any_error(check(d)));
  EXPECT_EQ(times(text_of(d), "value: \"${SHARED_KEY}\"\n"), 1U);
}

TEST(ContainerApps, TwoSecretsOfOneNameAreRefused) {
  Deployment d = server();
  d.variables = {*parse_env_secret("TOKEN")};  // and a file `token`
  EXPECT_TRUE(has(said(d, "--mount secrets"), "--env-secret TOKEN"));
  d = server();
  d.variables = {*parse_env_secret("_A"), *parse_env_secret("A_")};
  EXPECT_FALSE(said(d, "--env-secret A_").empty());
}

TEST(ContainerApps, WhatIsAskedForHasANameOfItsOwn) {
  const auto refused = [](const std::string& name) {
    Deployment d = server();
    d.variables = {*parse_env_secret(name)};
    return said(d, "--env-secret");
  };
  for (const char* name : {"PATH", "RANDOM", "RESOURCE_GROUP", "path", "A=random"})
    EXPECT_TRUE(has(refused(name), "means something else")) << name;
  for (const char* name : {"APP", "app", "NULL"})
    EXPECT_TRUE(has(refused(name), "cannot be a parameter")) << name;
  EXPECT_FALSE(refused("_").empty());
  EXPECT_FALSE(refused("LOCATION").empty()) << "that is the region";
  for (const char* name : {"name", "text", "folder", "API_TOKEN"}) EXPECT_EQ(refused(name), "");
  Deployment d = server();
  d.variables = {*parse_env_secret("name")};
  EXPECT_TRUE(has(text_of(d), "value: \"${NAME}\"\n")) << "not the script's own";
  d.variables = {*parse_env_secret("FOO_BAR"), *parse_env_secret("FOO__BAR")};
  EXPECT_TRUE(has(said(d, "--env-secret"), "one parameter of the Bicep file, fooBar"));
}

TEST(ContainerApps, TwoFilesDoNotBecomeOneSecret) {
  Deployment d = server();
  d.mounts[1] = *parse_mount("m=secret:a.b,a-b:/secrets");
  EXPECT_TRUE(has(said(d, "--mount m"), "already that of"));
}

TEST(ContainerApps, AFileThatNoSecretHasIsMissed) {
  Deployment d = server();
  d.paths = {{.use = Path::Use::token, .path = "/secrets/tokens", .option = "--token-file"}};
  EXPECT_TRUE(has(said(d, "--token-file"), "/secrets/tokens is not there"));
  d.paths[0].path = "/secrets/token";
  EXPECT_EQ(said(d, "--token-file"), "");
}

TEST(ContainerApps, StrictIsTriedAgainWhereAnythingIs) {
  Deployment d = job();
  d.strict = true;
  EXPECT_FALSE(said(d, "--strict", Finding::Severity::warning).empty());
  d.retries = 0;
  EXPECT_TRUE(said(d, "--strict", Finding::Severity::warning).empty());
}

TEST(ContainerApps, AKeyVaultIsReadWithAnIdentity) {
  Deployment d = server();
  d.variables = {*parse_env_secret("API_TOKEN=https://v.vault.azure.net/secrets/token-of-api")};
  EXPECT_TRUE(has(said(d, "--env-secret API_TOKEN"), "--registry-identity"));
  d.registry_identity = kIdentity;
  EXPECT_FALSE(any_error(check(d)));
  EXPECT_TRUE(has(text_of(d), "keyVaultUrl: "));
  EXPECT_FALSE(has(text_of(d), "${API_TOKEN}"));
}

TEST(ContainerApps, ReferencesThatAreNoneAreRefused) {
  Deployment d = server();
  d.variables = {*parse_env_secret("A=Shared_Key")};
  EXPECT_FALSE(said(d, "--env-secret A").empty());
  EXPECT_FALSE(has(said(d, "--env-secret A"), "Shared_Key")) << "it may be the secret itself";
}

TEST(ContainerApps, TheImageIsPulledByAnIdentityOrAUser) {
  Deployment d = server();
  d.registry_identity = kIdentity;
  EXPECT_TRUE(has(text_of(d), std::string("identity: ") + kIdentity + "\n"));
  EXPECT_TRUE(has(text_of(d), "type: UserAssigned\n"));
  d.registry_secret = "robot";
  EXPECT_FALSE(said(d, "--registry-user").empty());
  d.registry_identity.clear();
  EXPECT_FALSE(any_error(check(d)));
  EXPECT_TRUE(has(text_of(d), "username: robot\n        passwordSecretRef: registry-password\n"));
  EXPECT_TRUE(has(text_of(d), "value: \"${REGISTRY_PASSWORD}\"\n"));
  d.registry_secret.clear();
  d.registry_identity = "system";
  EXPECT_FALSE(said(d, "--registry-identity").empty());
}

TEST(ContainerApps, TheEnvironmentIsNamedOrAskedFor) {
  Deployment d = server();
  EXPECT_TRUE(has(text_of(d), "environmentId: \"${ENVIRONMENT_ID}\"\n"));
  EXPECT_TRUE(has(text_of(d, Form::az), "--name vision --query id"));
  EXPECT_TRUE(has(text_of(d, Form::az), "--name vision --query location")) << "where that one is";
  EXPECT_TRUE(has(text_of(d, Form::bicep),
                  "param environmentId string = resourceId('Microsoft.App/managedEnvironments', "
                  "'vision')\n"));
  d.environment = kEnvironment;
  EXPECT_TRUE(has(text_of(d), std::string("environmentId: ") + kEnvironment + "\n"));
  EXPECT_TRUE(
      has(text_of(d, Form::az), std::string("--ids ") + kEnvironment + " --query location"));
  d.environment.clear();
  EXPECT_TRUE(has(text_of(d, Form::az), ": \"${ENVIRONMENT_ID:?"));
  d.environment = "/subscriptions/s";
  EXPECT_FALSE(said(d, "--environment").empty());
  d.environment = "my environment";
  EXPECT_FALSE(said(d, "--environment").empty());
}

TEST(ContainerApps, ItScalesByRequestsWhereItMay) {
  Deployment d = server();
  d.replicas = 2;
  EXPECT_TRUE(has(text_of(d), "minReplicas: 2\n      maxReplicas: 2\n"));
  EXPECT_FALSE(has(text_of(d), "concurrentRequests"));
  d.most_replicas = 6;
  EXPECT_TRUE(has(text_of(d), "concurrentRequests: \"4\"\n")) << text_of(d);
  d.concurrency = 50;
  EXPECT_TRUE(has(text_of(d), "concurrentRequests: \"50\"\n"));
  d.most_replicas.reset();
  EXPECT_FALSE(said(d, "--concurrency").empty());
  d.most_replicas = 1;
  EXPECT_FALSE(said(d, "--max-replicas").empty());
  d.most_replicas = 1001;
  EXPECT_FALSE(said(d, "--max-replicas").empty());
}

TEST(ContainerApps, MountsOfOtherPlatformsAreRefused) {
  for (const char* mount : {"models=claim:models:/models", "models=configmap:models:/models",
                            "models=azurefile:account/share:/models", "Models=empty:/models"}) {
    Deployment d = server();
    d.mounts[0] = *parse_mount(mount);
    EXPECT_FALSE(said(d, d.mounts[0].option).empty()) << mount;
  }
}

TEST(ContainerApps, AStorageIsTheEnvironments) {
  EXPECT_TRUE(has(text_of(job()), "storageType: AzureFile\n        storageName: pictures\n"));
  EXPECT_TRUE(has(text_of(job()), "--storage-name pictures --access-mode ReadOnly"));
  EXPECT_TRUE(has(text_of(job()), "--storage-name results --access-mode ReadWrite"));
}

TEST(ContainerApps, HowItRestartsIsNoChoice) {
  Deployment d = server();
  d.restart = "Always";
  EXPECT_TRUE(has(said(d, "--restart"), "--retries"));
}

TEST(ContainerApps, WhatWorksBadlyIsSaid) {
  Deployment d = server();
  d.item_timeout_seconds = 300;
  d.replicas = 0;
  d.words.emplace_back("$(HOME)");
  EXPECT_TRUE(has(said(d, "--timeout", Finding::Severity::warning), "240"));
  EXPECT_FALSE(said(d, "--replicas", Finding::Severity::warning).empty());
  EXPECT_FALSE(said(d, "$(HOME)", Finding::Severity::warning).empty());
}

TEST(ContainerApps, TheScriptCreatesWhatTheFileSays) {
  EXPECT_TRUE(has(text_of(server(), Form::az), "  az containerapp create --resource-group"));
  EXPECT_TRUE(has(text_of(job(), Form::az), "  az containerapp job create --resource-group"));
  EXPECT_TRUE(has(text_of(job(), Form::az), "execution=$(start)"));
}

}  // namespace
}  // namespace headrace::deploy::container_apps
