#include "deploy/deployment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace::deploy {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using Severity = Finding::Severity;

Deployment job() {
  Deployment d{.work = Work::job, .name = "classify", .image = "registry.example/headrace:0.1.0"};
  d.cpus = 4;
  d.memory_gb = 8;
  d.words = {"run", "/models/lite0", "/in", "--out", "/out/results.jsonl"};
  d.mounts = {*parse_mount("models=claim:models:/models:ro"),
              *parse_mount("inputs=azurefile:pictures/in:/in:ro"),
              *parse_mount("results=azurefile:pictures/out:/out")};
  d.paths = {{Path::Use::model, "/models/lite0", "MODEL"},
             {Path::Use::input, "/in", "INPUT"},
             {Path::Use::written, "/out/results.jsonl", "--out"}};
  return d;
}

Deployment server() {
  Deployment d{
      .work = Work::server, .name = "classify", .image = "registry.example/headrace:0.1.0"};
  d.cpus = 4;
  d.memory_gb = 8;
  d.words = {"serve", "/models/lite0"};
  d.mounts = {*parse_mount("models=claim:models:/models:ro")};
  d.paths = {{Path::Use::model, "/models/lite0", "MODEL"}};
  d.ports = {{Port::Door::http, 8080, false, "--http 0.0.0.0:8080"}};
  return d;
}

auto finding(Severity severity, const std::string& option, const std::string& rule) {
  return AllOf(Field(&Finding::severity, severity), Field(&Finding::option, HasSubstr(option)),
               Field(&Finding::rule, HasSubstr(rule)), Field(&Finding::fix, Not("")));
}
auto says(Severity severity, const std::string& option, const std::string& rule) {
  return Contains(finding(severity, option, rule));
}

TEST(Deployments, AreFineWhenTheyAre) {
  EXPECT_TRUE(check_everywhere(job()).empty());
  EXPECT_TRUE(check_everywhere(server()).empty());
}

TEST(Deployments, NeedASize) {
  Deployment d = job();
  d.cpus = d.memory_gb = 0;
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "--cpus", "no number of CPUs"));
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "--memory", "no amount"));
  d = job();
  d.memory_mb_given = 9000;
  EXPECT_THAT(check_everywhere(d),
              says(Severity::error, "--memory-mb", "more than the container's 8 GB"));
}

TEST(Deployments, NameAnImageWithATag) {
  Deployment d = job();
  for (const char* image : {"", "https://registry.example/headrace:1", "head race", "a'b"}) {
    d.image = image;
    EXPECT_THAT(check_everywhere(d), says(Severity::error, "--image", "no name of an image"))
        << image;
  }
  for (const char* image : {"registry.example:5000/headrace", "headrace:latest"}) {
    d.image = image;
    EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--image", "without a tag")) << image;
  }
  for (const std::string& image : {"registry.example/headrace@sha256:" + std::string(64, 'a'),
                                   "Registry.example:5000/a/b-c:1@sha256:" + std::string(64, '0'),
                                   std::string("a__b/c:V_1.0")}) {
    d.image = image;
    EXPECT_TRUE(check_everywhere(d).empty()) << image;
  }
  for (const char* image :
       {"registry.example/Headrace:1", "headrace:1:2", "headrace:", "headrace:-1", "headrace@",
        "headrace@sha256:xyz", "registry.example:port/h:1", "registry.example:/h:1", "a/-b:1",
        "a/:1"}) {
    d.image = image;
    EXPECT_THAT(check_everywhere(d), says(Severity::error, "--image", "no name of an image"))
        << image;
  }
}

TEST(Deployments, RepeatNoPasswordOfAnImage) {
  Deployment d = job();
  for (const char* image :
       {"bob:planted@registry.example/headrace:1", "bob:planted@registry.example",
        "https://bob:planted@registry.example/headrace:1"}) {
    d.image = image;
    EXPECT_THAT(check_everywhere(d), AllOf(says(Severity::error, "--image", "no name of an image"),
                                           Each(Field(&Finding::rule, Not(HasSubstr("planted"))))))
        << image;
  }
}

