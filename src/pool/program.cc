#include "pool/program.h"

#include <headrace/init.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string_view>

#include "pool/function_body.h"
#include "share/registry.h"
#include "sys/process.h"
#include "worker/worker_main.h"

namespace headrace {
namespace {

constexpr const char* kWorkerArgument = "--headrace-worker";
std::atomic<bool> initialised = false;

}  // namespace

void init(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == kWorkerArgument) {
    sys::exit_now(worker::worker_main(pool::make_function_body));
  }
  initialised = true;
}

bool in_worker() {
  return share::Registry::here().is_worker();
}

namespace pool {

std::vector<std::string> worker_arguments() {
  return {"headrace-worker", kWorkerArgument};
}

void check_program() {
  if (in_worker()) {
    throw std::logic_error(
        "a Pool inside a worker of a Pool would multiply processes beyond what the container has: "
        "return the work to the outer pool instead");
  }
  if (share::Registry::here().forked()) {
    throw std::logic_error("a forked child cannot make a Pool: start it as a program of its own");
  }
  if (!initialised) {
    throw std::logic_error(
        "headrace::init(argc, argv) must be the first line of main(), before any Pool: workers are "
        "this same "
        "program");
  }
}

}  // namespace pool
}  // namespace headrace
