// What the user asked for: the command line, then HEADRACE_... variables, then the --config file.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/units.h"
#include "cli/deploy_options.h"
#include "sys/sandbox.h"

namespace headrace::cli {

inline constexpr std::array<std::string_view, 6> kCommands = {"run",  "plan",  "probe",
                                                              "tune", "serve", "deploy"};

enum class ProgressStyle : unsigned char { automatic, bar, plain, none };

// What every command that starts workers is told.
struct JobOptions {
  std::string model;
  std::string beneath;  // no option: the folder that holds all files of MODEL; empty: anywhere
  std::vector<std::string> inputs;

  std::optional<unsigned> workers;  // unset: auto
  std::optional<unsigned> threads;  // unset: auto
  std::optional<unsigned> streams;  // unset: auto
  std::optional<unsigned> batch;    // unset: auto
  std::string engine;               // empty: as model.toml says
  std::string plan;                 // a plan file, "none", or empty: the one beside MODEL
  std::string handler_settings;     // text for a handler
  std::string files;                // empty: results of bytes stand in the lines
  std::string cpus;                 // HEADRACE_CPUS, as given
  std::string memory_mb;            // HEADRACE_MEMORY_MB, as given
  std::size_t sharers = 1;  // no option: models that share the container; cpus and memory_mb are
                            // then the share of one

  std::chrono::milliseconds timeout{60'000};
  std::chrono::milliseconds load_timeout{120'000};
  std::uint64_t max_bytes = 256ULL << 20;
  std::uint64_t max_pixels = 100'000'000;
  std::optional<std::uint32_t> result_bytes;  // unset: from the model's output

  sys::Confine sandbox = sys::Confine::where_possible;

  std::string log_level = "warn";
};

struct RunOptions : JobOptions {
  std::string out = "-";
  bool resume = false;
  bool overwrite = false;
  bool ordered = false;
  bool strict = false;
  std::string summary;  // empty: none
  unsigned attempts = 3;
  std::chrono::milliseconds patience{300'000};  // with files whose errors may pass
  ProgressStyle progress = ProgressStyle::automatic;
  bool governor_acts = true;                    // or only looks
  std::optional<std::uint64_t> recycle_after;   // items of one worker
  std::optional<std::uint64_t> recycle_growth;  // bytes past what it had after its first items
};

struct PlanOptions : JobOptions {
  bool json = false;
};

struct ProbeOptions {
  bool json = false;
  bool signals = false;
  bool live = false;
  bool ready = false;
};

struct TuneOptions : JobOptions {
  bool latency = false;                       // otherwise throughput
  std::chrono::microseconds p99{0};           // of a latency goal; 0: none
  std::optional<double> rate{};               // items a second that arrive
  std::chrono::milliseconds time{100'000};    // for all of it
  unsigned sample = 500;                      // inputs
  std::string out;                            // empty: beside MODEL
  std::string report = "headrace-tune.html";  // or "none"
  ProgressStyle progress = ProgressStyle::automatic;
};

struct ServeOptions : JobOptions {
  std::vector<std::string> models;
  std::string repository;             // a folder of models to load later; empty: none
  std::string http = "0.0.0.0:8080";  // or "unix:PATH"
  std::string grpc;                   // the same; empty: no gRPC
  std::string admin_grpc;        // where models are loaded and unloaded over gRPC; empty: nowhere
  std::string admin;             // the same, for whoever looks after it; empty: nowhere
  std::string token_file;        // empty: everybody may come in
  std::string admin_token_file;  // of admin and admin_grpc; empty: token_file
  std::string tls_certificate;   // both or none
  std::string tls_key;
  unsigned attempts = 3;
  unsigned spare = 0;  // workers of each model beyond those that are fed
  std::chrono::microseconds batch_delay{0};
  unsigned queue = 256;                      // requests of each model, waiting and in work
  std::optional<std::uint64_t> queue_bytes;  // of each model; unset: by the container's memory
  std::uint64_t max_body = 64ULL << 20;
  unsigned connections = 1024;
  std::chrono::milliseconds grace{25'000};
  std::string access_log = "none";  // or "-"
  bool governor_acts = true;
  std::optional<std::uint64_t> recycle_after;
  std::optional<std::uint64_t> recycle_growth;
};

// Exit codes of every command.
enum ExitCode : int {
  kDone = 0,        // every input has its line
  kSomeFailed = 1,  // ... some of them `failed`, and --strict was given
  kUsage = 2,       // the command line makes no sense
  kCannotRun = 3,   // the job could not run, or not to its end
  // 128 + N: stopped by signal N, work left undone
};

// The options to run with, or the exit code after --help, --version or a mistake (already
// explained).
std::variant<RunOptions, PlanOptions, ProbeOptions, TuneOptions, ServeOptions, DeployOptions, int>
parse(int argc, char** argv);

}  // namespace headrace::cli