TEST(Deployments, WriteToFilesAndWhereTheySay) {
  Deployment d = job();
  for (const char* folder : {"/out", "/out/", "/out/lines/", "/out/."}) {
    d.paths[2].path = folder;
    EXPECT_THAT(check_everywhere(d), says(Severity::error, "--out", "is a folder")) << folder;
  }
  d.paths[2].folder = true;
  EXPECT_TRUE(check_everywhere(d).empty()) << "--files may be the mount itself";
  d = job();
  d.paths[2].path = "/out/../etc/lines";
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "--out", "leaves its own folder"));
  EXPECT_EQ(check_everywhere(d)[0].fix, "write /etc/lines");
  d.paths[2].path = "/out//a/./lines";
  EXPECT_TRUE(check_everywhere(d).empty());
  d.paths[2].path = "/out/$HOSTNAME.jsonl";
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--out", "in place of the $"));
}

TEST(Deployments, SayThatAModelOnAShareMayGo) {
  Deployment d = job();
  d.mounts[0] = *parse_mount("models=azurefile:pictures/models:/models:ro");
  EXPECT_THAT(check_everywhere(d), says(Severity::note, "MODEL", "drops it, workers die"));
}

TEST(Paths, ArePlain) {
  EXPECT_EQ(plain_path("/a//b/./c/"), "/a/b/c");
  EXPECT_EQ(plain_path("/a/../../b"), "/b");
  EXPECT_EQ(plain_path("/"), "/");
}

TEST(Deployments, KnowWhatLiesInWhichMount) {
  Deployment d = job();
  d.mounts[2].read_only = true;
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "--out", "cannot be written"));
  d.mounts[2] = *parse_mount("results=empty:/out");
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--out", "goes with the container"));
  d.mounts[2].path = "/output";
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--out", "lies in no --mount"));
  d.mounts[0] = *parse_mount("models=empty:/models");
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "MODEL", "empty at the start"));
  d.mounts[0].path = "/other";
  EXPECT_THAT(check_everywhere(d), says(Severity::note, "MODEL", "must be in the image"));
  d.paths = {{Path::Use::token, "/etc/token", "--token-file"}};
  EXPECT_THAT(check_everywhere(d),
              says(Severity::warning, "--token-file", "would be in the image"));
}

TEST(Deployments, MountNothingOverTheProgramOrTheKernelsFiles) {
  for (const char* path :
       {"/", "/usr", "/usr/bin", "/usr/bin/x", "/usr/lib", "/usr/lib/headrace", "/proc", "/sys/fs",
        "/dev/shm", "/etc", "/lib", "/lib/x86_64-linux-gnu"}) {
    Deployment d = job();
    d.mounts.push_back(*parse_mount(std::string("other=empty:") + path));
    EXPECT_THAT(check_everywhere(d), says(Severity::error, "--mount other", "hides")) << path;
  }
  Deployment d = job();
  d.mounts.push_back(*parse_mount("other=empty:/etc/headrace"));
  EXPECT_TRUE(check_everywhere(d).empty());
  d.mounts.back().path = "/a b";
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "--mount other", "letters, digits"));
}

TEST(Deployments, MountEachThingOnce) {
  Deployment d = job();
  d.mounts.push_back(*parse_mount("models=empty:/x"));
  EXPECT_THAT(check_everywhere(d),
              says(Severity::error, "--mount models", "two mounts are called"));
  d.mounts.back() = *parse_mount("other=empty:/in");
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "--mount other", "both mounted at /in"));
}

TEST(Jobs, SayWhatARestartDoesToTheirResults) {
  Deployment d = job();
  d.results_on_output = true;
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--out", "16 KB"));
  d = job();
  d.overwrites = true;
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--overwrite", "begins anew"));
  d = job();
  d.resume_was_added = true;
  EXPECT_THAT(check_everywhere(d), says(Severity::note, "--out", "--resume was added"));
}

TEST(Servers, AreNotOpenToAllByMistake) {
  Deployment d = server();
  d.open_to_all = true;
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--public", "everybody"));
  d.has_tokens = true;
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--public", "unencrypted"));
  d.ports[0].tls = true;
  EXPECT_TRUE(check_everywhere(d).empty());
  d.admin_beyond_loopback = true;
  d.admin_option = "--admin 0.0.0.0:8081";
  EXPECT_THAT(check_everywhere(d),
              says(Severity::error, "--admin 0.0.0.0:8081", "on the internet"));
  d.open_to_all = false;
  EXPECT_THAT(check_everywhere(d),
              says(Severity::warning, "--admin 0.0.0.0:8081", "not published"));
}

