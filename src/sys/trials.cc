#include "sys/trials.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <string_view>

#include "sys/error.h"
#include "sys/fd.h"
#include "sys/process.h"

namespace headrace::sys {
namespace {

constexpr unsigned kSecondsPerTrial = 5;
constexpr off_t kSharedTrial = 8 << 20;
constexpr off_t kShmTrial = 1 << 20;
// Newer than the headers that some still compile with.
constexpr long kLandlockCreateRuleset = 444;
constexpr int kPolicyDefault = 0;
constexpr int kUserFaultsOnly = 1;

// Empty when it works, otherwise why not.
using Attempt = std::function<std::string()>;

std::string worked(bool yes) {
  return yes ? std::string() : describe_errno(errno);
}
// For a call with arguments that it must refuse in this way if it is there at all.
std::string refused_with(long rc, int expected) {
  return rc < 0 && errno == expected ? std::string() : worked(rc >= 0);
}
std::string opened(long fd) {
  return worked(fd >= 0);  // closed by the end of the child
}

[[noreturn]] void work_as_child(const Attempt& attempt, int answer, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::signal(SIGALRM, SIG_DFL);
  ::alarm(kSecondsPerTrial);
  const std::string said = attempt();
  const ssize_t written = ::write(answer, said.data(), said.size());
  ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
}

std::string all_from(int fd) {
  std::string text;
  char part[256];
  for (;;) {
    const ssize_t got = ::read(fd, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(part, static_cast<std::size_t>(got));
  }
}

std::string in_child(const Attempt& attempt) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "not tried: " + describe_errno(errno);
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return "not tried: no process: " + describe_errno(errno);
  if (child == 0) work_as_child(attempt, theirs.get(), parent);
  theirs.reset();
  std::string said = all_from(ours.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    if (number == SIGALRM) return "hangs";
    return describe(Exit{.signal = number});
  }
  return WEXITSTATUS(status) == 0 ? said : "its child failed";
}

// A child of the trial's own child, which waits to be killed; it dies with its parent.
pid_t sleeping_child() {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(kSecondsPerTrial);  // should that be forbidden
    while (::getppid() == parent) ::pause();
    ::_exit(0);
  }
  return child;
}

std::string try_memfd(bool small) {
  const Fd fd(::memfd_create("headrace-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const off_t size = small ? 4096 : kSharedTrial;
  if (!fd || ::ftruncate(fd.get(), size) != 0) return worked(false);
  if (const int rc = ::posix_fallocate(fd.get(), 0, size); rc != 0)
    return "reserving: " + describe_errno(rc);
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return "sealing: " + describe_errno(errno);
  return worked(::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED,
                       fd.get(), 0) != MAP_FAILED);
}

std::string try_reopen_memfd() {
  const int fd = ::memfd_create("headrace-probe", MFD_CLOEXEC);
  return opened(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY));
}

std::string try_dev_shm() {
  // Without a name, so that nothing can be left behind.
  const Fd fd(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) return worked(false);
  const int rc = ::posix_fallocate(fd.get(), 0, kShmTrial);
  return rc == 0 ? std::string() : describe_errno(rc);
}

std::string try_pidfd_open() {
  return opened(::syscall(SYS_pidfd_open, ::getpid(), 0));
}

std::string try_pidfd_signal() {
  const pid_t child = sleeping_child();
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (child < 0 || !pidfd) return worked(false);
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0) return worked(false);
  siginfo_t info{};
  const auto idtype = static_cast<idtype_t>(P_PIDFD);
  return worked(::waitid(idtype, static_cast<id_t>(pidfd.get()), &info, WEXITED) == 0);
}

std::string try_read_child() {
  std::uint64_t theirs = 42;
  std::uint64_t ours = 0;
  const pid_t child = sleeping_child();
  iovec from{&theirs, sizeof theirs};
  iovec into{&ours, sizeof ours};
  return worked(child > 0 && ::process_vm_readv(child, &into, 1, &from, 1, 0) == sizeof theirs);
}

std::string try_affinity() {
  unsigned long mask[1024] = {};  // 65,536 processors
  const long bytes = ::syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  if (bytes < 0) return worked(false);
  return worked(::syscall(SYS_sched_setaffinity, 0, bytes, mask) == 0);
}

std::string try_mbind() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return worked(false);
  return worked(::syscall(SYS_mbind, page, 4096, kPolicyDefault, nullptr, 0, 0) == 0);
}

std::string try_io_uring() {
  io_uring_params parameters{};
  return opened(::syscall(SYS_io_uring_setup, 1, &parameters));
}

std::string try_perf() {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  return opened(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

std::string try_futex() {
  std::uint32_t word = 1;
  return refused_with(::syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr, nullptr, 0), EAGAIN);
}

std::string try_robust_list() {
  void* head = nullptr;
  std::size_t length = 0;
  if (::syscall(SYS_get_robust_list, 0, &head, &length) != 0) return worked(false);
  return worked(::syscall(SYS_set_robust_list, head, length) == 0);
}

std::string try_oom_score() {
  const Fd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  return worked(fd && ::write(fd.get(), "500", 3) == 3);
}

std::string try_signalfd() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  return opened(::signalfd(-1, &set, SFD_CLOEXEC));
}

std::string try_locking() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return worked(page != MAP_FAILED && ::mlock(page, 4096) == 0);
}

