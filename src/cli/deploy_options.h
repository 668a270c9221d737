// The command line of `headrace deploy`: a platform, then `run` or `serve` with all its options, then what is the
// container's.
//
// The words of the container's command are the words that were given here, so there is no second list of options that
// could fall behind. Paths are the container's: nothing is looked for on this machine, but the file of --from.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "deploy/cost.h"
#include "deploy/deployment.h"

namespace headrace::cli {

inline constexpr const char* kDeployText =
    "Print files for a container platform that run or serve in it. Runs nothing, asks nobody.";

enum class Platform : unsigned char { aci, kubernetes, container_apps };

struct DeployOptions {
  Platform platform = Platform::aci;
  deploy::Deployment deployment{};
  std::string from{};  // --from: a file of `tune` or `plan --json`; empty: none
  std::string as{};  // --as: yaml, bicep, az, all; empty: the platform's first, or all with --into
  std::string into{};  // --into: a folder for the files; empty: standard output
  bool replace = false;
  bool explain = false;
  std::optional<std::string> cost{};  // --cost: items a second, or "measured"
  deploy::CostInput prices{};         // of --cost
};

// `argv` from the word "deploy" on. The options, or the exit code after --help or a mistake (already explained).
std::variant<DeployOptions, int> parse_deploy(int argc, char** argv);

}  // namespace headrace::cli