TEST(Servers, ThatNobodyReachesAreSaidToBe) {
  Deployment d = server();
  d.ports.clear();
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--http", "no door is open"));
}

TEST(Servers, HaveAPortForEachDoor) {
  Deployment d = server();
  d.ports.push_back({Port::Door::grpc, 8080, false, "--grpc 0.0.0.0:8080"});
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "--grpc", "taken by --http"));
}

TEST(Deployments, AreComparedWithWhatWasMeasured) {
  Deployment d = job();
  d.measured = {.from = "plan.toml", .cpus = 2, .used_mib = 300};
  EXPECT_THAT(check_everywhere(d), says(Severity::note, "--cpus", "measured with 2 CPUs"));
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--memory", "300 MiB of the 8192"));
  d.measured.used_mib = 9000;
  EXPECT_THAT(check_everywhere(d), says(Severity::warning, "--memory", "takes 9000 MiB"));
  d.load_seconds = 150;
  EXPECT_THAT(check_everywhere(d), says(Severity::error, "--load-timeout", "given up after 120"));
}

TEST(Mounts, AreReadFromOneWord) {
  const Mount mount = *parse_mount("models=azurefile:pictures/models:/models/:ro");
  EXPECT_EQ(mount.name, "models");
  EXPECT_EQ(mount.kind, Mount::Kind::azurefile);
  EXPECT_EQ(mount.source, "pictures/models");
  EXPECT_EQ(mount.path, "/models");
  EXPECT_TRUE(mount.read_only);
  EXPECT_EQ(parse_mount("scratch=empty:/scratch")->path, "/scratch");
  EXPECT_EQ(parse_mount("keys=secret:token,tls.pem:/run/secrets")->source, "token,tls.pem");
  for (const char* wrong :
       {"", "models", "=empty:/a", "a=disk:x:/a", "a=empty", "a=empty:a", "a=empty:x:/a",
        "a=claim:/a", "a=claim::/a", "a=claim:x", "a=claim:x:a", "a=claim:x:/a/../b",
        "a=claim:x:/./usr/lib", "a=claim:x:/a//b", "a=claim:x:/a:rw"}) {
    EXPECT_FALSE(parse_mount(wrong)) << wrong;
  }
}

TEST(Mounts, HoldNoSecretInTheirSource) {
  for (const char* mount : {"a=azurefile:acc/share?sv=1&sig=planted:/r",
                            "a=secret:sk-planted0123456789:/r", "a=https://x?sig=planted:/r"}) {
    const auto refused = parse_mount(mount);
    ASSERT_FALSE(refused) << mount;
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("looks like a secret"), Not(HasSubstr("planted"))));
  }
}

TEST(Variables, AreNoSecretsByNameOrValue) {
  EXPECT_EQ(parse_env("LEVEL=a=b")->value, "a=b");
  for (const char* fine :
       {"LANGUAGE=sk-SK", "MODE=basic settings", "PLACE=mask-rcnn-inception-resnet-v2",
        "TOKENIZERS_PARALLELISM=false", "KEYBOARD=de", "CONNECT_TIMEOUT=3", "EMPTY="}) {
    EXPECT_TRUE(parse_env(fine)) << fine;
  }
  for (const char* secret :
       {"TOKEN=planted", "SB_CONN=planted", "API_KEY=planted", "APIKEY=planted",
        "DB_PASSWORD=planted", "my_secret=planted", "X=Endpoint=sb://x/;SharedAccessKey=planted",
        "X=https://user:planted@host/", "X=Bearer planted", "X=-----BEGIN PRIVATE KEY-----planted",
        "X=sk-proj-planted0123456789", "X=ghp_planted0123456789", "X=github_pat_planted0123456789",
        "X=xoxb-planted-0123", "X=AKIAPLANTED012345678", "X=eyJplanted0.eyJzdWIiOiIx.c2ln",
        "X=Authorization: Basic cGxhbnRlZDpwdw==", "X=a?sig=planted"}) {
    const auto refused = parse_env(secret);
    ASSERT_FALSE(refused) << secret;
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("--env-secret"), Not(HasSubstr("planted"))));
  }
  for (const char* wrong : {"", "A", "=a", "1A=b", "A-B=c", "A B=c"})
    EXPECT_FALSE(parse_env(wrong)) << wrong;
  EXPECT_THAT(parse_env("HEADRACE_WORKERS=2").error().message,
              HasSubstr("is an option of Headrace"));
}

