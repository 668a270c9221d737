#include "cli/deploy_command.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <system_error>
#include <vector>

#include "cli/measured_file.h"
#include "cli/options.h"
#include "deploy/aci.h"
#include "deploy/container_apps.h"
#include "deploy/kubernetes.h"
#include "sys/files.h"

namespace headrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kMibOfGb = 1024;

struct Words {
  std::vector<deploy::Finding> (*check)(const deploy::Deployment&);
  std::vector<deploy::File> (*files)(const deploy::Deployment&, bool explain);
};

Words words_of(Platform platform) {
  switch (platform) {
    case Platform::kubernetes:
      return {&deploy::kubernetes::check, &deploy::kubernetes::files};
    case Platform::container_apps:
      return {&deploy::container_apps::check, &deploy::container_apps::files};
    case Platform::aci:
      break;
  }
  return {&deploy::aci::check, &deploy::aci::files};
}

// What was left open follows from what was measured.
void take_up(const deploy::Measured& measured, deploy::Deployment& d) {
  d.measured = measured;
  if (!(d.cpus > 0)) d.cpus = measured.cpus;
  // Not more than it was measured with; a platform that takes whole numbers only says so.
  if (!(d.memory_gb > 0)) d.memory_gb = std::floor(measured.memory_mib / kMibOfGb * 10) / 10;
  if (!d.load_seconds && measured.load_seconds > 0) d.load_seconds = measured.load_seconds;
}

void say(const deploy::Finding& finding) {
  const char* grave = "error";
  if (finding.severity == deploy::Finding::Severity::warning) grave = "warning";
  if (finding.severity == deploy::Finding::Severity::note) grave = "note";
  std::cerr << "headrace: " << grave << ": " << deploy::sentence(finding) << "\n";
}

int refuse(const std::string& message) {
  std::cerr << "headrace: error: " << message << "\n";
  return kUsage;
}

int cannot(const std::string& message) {
  std::cerr << "headrace: error: " << message << "\n";
  return kCannotRun;
}

Result<deploy::CostInput> cost_of(const DeployOptions& options, const deploy::Deployment& d) {
  deploy::CostInput cost = options.prices;
  cost.cpus = d.cpus;
  cost.memory_gb = d.memory_gb;
  cost.server = d.work == deploy::Work::server;
  cost.replicas = std::max(1U, d.replicas);
  if (*options.cost != "measured") {
    cost.rate = std::stod(*options.cost);
    cost.rate_from = "--cost";
    return cost;
  }
  if (!(d.measured.rate > 0))
    return Error{"--cost: " + options.from + " says no rate; give it as a number"};
  cost.rate = d.measured.rate;
  cost.rate_from = "measured: " + options.from;
  return cost;
}

// Those that were asked for, or what is wrong with the wish.
Result<std::vector<deploy::File>> chosen(std::vector<deploy::File> files,
                                         const DeployOptions& options) {
  const bool all = options.as == "all" || (options.as.empty() && !options.into.empty());
  if (all && options.into.empty())
    return Error{
        "--as all: several files do not fit into one output; --into FOLDER writes them there"};
  if (all) return files;
  for (deploy::File& file : files) {
    if (options.as.empty() || deploy::word(file.form) == options.as)
      return std::vector<deploy::File>{std::move(file)};
  }
  return Error{"--as " + options.as + ": this platform has no such form"};
}

// All or none, as far as that can be seen before the first is written.
int write_files(const std::vector<deploy::File>& files, const DeployOptions& options) {
  const fs::path folder(options.into);
  std::error_code wrong;
  fs::create_directories(folder, wrong);
  if (!fs::is_directory(folder, wrong))
    return cannot("--into " + options.into + ": this is no folder, and cannot be made one");
  for (const deploy::File& file : files) {
    if (!options.replace && fs::exists(folder / file.name, wrong))
      return cannot("--into: " + (folder / file.name).string() +
                    " is there already; --replace writes over it");
  }
  for (const deploy::File& file : files) {
    const fs::path path = folder / file.name;
    if (Status written = sys::replace_file(path.string(), file.text); !written)
      return cannot(written.error().message);
    if (file.form == deploy::Form::az) {
      fs::permissions(path, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                      fs::perm_options::add, wrong);
      if (wrong) return cannot("--into: " + path.string() + ": " + wrong.message());
    }
    std::cerr << "headrace: wrote " << path.string() << "\n";
  }
  return kDone;
}

int print(const std::string& text) {
  std::cout << text;
  return std::cout.flush() ? kDone : kCannotRun;
}

}  // namespace

int deploy_command(const DeployOptions& options) {
  deploy::Deployment d = options.deployment;
  if (!options.from.empty()) {
    const Result<deploy::Measured> measured = read_measured(options.from);
    if (!measured) return refuse(measured.error().message);
    take_up(*measured, d);
  }
  const Words words = words_of(options.platform);
  const std::vector<deploy::Finding> findings = words.check(d);
  for (const deploy::Finding& finding : findings) say(finding);
  if (deploy::any_error(findings)) return kUsage;
  if (options.cost) {
    const Result<deploy::CostInput> cost = cost_of(options, d);
    return cost ? print(deploy::cost_text(*cost)) : refuse(cost.error().message);
  }
  const Result<std::vector<deploy::File>> files = chosen(words.files(d, options.explain), options);
  if (!files) return refuse(files.error().message);
  if (options.as == "az")
    say(deploy::note("--as", "the script needs " + d.name + ".yaml beside it",
                     "--into FOLDER without --as writes both"));
  return options.into.empty() ? print(files->front().text) : write_files(*files, options);
}

}  // namespace headrace::cli
