#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>

#include "sys/error.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace headrace::sys {
namespace {

using namespace std::string_view_literals;

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

std::string_view variable_name(std::string_view setting) {
  return setting.substr(0, setting.find('='));
}

constexpr std::array kForLibraries = {
    "ASAN_OPTIONS"sv, "GLIBC_TUNABLES"sv, "HOME"sv,         "LANG"sv, "LSAN_OPTIONS"sv,
    "PATH"sv,         "TMPDIR"sv,         "TSAN_OPTIONS"sv, "TZ"sv,   "UBSAN_OPTIONS"sv};
constexpr std::array kForLibrariesBegin = {
    "DNNL_"sv, "GOMP_"sv,   "KMP_"sv,      "LC_"sv,       "LD_"sv,  "MALLOC_"sv, "MKL_"sv,
    "OMP_"sv,  "ONEDNN_"sv, "OPENBLAS_"sv, "OPENVINO_"sv, "ORT_"sv, "OV_"sv,     "TBB_"sv};

bool for_libraries(std::string_view name) {
  return std::ranges::find(kForLibraries, name) != kForLibraries.end() ||
         std::ranges::any_of(kForLibrariesBegin,
                             [name](std::string_view begin) { return name.starts_with(begin); });
}

// Our environment, or a part of it, with `added` in place of the variables of the same name.
std::vector<std::string> merged_environment(const std::vector<std::string>& added, bool few) {
  std::vector<std::string> out = added;
  for (char** at = environ; *at != nullptr; ++at) {
    if (few && !for_libraries(variable_name(*at))) continue;
    const bool replaced = std::any_of(added.begin(), added.end(), [&](const std::string& a) {
      return variable_name(a) == variable_name(*at);
    });
    if (!replaced) out.emplace_back(*at);
  }
  return out;
}

struct Actions {
  posix_spawn_file_actions_t value;
  Actions() { ::posix_spawn_file_actions_init(&value); }
  ~Actions() { ::posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
};

struct Attributes {
  posix_spawnattr_t value;
  Attributes() {
    ::posix_spawnattr_init(&value);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&value, &none);
    ::posix_spawnattr_setsigdefault(&value, &all);
    ::posix_spawnattr_setpgroup(&value, 0);
    ::posix_spawnattr_setflags(
        &value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { ::posix_spawnattr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
};

Exit to_exit(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status, .signal = 0, .unknown = false};
  return {.code = 0, .signal = info.si_status, .unknown = false};
}

}  // namespace

std::string signal_name(int number) {
  const char* abbreviation = ::sigabbrev_np(number);
  if (abbreviation == nullptr) return "signal " + std::to_string(number);
  return std::string("SIG") + abbreviation;
}

std::string describe(const Exit& exit) {
  if (exit.unknown) return "ended (another part of the program took its exit code)";
  if (exit.signal == 0) return "ended with exit code " + std::to_string(exit.code);
  return "killed by " + signal_name(exit.signal);
}

Result<Child> Child::spawn(const SpawnRequest& request) {
  // Moved out of the way first: a descriptor that another one's target number would overwrite must
  // not be one that is still to be copied.
  std::vector<Fd> parked;
  Actions actions;
  int highest = 2;
  for (const auto& [ours, theirs] : request.inherit) highest = std::max(highest, theirs);
  for (const auto& [ours, theirs] : request.inherit) {
    parked.emplace_back(::fcntl(ours, F_DUPFD_CLOEXEC, highest + 1));
    if (!parked.back()) return system_error("cannot pass a descriptor to a worker");
    ::posix_spawn_file_actions_adddup2(&actions.value, parked.back().get(), theirs);
  }
  // Ours all close by themselves; what we were started with, or a library opened, may not.
  for (int number = 3; number <= highest; ++number) {
    const bool meant = std::ranges::any_of(
        request.inherit, [number](const auto& pair) { return pair.second == number; });
    if (!meant) ::posix_spawn_file_actions_addclose(&actions.value, number);
  }
  ::posix_spawn_file_actions_addclosefrom_np(&actions.value, highest + 1);
  Attributes attributes;
  std::vector<std::string> arguments = request.arguments;
  std::vector<std::string> environment =
      merged_environment(request.environment, request.few_variables);
  pid_t pid = -1;
  const int rc = ::posix_spawn(&pid, request.program.c_str(), &actions.value, &attributes.value,
                               pointers(arguments).data(), pointers(environment).data());
  if (rc != 0) return Error{"cannot start " + request.program + ": " + describe_errno(rc)};
  // The child cannot be reaped by anybody else yet, so its pid cannot have been reused.
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const Error error = system_error("cannot watch a worker (pidfd_open)");
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  return Child(pid, std::move(pidfd));
}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Child::~Child() {
  if (!pidfd_) return;
  signal(SIGKILL);
  pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  while (!try_reap()) ::poll(&ended, 1, 1000);
}

void Child::signal(int number) const {
  if (!pidfd_) return;
  // Not reaped, so the number is still ours, and the group's with it.
  ::kill(-pid_, number);
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

std::optional<Exit> Child::try_reap() {
  if (!pidfd_) return std::nullopt;
  siginfo_t info{};
  const auto idtype = static_cast<idtype_t>(P_PIDFD);
  const auto id = static_cast<id_t>(pidfd_.get());
  if (::waitid(idtype, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    if (errno != ECHILD) return std::nullopt;
    // It was reaped behind our back, so its number may be a stranger's by now.
    pidfd_.reset();
    pid_ = -1;
    return Exit{.unknown = true};
  }
  if (info.si_pid == 0) return std::nullopt;
  // What it started must not outlive it; the group's number is safe to use until the leader is
  // reaped.
  ::kill(-pid_, SIGKILL);
  ::waitid(idtype, id, &info, WEXITED | WNOHANG);
  pidfd_.reset();
  pid_ = -1;
  return to_exit(info);
}

std::optional<bool> Child::news_of_stop() {
  std::optional<bool> news;
  const auto id = static_cast<id_t>(pidfd_.get());
  siginfo_t info{};
  while (pidfd_ &&
         ::waitid(static_cast<idtype_t>(P_PIDFD), id, &info, WSTOPPED | WCONTINUED | WNOHANG) ==
             0 &&
         info.si_pid != 0) {
    news = info.si_code != CLD_CONTINUED;
    info = {};
  }
  return news;
}

bool follow_supervisor(int parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  // If the supervisor died before the line above, the signal will never come.
  return ::getppid() == parent;
}

void leave_signals_to_others() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

int own_pid() {
  return ::getpid();
}
int parent_pid() {
  return ::getppid();
}

Result<std::string> own_program() {
  std::string path(4096, '\0');
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  if (n <= 0) return system_error("cannot find the running program");
  path.resize(static_cast<std::size_t>(n));
  return path;
}

void adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void volunteer_for_oom_kill() {
  std::ofstream("/proc/self/oom_score_adj") << "500";
}

namespace {
// The number in the first line of `path` that `pattern` matches; 0 when there is none.
std::uint64_t kib_of(const std::string& path, const char* pattern) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), pattern, &kib) == 1) return kib;
  }
  return 0;
}
}  // namespace