TEST(Settings, AreReadForNamesOfSecrets) {
  for (const char* secret :
       {R"({"api_key": "planted"})", "api-key=planted", "a: 1\ntoken : planted",
        R"({"db": {"password":"1"}})", R"({"keys": ["planted"]})"}) {
    EXPECT_TRUE(names_a_secret_within(secret)) << secret;
  }
  for (const char* fine :
       {R"({"max_tokens": 128, "tokens": true, "key": null})", "labels=/m/labels",
        "it's \"x\"\ny: $A", "token=", R"({"keys": {"a": 1}})", ":=", ""}) {
    EXPECT_FALSE(names_a_secret_within(fine)) << fine;
  }
}

TEST(Variables, OfSecretsHaveReferencesAndNoValues) {
  const Variable variable = *parse_env_secret("SB_CONN=queue/connection");
  EXPECT_TRUE(variable.secret);
  EXPECT_EQ(variable.value, "");
  EXPECT_EQ(variable.reference, "queue/connection");
  const auto refused = parse_env_secret("SB_CONN=Endpoint=sb://x/;SharedAccessKey=planted");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, Not(HasSubstr("planted")));
  EXPECT_FALSE(parse_env_secret("HEADRACE_CPUS"));
  EXPECT_FALSE(parse_env_secret("a-b"));
}

TEST(Sizes, LeaveThePlatformItsShare) {
  Deployment d = job();
  d.measured.threads = 2;
  const std::vector<Variable> all = sizes(d, 8192, 75, "the machine around it");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].value, "4");
  EXPECT_EQ(all[1].value, "8117");
  EXPECT_THAT(all[1].why, HasSubstr("8192 MiB, less 75 MiB: the machine around it"));
  EXPECT_EQ(all[2].name, "OMP_NUM_THREADS");
  EXPECT_EQ(all[2].value, "2");
  d.memory_mb_given = 500;
  d.threads = 3;
  EXPECT_EQ(sizes(d, 8192, 75, "")[1].value, "500");
  EXPECT_EQ(sizes(d, 8192, 75, "")[2].value, "3");
}

TEST(Sizes, LeaveOutWhatTheUserGave) {
  Deployment d = job();
  d.variables = {*parse_env("OMP_NUM_THREADS=4")};
  EXPECT_EQ(sizes(d, 8192, 0, "").size(), 2U);
}

TEST(Probes, FitTheTimeThatLoadingTakes) {
  Deployment d = server();
  EXPECT_EQ(liveness_probe(d, false).initial_delay, 120U) << "as long as Headrace itself lets it";
  d.load_seconds = 6.5;
  EXPECT_EQ(liveness_probe(d, false).initial_delay, 30U) << "3 x 6.5 + 10, rounded up";
  EXPECT_THAT(liveness_probe(d, false).why, HasSubstr("the model loaded in 6.5 s"));
  EXPECT_EQ(liveness_probe(d, true).initial_delay, 0U);
  EXPECT_EQ(readiness_probe(d).initial_delay, 7U);
  const ProbeTimes startup = startup_probe(d);
  EXPECT_GE(startup.failures * startup.period, 30U);
  d.load_seconds = 100;
  EXPECT_EQ(load_allowance(d).seconds, 120U) << "no longer than --load-timeout";
}

TEST(Graces, AreLongerThanTheServersOwn) {
  Deployment d = server();
  d.grace_seconds = 59.5;
  EXPECT_EQ(termination_seconds(d), 65U);
  EXPECT_GT(termination_seconds(job()), 0U);
}

TEST(Names, AreLabels) {
  for (const char* fine : {"a", "a-1", "0", "abc-def"}) EXPECT_TRUE(is_label(fine, 1, 63)) << fine;
  for (const char* wrong : {"", "-a", "a-", "A", "a_b", "a.b", "\xC3\xA4"})
    EXPECT_FALSE(is_label(wrong, 1, 63)) << wrong;
  EXPECT_FALSE(is_label("abcd", 5, 63));
  EXPECT_EQ(registry_of("registry.example:5000/a/b:1"), "registry.example:5000");
  EXPECT_EQ(registry_of("headrace:0.1.0"), "");
  EXPECT_EQ(registry_of("library/headrace"), "");
}

}  // namespace
}  // namespace headrace::deploy
