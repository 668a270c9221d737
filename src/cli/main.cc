// headrace: one binary, which is the supervisor when a user starts it and a worker when the
// supervisor does.
#include <exception>
#include <iostream>
#include <string_view>
#include <variant>

#include "cli/options.h"
#include "cli/run_command.h"
#include "sys/files.h"
#include "worker/make_body.h"
#include "worker/worker_main.h"

namespace {

int run(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--worker")
    return headrace::worker::worker_main(headrace::worker::make_body);
  const auto parsed = headrace::cli::parse(argc, argv);
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  return headrace::cli::run_command(std::get<headrace::cli::RunOptions>(parsed));
}

}  // namespace

int main(int argc, char** argv) {
  headrace::sys::ensure_standard_streams();
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "headrace: " << e.what() << "\n";
    return headrace::cli::kCannotRun;
  }
}
