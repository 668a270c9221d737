#include "deploy/kubernetes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace headrace::deploy::kubernetes {
namespace {

Deployment server() {
  Deployment d;
  d.work = Work::server;
  d.name = "classify";
  d.image = "registry.example/headrace:0.1.0";
  d.words = {"serve", "/models/lite0", "--token-file", "/secrets/token"};
  d.cpus = 4;
  d.memory_gb = 8;
  d.ports = {{.door = Port::Door::http, .number = 8080, .option = "--http 0.0.0.0:8080"}};
  d.mounts = {*parse_mount("models=claim:models:/models:ro"),
              *parse_mount("secrets=secret:classify-tokens:/secrets")};
  d.has_tokens = true;
  d.load_seconds = 0.4;
  return d;
}

Deployment job() {
  Deployment d;
  d.work = Work::job;
  d.name = "classify";
  d.image = "registry.example/headrace:0.1.0";
  d.words = {"run", "/models/lite0", "/in", "--out", "/out/results.jsonl", "--resume"};
  d.cpus = 2;
  d.memory_gb = 2;
  d.mounts = {*parse_mount("pictures=claim:pictures:/in:ro"),
              *parse_mount("results=claim:results:/out")};
  d.paths = {{.use = Path::Use::written, .path = "/out/results.jsonl", .option = "--out"}};
  d.resumes = true;
  return d;
}

std::string text_of(const Deployment& d, bool explain = false) {
  return files(d, explain)[0].text;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What is said of an option: the errors, or the rest.
std::string said(const Deployment& d, const std::string& option,
                 Finding::Severity severity = Finding::Severity::error) {
  std::string all;
  for (const Finding& finding : check(d)) {
    if (finding.severity == severity && finding.option.starts_with(option))
      all += sentence(finding) + "\n";
  }
  return all;
}

TEST(Kubernetes, WhatFitsIsNotRefused) {
  EXPECT_FALSE(any_error(check(server())));
  EXPECT_FALSE(any_error(check(job())));
}

TEST(Kubernetes, AJobIsTriedAgainByANewPodAndGoesOn) {
  const std::string text = text_of(job());
  EXPECT_TRUE(has(text, "kind: Job\n"));
  EXPECT_TRUE(has(text, "restartPolicy: Never\n"));
  EXPECT_TRUE(has(text, "backoffLimit: 6\n"));
  EXPECT_FALSE(has(text, "activeDeadlineSeconds"));
  EXPECT_FALSE(has(text, "Probe"));
  EXPECT_FALSE(has(text, "kind: Service"));
}

TEST(Kubernetes, TwoPodsOfAJobNeverWriteTheSameResults) {
  const std::string text = text_of(job());
  EXPECT_TRUE(has(text, "parallelism: 1\n"));
  EXPECT_TRUE(has(text, "podReplacementPolicy: Failed\n"));
}

TEST(Kubernetes, AJobIsNotTriedAgainWhereNothingWouldChange) {
  EXPECT_TRUE(has(text_of(job()),
                  "      - action: FailJob\n"
                  "        onExitCodes:\n"
                  "          containerName: headrace\n"
                  "          operator: In\n"
                  "          values:\n"
                  "            - 1\n"
                  "            - 2\n"));
  EXPECT_TRUE(has(text_of(job()),
                  "      - action: Ignore\n"
                  "        onPodConditions:\n"
                  "          - type: DisruptionTarget\n"
                  "            status: \"True\"\n"));
}

TEST(Kubernetes, AJobThatRestartsInItsPodHasNoPolicyForPods) {
  Deployment d = job();
  d.restart = "OnFailure";
  EXPECT_TRUE(has(text_of(d), "restartPolicy: OnFailure\n"));
  EXPECT_FALSE(has(text_of(d), "podFailurePolicy"));
}

TEST(Kubernetes, RestartsThatAClusterRefusesAreRefused) {
  Deployment d = job();
  d.restart = "Always";
  EXPECT_TRUE(has(said(d, "--restart"), "Never"));
  d = server();
  d.restart = "Never";
  EXPECT_TRUE(has(said(d, "--restart"), "Always"));
}

TEST(Kubernetes, RetriesAndDeadlineAreThoseThatWereAskedFor) {
  Deployment d = job();
  d.retries = 2;
  d.deadline_seconds = 90.5;
  EXPECT_TRUE(has(text_of(d), "backoffLimit: 2\n"));
  EXPECT_TRUE(has(text_of(d), "activeDeadlineSeconds: 91\n"));
}

TEST(Kubernetes, RequestsAreLimits) {
  Deployment d = server();
  d.cpus = 1.5;
  d.memory_gb = 0.75;
  const std::string both = "cpu: \"1500m\"\n              memory: \"768Mi\"\n";
  const std::string text = text_of(d);
  EXPECT_TRUE(has(text, "requests:\n              " + both)) << text;
  EXPECT_TRUE(has(text, "limits:\n              " + both)) << text;
  EXPECT_TRUE(has(text, "name: HEADRACE_MEMORY_MB\n              value: \"768\"\n")) << text;
}

TEST(Kubernetes, SizesThatAreNoneAreRefused) {
  Deployment d = server();
  d.cpus = 0.001;
  d.memory_gb = 0.01;
  EXPECT_FALSE(said(d, "--cpus").empty());
  EXPECT_FALSE(said(d, "--memory").empty());
  d.cpus = 1.0005;
  EXPECT_FALSE(said(d, "--cpus").empty());
  d = job();
  d.deadline_seconds = 0;
  EXPECT_FALSE(said(d, "--deadline").empty());
  d = server();
  d.replicas = 0;
  EXPECT_FALSE(said(d, "--replicas", Finding::Severity::warning).empty());
}

TEST(Kubernetes, TheContainerHasNoRightThatItDoesNotNeed) {
  const std::string text = text_of(server());
  for (const char* line : {"runAsNonRoot: true\n", "readOnlyRootFilesystem: true\n",
                           "allowPrivilegeEscalation: false\n", "drop:\n                - ALL\n",
                           "type: RuntimeDefault\n", "automountServiceAccountToken: false\n",
                           "enableServiceLinks: false\n"}) {
    EXPECT_TRUE(has(text, line)) << line << text;
  }
}

TEST(Kubernetes, VolumesThatAreWrittenToBelongToTheGroup) {
  EXPECT_TRUE(has(text_of(job()), "fsGroup: 65532\n"));
  EXPECT_FALSE(has(text_of(server()), "fsGroup"));
}

TEST(Kubernetes, HttpIsAskedWhereItListens) {
  Deployment d = server();
  const std::string plain = text_of(d);
  EXPECT_TRUE(has(plain, "startupProbe:\n            httpGet:\n              path: /readyz\n"));
  EXPECT_TRUE(has(plain, "readinessProbe:\n            httpGet:\n              path: /readyz\n"));
  EXPECT_TRUE(has(plain, "livenessProbe:\n            httpGet:\n              path: /livez\n"));
  EXPECT_FALSE(has(plain, "scheme"));
  d.ports[0].tls = true;
  EXPECT_TRUE(has(text_of(d), "scheme: HTTPS\n"));
}

TEST(Kubernetes, AServerWithGrpcAloneIsNotKilledForAModelThatIsNotReady) {
  Deployment d = server();
  d.ports = {{.door = Port::Door::grpc, .number = 8001, .option = "--grpc 0.0.0.0:8001"}};
  const std::string plain = text_of(d);
  EXPECT_TRUE(has(plain, "readinessProbe:\n            grpc:\n              port: 8001\n"));
  EXPECT_TRUE(has(plain, "livenessProbe:\n            tcpSocket:\n              port: 8001\n"));
  d.ports[0].tls = true;
  EXPECT_TRUE(
      has(text_of(d), "readinessProbe:\n            tcpSocket:\n              port: 8001\n"));
}

TEST(Kubernetes, AServerHasTimeToAnswerWhatItAdmitted) {
  Deployment d = server();
  d.grace_seconds = 50;
  EXPECT_TRUE(has(text_of(d), "terminationGracePeriodSeconds: 60\n")) << "55 and preStop";
}

TEST(Kubernetes, AServerAnswersUntilNobodyAsksItAnyMore) {
  const std::string sleep =
      "lifecycle:\n            preStop:\n              sleep:\n                seconds: 5\n";
  EXPECT_TRUE(has(text_of(server()), sleep)) << text_of(server());
  EXPECT_FALSE(has(text_of(job()), "lifecycle"));
  Deployment d = server();
  d.virtual_node = true;
  EXPECT_FALSE(has(text_of(d), "lifecycle")) << "not known whether they have it";
}

TEST(Kubernetes, AServiceSendsNothingToThePodOfAJobOfItsName) {
  const std::string server_labels =
      "app.kubernetes.io/name: classify\n    app.kubernetes.io/component: server\n";
  EXPECT_TRUE(has(text_of(server()), "  selector:\n    " + server_labels)) << text_of(server());
  EXPECT_TRUE(has(text_of(job()),
                  "      labels:\n        app.kubernetes.io/name: classify\n"
                  "        app.kubernetes.io/component: job\n"))
      << text_of(job());
}

TEST(Kubernetes, StrictEndsAJobAtOnceUnlessItRestartsInItsPod) {
  Deployment d = job();
  d.strict = true;
  EXPECT_TRUE(said(d, "--strict", Finding::Severity::warning).empty());
  d.restart = "OnFailure";
  EXPECT_FALSE(said(d, "--strict", Finding::Severity::warning).empty());
}

TEST(Kubernetes, AServerThatNobodyReachesIsSaidToBe) {
  Deployment d = server();
  d.ports.clear();
  EXPECT_FALSE(said(d, "--http", Finding::Severity::warning).empty());
}

TEST(Kubernetes, NoReplicaLeavesBeforeItsSuccessorIsReady) {
  EXPECT_TRUE(has(text_of(server()), "maxUnavailable: 0\n"));
}

TEST(Kubernetes, AModelThatLoadsForLongIsNoStuckRollout) {
  Deployment d = server();
  EXPECT_FALSE(has(text_of(d), "progressDeadlineSeconds"));
  d.load_seconds.reset();
  d.load_timeout_seconds = 900;
  EXPECT_TRUE(has(text_of(d), "progressDeadlineSeconds: 1200\n"));
}

TEST(Kubernetes, OnlyAPublicServiceHasAnAddressOutside) {
  Deployment d = server();
  EXPECT_TRUE(has(text_of(d), "type: ClusterIP\n"));
  d.open_to_all = true;
  EXPECT_TRUE(has(text_of(d), "type: LoadBalancer\n"));
}

TEST(Kubernetes, AServerWithoutAPortHasNoService) {
  Deployment d = server();
  d.ports.clear();
  EXPECT_FALSE(has(text_of(d), "kind: Service\n"));
  EXPECT_FALSE(has(text_of(d), "Probe"));
}

TEST(Kubernetes, AnAutoscalerAloneSaysHowManyReplicasThereAre) {
  Deployment d = server();
  d.replicas = 2;
  EXPECT_TRUE(has(text_of(d), "  replicas: 2\n"));
  d.most_replicas = 5;
  const std::string text = text_of(d);
  EXPECT_FALSE(has(text, "  replicas:"));
  EXPECT_TRUE(has(text, "kind: HorizontalPodAutoscaler\n"));
  EXPECT_TRUE(has(text, "minReplicas: 2\n  maxReplicas: 5\n"));
  d.most_replicas = 1;
  EXPECT_FALSE(said(d, "--max-replicas").empty());
  d.replicas = 0;
  EXPECT_FALSE(said(d, "--replicas").empty());
}

TEST(Kubernetes, AVirtualNodeIsAskedForAndItsOwnMemoryLeftAlone) {
  Deployment d = server();
  d.virtual_node = true;
  const std::string text = text_of(d);
  EXPECT_TRUE(has(text, "nodeSelector:\n        virtualization: virtualnode2\n"));
  EXPECT_TRUE(has(text, "key: virtual-kubelet.io/provider\n"));
  EXPECT_TRUE(has(text, "value: \"8117\"\n")) << text;  // 8192 less 75
  EXPECT_FALSE(any_error(check(d)));
  d.cpus = 32;
  d.memory_gb = 250;
  EXPECT_FALSE(said(d, "--cpus").empty());
  EXPECT_FALSE(said(d, "--memory").empty());
}

TEST(Kubernetes, SecretsAreReferences) {
  Deployment d = server();
  d.variables = {*parse_env_secret("API_TOKEN"), *parse_env_secret("OTHER=shared/other.key")};
  d.registry_secret = "pull";
  EXPECT_FALSE(any_error(check(d)));
  const std::string text = text_of(d);
  EXPECT_TRUE(has(text,
                  "secretKeyRef:\n                  name: classify\n"
                  "                  key: API_TOKEN\n"))
      << text;
  EXPECT_TRUE(has(text, "name: shared\n                  key: other.key\n"));
  EXPECT_TRUE(has(text, "imagePullSecrets:\n        - name: pull\n"));
  EXPECT_TRUE(has(text, "API_TOKEN comes from the key API_TOKEN of the Secret classify"));
}

TEST(Kubernetes, ReferencesThatAreNoneAreRefused) {
  for (const char* reference :
       {"shared-8f3a", "shared/", "/key-of-it", "Shared/key", "shared/a b"}) {
    Deployment d = server();
    d.variables = {*parse_env_secret(std::string("A=") + reference)};
    EXPECT_TRUE(has(said(d, "--env-secret A"), "SECRET/KEY")) << reference;
    EXPECT_FALSE(has(said(d, "--env-secret A"), reference)) << "it may be the secret itself";
  }
}

TEST(Kubernetes, NamesThatAClusterRefusesAreRefused) {
  const auto refused = [](Deployment d, const std::string& name) {
    d.name = name;
    return !said(d, "--name").empty();
  };
  for (const std::string name : {"a", "a-1", "classify-001"}) EXPECT_FALSE(refused(server(), name));
  const std::string long_name(64, 'a');
  for (const std::string& name :
       std::vector<std::string>{"", "-a", "a-", "A", "a_b", "a.b", "1a", long_name})
    EXPECT_TRUE(refused(server(), name)) << name;
  EXPECT_FALSE(refused(job(), "1a"));
  EXPECT_FALSE(refused(job(), std::string(63, 'a')));
  EXPECT_TRUE(refused(job(), "a-"));
}

TEST(Kubernetes, NamesOfOtherObjectsAreLookedAt) {
  Deployment d = server();
  d.registry_secret = "Pull";
  d.service_account = "a..b";
  d.kube_namespace = "a.b";
  EXPECT_FALSE(said(d, "--registry-secret").empty());
  EXPECT_FALSE(said(d, "--service-account").empty());
  EXPECT_FALSE(said(d, "--namespace").empty());
  d = server();
  d.mounts.push_back(*parse_mount("Models=claim:Models:/m"));
  EXPECT_TRUE(has(said(d, "--mount Models"), "volume"));
  EXPECT_TRUE(has(said(d, "--mount Models"), "PersistentVolumeClaim"));
}

TEST(Kubernetes, AShareIsMountedThroughAClaim) {
  Deployment d = server();
  d.mounts = {*parse_mount("models=azurefile:account/share:/models:ro")};
  EXPECT_TRUE(has(said(d, "--mount models"), "--mount models=claim:NAME:/models"));
}

TEST(Kubernetes, MountsOfEachKindAreVolumes) {
  Deployment d = server();
  d.mounts = {*parse_mount("a=claim:models:/a:ro"), *parse_mount("b=secret:tokens:/b"),
              *parse_mount("c=configmap:settings:/c"), *parse_mount("d=empty:/tmp")};
  const std::string text = text_of(d);
  EXPECT_TRUE(has(text, "persistentVolumeClaim:\n            claimName: models\n"));
  EXPECT_TRUE(has(text, "secret:\n            secretName: tokens\n"));
  EXPECT_TRUE(has(text, "configMap:\n            name: settings\n"));
  EXPECT_TRUE(has(text, "emptyDir: {}\n"));
  EXPECT_TRUE(has(text, "mountPath: /b\n              readOnly: true\n"));
  EXPECT_FALSE(has(text, "mountPath: /tmp\n              readOnly"));
}

TEST(Kubernetes, ResultsInTheContainerItselfAreRefused) {
  Deployment d = job();
  d.mounts.pop_back();
  EXPECT_TRUE(has(said(d, "--out"), "--mount results=claim:NAME:/out"));
  EXPECT_TRUE(said(d, "--out", Finding::Severity::warning).empty());
}

TEST(Kubernetes, WordsReachTheProgramAsTheyAre) {
  Deployment d = job();
  d.words = {"run", "$(HOME)/$$x/${y}"};
  d.variables = {*parse_env("PLAIN=$(B)")};
  EXPECT_TRUE(has(text_of(d), "- \"$$(HOME)/$$$x/\\u0024{y}\"\n"));
  EXPECT_TRUE(has(text_of(d), "value: \"$$(B)\"\n"));
}

TEST(Kubernetes, ANamespaceIsInTheObjectsAndInTheCommands) {
  Deployment d = server();
  d.kube_namespace = "vision";
  EXPECT_TRUE(has(text_of(d), "  namespace: vision\n"));
  EXPECT_TRUE(has(text_of(d), "kubectl -n vision apply -f classify.yaml"));
}

TEST(Kubernetes, WhatWorksBadlyIsSaid) {
  Deployment d = server();
  d.ports[0] = {.door = Port::Door::http, .number = 80, .option = "--http 0.0.0.0:80"};
  EXPECT_TRUE(has(said(d, "--http", Finding::Severity::warning), "1024"));
  d.ports[0] = {.door = Port::Door::grpc, .number = 8001, .option = "--grpc 0.0.0.0:8001"};
  d.replicas = 2;
  EXPECT_TRUE(has(said(d, "--grpc", Finding::Severity::note), "connection"));
}

TEST(Kubernetes, ExplainingAddsCommentsAndNothingElse) {
  const std::string explained = text_of(job(), true);
  EXPECT_TRUE(has(explained, "memory.oom.group"));
  std::string without;
  for (std::size_t begin = 0; begin < explained.size();) {
    const std::size_t end = explained.find('\n', begin) + 1;
    const std::string line = explained.substr(begin, end - begin);
    const std::size_t first = line.find_first_not_of(' ');
    if (first == std::string::npos || line[first] != '#') without += line;
    begin = end;
  }
  const std::string plain = text_of(job());
  EXPECT_EQ(without, plain.substr(plain.find("apiVersion")));
}

}  // namespace
}  // namespace headrace::deploy::kubernetes
