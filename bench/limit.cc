// What the cores give if they do nothing but read, decode and infer: the limit of `headrace run`.
//
// One process a core, each with the very body that a worker has (worker/model_body.h), in a bare
// loop: the next input is one increment of a shared counter, the result is written into a buffer
// and forgotten. No supervisor, no mailbox, no slots, no output. The clock starts when every
// process has its model loaded and warm, and stops when the last one is done.
//
// usage: limit MODEL ENGINE ENGINE_FOLDER LIST PASSES PROCESSES
// Prints one line of JSON: {"items":..,"failed":..,"seconds":..,"cpu_seconds":..}
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "model/model.h"
#include "shm/files_message.h"
#include "sys/files.h"
#include "sys/poller.h"
#include "worker/model_body.h"

namespace {

using namespace headrace;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kResultBytes = 4096;

// Seen by all processes.
struct Shared {
  alignas(64) std::atomic<std::uint64_t> next{0};
  alignas(64) std::atomic<unsigned> loaded{0};
  std::atomic<unsigned> go{0};
  alignas(64) std::atomic<std::uint64_t> failed{0};
};

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<std::string> read_list(const char* path) {
  std::ifstream file(path);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty()) throw std::runtime_error(std::string(path) + " names no inputs");
  return names;
}

// A worker's body does not open files: it is passed them.
void pass_file(const std::string& name, shm::Token token, Bytes limit, int control) {
  const auto file = sys::open_regular_file(name, limit);
  if (!file) throw std::runtime_error(name + ": " + file.error().message);
  std::vector<char> message;
  shm::write_files_message({&token, 1}, message);
  const int descriptor = file->get();
  if (!sys::send_message(control, message, {&descriptor, 1}))
    throw std::runtime_error(name + ": its descriptor cannot be passed");
}

// One process. What it used of the processor before the start does not count.
double work(const worker::ModelSettings& settings, const std::vector<std::string>& names,
            std::uint64_t items, Shared& shared) {
  const sys::ControlPair control = sys::make_control_pair();
  auto body = worker::make_model_body(settings, 1, control.theirs.get());
  if (!body) throw std::runtime_error(body.error().message);
  std::vector<char> room(kResultBytes);
  ++shared.loaded;
  while (shared.go == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  const double before = cpu_seconds(RUSAGE_SELF);
  std::uint64_t failed = 0;
  for (;;) {
    const std::uint64_t index = shared.next.fetch_add(1, std::memory_order_relaxed);
    if (index >= items) break;
    const std::string& name = names[index % names.size()];
    worker::Item item{.input = name, .result = room, .error = {}, .token = index};
    pass_file(name, item.token, settings.max_bytes, control.ours.get());
    (*body)->prepare(item, 0);
    (*body)->run({&item, 1});
    if (item.error) ++failed;
  }
  shared.failed += failed;
  return cpu_seconds(RUSAGE_SELF) - before;
}

int measure(char** arguments) {
  Result<model::Model> model = model::load(arguments[0]);
  if (!model) throw std::runtime_error(model.error().message);
  model->engine = arguments[1];
  const worker::ModelSettings settings{
      .model = std::move(*model), .engine_folders = {arguments[2]}, .threads = 1};
  const std::vector<std::string> names = read_list(arguments[3]);
  const std::uint64_t items = names.size() * std::stoul(arguments[4]);
  const auto processes = static_cast<unsigned>(std::stoul(arguments[5]));

  void* page = mmap(nullptr, sizeof(Shared) + processes * sizeof(double), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::runtime_error("no shared page");
  auto& shared = *new (page) Shared;
  auto* cpu = reinterpret_cast<double*>(&shared + 1);
  // Nothing has started a thread or loaded an engine yet, so a bare fork is sound here.
  for (unsigned p = 0; p < processes; ++p) {
    if (fork() != 0) continue;
    int code = 1;
    try {
      cpu[p] = work(settings, names, items, shared);
      code = 0;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "limit: %s\n", e.what());
    }
    _exit(code);
  }
  int status = 0;
  while (shared.loaded < processes) {
    if (waitpid(-1, &status, WNOHANG) > 0) return 1;  // it said why
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const Clock::time_point begin = Clock::now();
  shared.go = 1;
  for (unsigned p = 0; p < processes; ++p) {
    if (wait(&status) < 0 || status != 0) return 1;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  double cpu_sum = 0;
  for (unsigned p = 0; p < processes; ++p) cpu_sum += cpu[p];
  std::printf("{\"items\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n",
              static_cast<unsigned long long>(items),
              static_cast<unsigned long long>(shared.failed.load()), seconds, cpu_sum);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fputs("usage: limit MODEL ENGINE ENGINE_FOLDER LIST PASSES PROCESSES\n", stderr);
    return 2;
  }
  try {
    return measure(argv + 1);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "limit: %s\n", e.what());
    return 1;
  }
}
