#include "stepper.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace headrace::crash_points {
namespace {

constexpr std::size_t kMostSteps = 3'000'000;
constexpr int kEndSignal = SIGUSR2;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

void signal_oneself(int signal) {
  ::syscall(SYS_kill, ::getpid(), signal);
}

// While it lives, this process and its children have one processor: the stepper and the stepped
// take turns, and a turn within one processor is eight times as fast as one between two.
class OneProcessor {
 public:
  OneProcessor() {
    CPU_ZERO(&before_);
    if (::sched_getaffinity(0, sizeof(before_), &before_) != 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(std::max(0, ::sched_getcpu())), &one);
    changed_ = ::sched_setaffinity(0, sizeof(one), &one) == 0;
  }
  ~OneProcessor() {
    if (changed_) ::sched_setaffinity(0, sizeof(before_), &before_);
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;

 private:
  cpu_set_t before_{};
  bool changed_ = false;
};

// A child that stands still at the beginning of its operation.
class Stepped {
 public:
  explicit Stepped(Trial& trial) : pid_(::fork()) {
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ == 0) {
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
      signal_oneself(SIGSTOP);
      trial.operate();
      signal_oneself(kEndSignal);
      ::_exit(0);
    }
    stopped_by_ = wait_for_stop();
  }
  ~Stepped() { kill(); }
  Stepped(const Stepped&) = delete;
  Stepped& operator=(const Stepped&) = delete;

  bool began() const { return stopped_by_ == SIGSTOP; }
  bool at_end() const { return stopped_by_ == kEndSignal; }
  // One instruction. False: it was the last, or the child died or met a signal.
  bool step() {
    if (::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) != 0) return false;
    stopped_by_ = wait_for_stop();
    return stopped_by_ == SIGTRAP;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (stopped_by_ >= 0) stopped_by_ = wait_for_stop();
    pid_ = 0;
  }

 private:
  // The signal that stopped it; -1: it is dead and reaped.
  int wait_for_stop() const {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) return -1;
    }
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
  }

  pid_t pid_;
  int stopped_by_ = -1;
};

// Notices what a killed child would leave behind.
class Watch {
 public:
  explicit Watch(const Trial& trial)
      : trial_(trial),
        before_(trial.memory().begin(), trial.memory().end()),
        progress_(trial.progress().load()) {}

  // Whether anything has changed since the last call.
  bool changed() {
    const auto memory = trial_.memory();
    const std::uint64_t progress = trial_.progress().load();
    const bool same =
        before_.empty() || std::memcmp(before_.data(), memory.data(), memory.size()) == 0;
    if (same && progress == progress_) return false;
    std::copy(memory.begin(), memory.end(), before_.begin());
    progress_ = progress;
    return true;
  }

 private:
  const Trial& trial_;
  std::vector<std::byte> before_;
  std::uint64_t progress_ = 0;
};

// Kills after `count` instructions, or changes, and lets the trial check. False: the operation came
// to its end before, or died otherwise.
bool kill_after(Trial& trial, Where where, std::size_t count, Sweep& sweep) {
  bool before_end = true;
  std::size_t steps = 0;
  {
    Stepped child(trial);
    if (!child.began()) throw std::runtime_error("the child did not come to its operation");
    Watch watch(trial);
    for (std::size_t done = 0; done < count && before_end && steps < kMostSteps;) {
      before_end = child.step();
      if (before_end) ++steps;
      if (where == Where::every_instruction || watch.changed()) ++done;
    }
    if (!before_end) sweep.finished = child.at_end();
  }
  sweep.instructions = std::max(sweep.instructions, steps);
  ++sweep.kills;
  trial.check();
  return before_end;
}

}  // namespace

Trial::Trial() {
  void* memory = ::mmap(nullptr, sizeof(*progress_), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  progress_ = new (memory) std::atomic<std::uint64_t>(0);
}

Trial::~Trial() {
  ::munmap(progress_, sizeof(*progress_));
}

Sweep kill_everywhere(const std::string& name, Where where,
                      const std::function<std::unique_ptr<Trial>()>& fresh) {
  const OneProcessor one;
  Sweep sweep;
  for (std::size_t count = 0; count < kMostSteps; ++count) {
    const bool more = kill_after(*fresh(), where, count, sweep);
    if (!more || ::testing::Test::HasFailure()) break;
  }
  std::printf("%s: %zu instructions, %zu kills%s, %s\n", name.c_str(), sweep.instructions,
              sweep.kills, where == Where::every_change ? " (one for each change)" : "",
              ::testing::Test::HasFailure() ? "NOT WELL" : "all well");
  std::fflush(stdout);
  EXPECT_TRUE(sweep.finished || ::testing::Test::HasFailure())
      << name << " did not come to its end";
  return sweep;
}

std::string cannot_step() {
  if (kSanitized) return "a sanitizer's runtime is no good place to be stepped through";
  class Nothing : public Trial {
    void operate() override {}
    void check() override {}
    std::span<const std::byte> memory() const override { return {}; }
  } nothing;
  Stepped child(nothing);
  if (!child.began() || !child.step()) return "this sandbox does not permit ptrace";
  return {};
}

bool full_size() {
  const char* size = std::getenv("HEADRACE_CRASH_POINTS");
  return size != nullptr && std::string_view(size) == "full";
}

}  // namespace headrace::crash_points
