// headrace: one binary, which is the supervisor when a user starts it and a worker when the
// supervisor does.
#include <exception>
#include <iostream>
#include <string_view>
#include <variant>

#include "cli/deploy_command.h"
#include "cli/options.h"
#include "cli/plan_command.h"
#include "cli/probe_command.h"
#include "cli/run_command.h"
#include "cli/serve_command.h"
#include "cli/tune_command.h"
#include "sys/files.h"
#include "worker/make_body.h"
#include "worker/worker_main.h"

namespace {

namespace cli = headrace::cli;

struct Perform {
  int operator()(int exit_code) const { return exit_code; }
  int operator()(const cli::RunOptions& options) const { return cli::run_command(options); }
  int operator()(const cli::PlanOptions& options) const { return cli::plan_command(options); }
  int operator()(const cli::ProbeOptions& options) const { return cli::probe_command(options); }
  int operator()(const cli::TuneOptions& options) const { return cli::tune_command(options); }
  int operator()(const cli::ServeOptions& options) const { return cli::serve_command(options); }
  int operator()(const cli::DeployOptions& options) const { return cli::deploy_command(options); }
};

int run(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--worker")
    return headrace::worker::worker_main(headrace::worker::make_body);
  const auto parsed = cli::parse(argc, argv);
  return std::visit(Perform{}, parsed);
}

}  // namespace

int main(int argc, char** argv) {
  headrace::sys::ensure_standard_streams();
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "headrace: " << e.what() << "\n";
    return cli::kCannotRun;
  }
}