std::string try_socket_pair() {
  int ends[2];
  return worked(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
}

long futex(std::atomic<std::uint32_t>* word, int operation, std::uint32_t value) {
  return ::syscall(SYS_futex, word, operation, value, nullptr, nullptr, 0);
}

// Both sides of a game of ping-pong: waits for `mine`, answers with the other number.
void play(std::atomic<std::uint32_t>* ball, std::uint32_t mine, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    while (ball->load() != mine) futex(ball, FUTEX_WAIT, 1 - mine);
    ball->store(1 - mine);
    futex(ball, FUTEX_WAKE, 1);
  }
}

std::string time_wakes() {
  constexpr unsigned kRounds = 500;
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return "error: " + worked(false);
  auto* ball = new (page) std::atomic<std::uint32_t>(0);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return "error: " + worked(false);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(kSecondsPerTrial);
    if (::getppid() != parent) ::_exit(1);
    play(ball, 1, kRounds);
    ::_exit(0);
  }
  const auto begin = std::chrono::steady_clock::now();
  play(ball, 0, kRounds);
  ::waitpid(child, nullptr, 0);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  return std::to_string(took.count() / (2.0 * kRounds));
}

struct Named {
  const char* call;
  Attempt attempt;
};

std::vector<Named> attempts(const TrialSettings& s) {
  return {
      {s.memory_is_tight ? "memfd_create, sealed (4 KiB, for memory is tight)"
                         : "memfd_create, sealed, 8 MiB reserved",
       [&s] { return try_memfd(s.memory_is_tight); }},
      {"memfd reopened for reading", try_reopen_memfd},
      {"posix_fallocate of 1 MiB in /dev/shm", try_dev_shm},
      {"pidfd_open", try_pidfd_open},
      {"pidfd_send_signal and waitid", try_pidfd_signal},
      {"clone3", [] { return refused_with(::syscall(SYS_clone3, nullptr, 0), EINVAL); }},
      {"futex", try_futex},
      {"robust futex list", try_robust_list},
      {"eventfd", [] { return opened(::eventfd(0, EFD_CLOEXEC)); }},
      {"epoll", [] { return opened(::epoll_create1(EPOLL_CLOEXEC)); }},
      {"timerfd", [] { return opened(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)); }},
      {"signalfd", try_signalfd},
      {"socketpair (SOCK_SEQPACKET)", try_socket_pair},
      {"inotify on memory events",
       [&s] {
         if (s.events_file.empty()) return std::string("not tried: there is no such file");
         const Fd fd(::inotify_init1(IN_CLOEXEC));
         return worked(fd && ::inotify_add_watch(fd.get(), s.events_file.c_str(), IN_MODIFY) >= 0);
       }},
      {"writing in the cgroup folder",
       [&s] {
         if (s.cgroup_folder.empty()) return std::string("not tried: there is no such folder");
         return worked(::access(s.cgroup_folder.c_str(), W_OK | X_OK) == 0);
       }},
      {"prctl PR_SET_PDEATHSIG", [] { return worked(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0); }},
      {"prctl PR_SET_CHILD_SUBREAPER",
       [] { return worked(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); }},
      {"raising the own oom_score_adj", try_oom_score},
      {"sched_setaffinity", try_affinity},
      {"set_mempolicy",
       [] { return worked(::syscall(SYS_set_mempolicy, kPolicyDefault, nullptr, 0) == 0); }},
      {"mbind", try_mbind},
      {"mlock of one page", try_locking},
      {"process_vm_readv of a child", try_read_child},
      {"io_uring_setup", try_io_uring},
      {"userfaultfd",
       [] { return opened(::syscall(SYS_userfaultfd, O_CLOEXEC | kUserFaultsOnly)); }},
      {"perf_event_open", try_perf},
      {"landlock", [] { return opened(::syscall(kLandlockCreateRuleset, nullptr, 0, 1U)); }},
      {"unshare(CLONE_NEWUSER)", [] { return worked(::unshare(CLONE_NEWUSER) == 0); }},
  };
}

}  // namespace

std::vector<Trial> try_calls(const TrialSettings& settings) {
  std::vector<Trial> trials;
  for (const Named& named : attempts(settings)) {
    const std::string why_not = in_child(named.attempt);
    trials.push_back({named.call, why_not.empty(), why_not.empty() ? "yes" : why_not});
  }
  return trials;
}

Result<double> milliseconds_to_spawn(const std::string& program) {
  constexpr int kTimes = 5;
  const Fd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nowhere) return system_error("/dev/null");
  double best = 1e9;
  for (int i = 0; i < kTimes; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    Result<Child> child =
        Child::spawn({.program = program,
                      .arguments = {program, "--version"},
                      .environment = {},
                      .inherit = {{nowhere.get(), 0}, {nowhere.get(), 1}, {nowhere.get(), 2}}});
    if (!child) return child.error();
    pollfd ended{.fd = child->pidfd(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, kSecondsPerTrial * 1000) <= 0) return Error{"it does not end within 5 s"};
    child->try_reap();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  return best;
}

Result<double> microseconds_to_wake() {
  const std::string said = in_child(time_wakes);
  char* end = nullptr;
  const double value = std::strtod(said.c_str(), &end);
  if (said.empty() || *end != '\0') return Error{said};
  return value;
}

SignalWatch::SignalWatch() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
}

SignalSeen SignalWatch::wait_a_second() {
  sigset_t all;
  ::sigfillset(&all);
  siginfo_t info{};
  const timespec second{1, 0};
  const int number = ::sigtimedwait(&all, &info, &second);
  if (number <= 0) return {};
  return {signal_name(number), number, info.si_pid};
}

}  // namespace headrace::sys
