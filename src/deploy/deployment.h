// What shall run where, before any platform's words for it: one description from the options of `run` or `serve`,
// from which every platform makes its files.
//
// What goes wrong without it: each platform refuses other names, ports and sizes, minutes after a file was handed in
// and in its own words; and a container of a fixed size that is not told its size is sized by the machine below it.
// Pure arithmetic and text: nothing is read, nothing is run, nobody is asked, and no value of a secret ever gets here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace headrace::deploy {

// Where `headrace` lies in the image, which a platform must know that replaces the image's entry point.
inline constexpr const char* kProgram = "/usr/bin/headrace";

enum class Work : unsigned char {
  job,     // `run`: ends by itself, goes on where it stopped
  server,  // `serve`: until it is told to end
};

// A variable of the container's environment.
struct Variable {
  std::string name;
  std::string value{};  // of one that is no secret
  bool secret = false;  // then `value` is empty: nobody here knows it
  std::string
      reference{};  // of a secret: where the platform has it, in its own words (k8s: SECRET/KEY); empty: not said
  std::string why{};
  std::string option{};  // that it comes from, never with its value: "--env A"; empty: made here
};

// A door of `serve` that other machines may get to.
struct Port {
  enum class Door : unsigned char { http, grpc };
  Door door = Door::http;
  std::uint16_t number = 0;
  bool tls = false;
  std::string option{};  // "--http 0.0.0.0:8080"
};

struct Mount {
  enum class Kind : unsigned char { azurefile, claim, secret, configmap, empty };
  std::string name;
  Kind kind = Kind::empty;
  std::string
      source{};      // as given: ACCOUNT/SHARE, a claim, a secret, a file name; empty for `empty`
  std::string path;  // in the container, absolute, without a / at its end
  bool read_only = false;
  std::string option{};  // "--mount models=azurefile:acc/share:/models:ro"
};

// NAME=KIND:SOURCE:/PATH[:ro], NAME=empty:/PATH. The error says what is missing; what a platform takes of it is its check's.
Result<Mount> parse_mount(const std::string& given);
std::string_view word(Mount::Kind kind);

// Of --env NAME=VALUE and --env-secret NAME[=REFERENCE]. The error never says a value. What looks like a secret, by its name
// or by its value, is refused as --env; sizes of the container and other HEADRACE_... variables are options.
Result<Variable> parse_env(const std::string& given);
Result<Variable> parse_env_secret(const std::string& given);
// A key, a signature, a password in an address. By what it looks like, so it may miss some.
bool looks_like_a_secret(std::string_view text);
// {"api_key": "..."}, api_key=...: the name of a secret before a value that is neither a number nor yes or no.
bool names_a_secret_within(std::string_view settings);

// A path that an option of `run` or `serve` names, as the container will see it.
struct Path {
  enum class Use : unsigned char { model, input, written, token, read };
  Use use = Use::read;
  std::string path;      // absolute
  std::string option{};  // "--out", "INPUT"
  bool folder = false;   // of `written`: --files
};

// What was measured elsewhere: by `headrace tune` (plan.toml) or `headrace plan --json`. 0 or unset: not known.
struct Measured {
  std::string from{};  // the file, as given
  double cpus = 0;
  double memory_mib = 0;    // of the container it was measured in
  double load_seconds = 0;  // until a worker could work
  double rate = 0;          // items a second of the whole container
  double used_mib = 0;      // that all processes together are expected to take
  unsigned threads = 0;     // of each worker
  unsigned workers = 0;
};

struct Deployment {
  Work work = Work::job;
  std::string name;
  std::string image;
  std::vector<std::string>
      words{};  // what follows the program: run, /models/lite0, /in, --out, ...

  double cpus = 0;
  double memory_gb = 0;  // as the platform counts
  std::optional<double>
      memory_mb_given{};              // --memory-mb, MiB: instead of what this layer would say
  std::vector<Variable> variables{};  // of the user; sized ones are each platform's (see sizes())
  std::vector<Port> ports{};          // empty: of a job, or all doors closed to others
  std::vector<Mount> mounts{};
  std::vector<Path> paths{};  // of `words`
  Measured measured{};
  std::optional<double> load_seconds{};  // --load-time, or Measured
  double load_timeout_seconds = 120;  // after which `headrace` itself gives up a worker that loads
  double grace_seconds = 25;          // --grace of a server
  double item_timeout_seconds = 60;   // --timeout of one attempt; 0: none
  std::optional<unsigned> threads{};  // --threads of each worker
  bool strict = false;                // --strict: a job with a failed item ends with exit code 1
  bool sandbox_required = false;      // --sandbox on

  bool open_to_all = false;     // --public: an address on the internet
  bool has_tokens = false;      // --token-file
  bool has_admin_door = false;  // --admin or --admin-grpc
  std::string admin_option{};   // "--admin 0.0.0.0:8081"
  bool admin_beyond_loopback = false;
  bool resumes = false;  // --resume stands in `words`
  bool resume_was_added = false;
  bool overwrites = false;         // --overwrite
  bool results_on_output = false;  // --out -: the lines are the container's log