Bytes proportional_memory(int pid) {
  return Bytes{kib_of("/proc/" + std::to_string(pid) + "/smaps_rollup", "Pss: %llu kB") * 1024};
}

Bytes unique_memory(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/smaps_rollup";
  return Bytes{(kib_of(path, "Private_Clean: %llu kB") + kib_of(path, "Private_Dirty: %llu kB")) *
               1024};
}

Bytes anonymous_memory(int pid) {
  // Pages: in all, resident, resident and shared with a file or a memfd. The same stands in status, at several times
  // the price.
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  if (!(file >> all >> resident >> shared) || shared > resident) return {};
  return Bytes{(resident - shared) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

Bytes own_peak_resident() {
  // Not ru_maxrss: that one remembers the program which we were before exec.
  return Bytes{kib_of("/proc/self/status", "VmHWM: %llu kB") * 1024};
}

namespace {
double usage_seconds(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
}  // namespace

double cpu_seconds_self() {
  return usage_seconds(RUSAGE_SELF);
}
double cpu_seconds_children() {
  return usage_seconds(RUSAGE_CHILDREN);
}

double cpu_seconds(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  // The program's name comes second, in brackets, and may hold anything, the end of a line too.
  std::string line;
  std::getline(file, line, '\0');
  const std::size_t name_end = line.rfind(')');
  unsigned long long user = 0;
  unsigned long long system = 0;
  const char* const pattern = ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu";
  if (name_end == std::string::npos ||
      std::sscanf(line.c_str() + name_end, pattern, &user, &system) != 2) {
    return 0;
  }
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::optional<RunTimes> run_times(int pid) {
  std::optional<RunTimes> sum;
  std::error_code error;
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  for (std::filesystem::directory_iterator task(tasks, error), end; !error && task != end;
       task.increment(error)) {
    std::ifstream file(task->path() / "schedstat");
    std::int64_t running = 0;
    std::int64_t waiting = 0;
    if (!(file >> running >> waiting)) continue;  // it has ended
    if (!sum) sum.emplace();
    sum->running += std::chrono::nanoseconds(running);
    sum->waiting += std::chrono::nanoseconds(waiting);
  }
  return sum;
}

void exit_now(int code) {
  ::_exit(code);
}

namespace detail {

int peek_ended_child() {
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return 0;
  return info.si_pid;
}

void discard_child(int pid) {
  ::waitpid(pid, nullptr, WNOHANG);
}

}  // namespace detail
}  // namespace headrace::sys