  std::string restart{};            // --restart: as the platform calls it; empty: what fits
  std::string location{};           // empty: a placeholder
  std::string registry{};           // server of the image, from --image: "registry.example"
  std::string registry_identity{};  // --registry-identity: resource id of a user-assigned identity
  std::string
      registry_secret{};  // --registry-secret: k8s: name of an image pull secret; aci, containerapps: the user name
                          // whose password is a placeholder
  std::string log_workspace{};              // --log-workspace: id; its key is a placeholder
  std::string dns_label{};                  // --dns-label
  std::string subnet{};                     // --subnet: resource id
  std::string environment{};                // --environment: of Container Apps, name or resource id
  std::string resource_group{};             // --resource-group; empty: a placeholder of the script
  std::string kube_namespace{};             // --namespace
  std::string service_account{};            // --service-account
  bool virtual_node = false;                // --virtual-node
  unsigned replicas = 1;                    // --replicas: least
  std::optional<unsigned> most_replicas{};  // --max-replicas
  std::optional<unsigned>
      concurrency{};  // --concurrency: requests at once of one replica, where the platform scales by them
  std::optional<unsigned> retries{};         // --retries: of a job
  std::optional<double> deadline_seconds{};  // --deadline: of a job
};

// What is wrong, or works badly. `option` is the one to change.
struct Finding {
  enum class Severity : unsigned char { note, warning, error };
  Severity severity = Severity::error;
  std::string option;  // "--name", "--mount"
  std::string rule;    // "'Cat' is no name for a container group: 1 to 63 of a-z, 0-9 and -, ..."
  std::string fix;     // "write it in small letters"
};
Finding error(std::string option, std::string rule, std::string fix);
Finding warning(std::string option, std::string rule, std::string fix);
Finding note(std::string option, std::string rule, std::string fix);

// "--name: 'Cat' is ...; write it in small letters"
std::string sentence(const Finding& finding);

// Small letters, digits and hyphens, no hyphen first or last; `least` to `most` of them.
bool is_label(std::string_view text, std::size_t least, std::size_t most);
// Whether `value` has no more decimals than one whole number of `step`s (0.1, 0.25) has.
bool is_multiple(double value, double step);
// At most three decimals, no needless zeros.
std::string decimal(double value);
bool any_error(const std::vector<Finding>& findings);
// "registry.example" of "registry.example/headrace:0.1.0"; empty for one of the usual place.
std::string registry_of(std::string_view image);

// The path without //, /./, /../ and a / at its end, as the container's kernel goes along it.
std::string plain_path(std::string_view path);
// The mount that a path of the container lies in; nullptr: it lies in the image.
const Mount* mount_of(const Deployment& deployment, std::string_view path);

// Of --strict, where the platform starts a job again after exit code 1.
void warn_of_strict(const Deployment& deployment, std::vector<Finding>& findings);

// What holds on every platform: sizes above nothing, names of variables, two mounts at one place, results that nobody
// keeps, a public address without a token, ports taken twice. A platform's check begins with it.
std::vector<Finding> check_everywhere(const Deployment& deployment);

// What the container is told of its size: HEADRACE_CPUS, HEADRACE_MEMORY_MB, OMP_NUM_THREADS, unless --env gives it
// already. `memory_mib` is what
// the platform's limit is in MiB, `kept_back_mib` what it takes of that for itself, `why_kept_back` who and for what.
std::vector<Variable> sizes(const Deployment& deployment, double memory_mib, double kept_back_mib,
                            const std::string& why_kept_back);

// How often a platform looks, in whole seconds. Each number has its arithmetic in `why`.
struct ProbeTimes {
  unsigned initial_delay = 0;
  unsigned period = 10;
  unsigned timeout = 2;
  unsigned failures = 3;
  std::string why{};
};
inline constexpr const char* kLivePath = "/livez";
inline constexpr const char* kReadyPath = "/readyz";
// How long loading may take before somebody should be told: three times what was measured and ten seconds more, or
// what `headrace` itself allows (--load-timeout), and the sentence that says so.
struct LoadAllowance {
  unsigned seconds = 0;
  std::string why{};
};
LoadAllowance load_allowance(const Deployment& deployment);
// For platforms with a probe of the start (k8s, Container Apps): it fails only after the load allowance.
ProbeTimes startup_probe(const Deployment& deployment);
ProbeTimes readiness_probe(const Deployment& deployment);
// `after_startup_probe`: another probe guards the loading; otherwise the initial delay must.
ProbeTimes liveness_probe(const Deployment& deployment, bool after_startup_probe);

// The port that a probe asks: HTTP before gRPC; nullptr when there is none.
const Port* probed_port(const Deployment& deployment);

// The last word of the grace that a platform must give: `grace_seconds` of a server (a job ends within some seconds),
// and five for the rest.
unsigned termination_seconds(const Deployment& deployment);

// --- Files

enum class Form : unsigned char { yaml, bicep, az };
std::string_view word(Form form);

struct File {
  Form form = Form::yaml;
  std::string name;  // "classify.yaml"
  std::string text;
};

// Each platform is a namespace with these two (aci.h, kubernetes.h, container_apps.h):
//   std::vector<Finding> check(const Deployment&);               all that it would refuse, and what works badly
//   std::vector<File> files(const Deployment&, bool explain);    every form it has, the usual one first; for a deployment
//                                                                in which check() finds no error

// The words of the command as a person would type them, for headings: "headrace run /models/lite0 /in ...".
std::string shown_command(const Deployment& deployment);

}  // namespace headrace::deploy
