#include "sys/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sys/error.h"
#include "sys/fd.h"
#include "sys/files.h"
#include "sys/host.h"
#include "sys/poller.h"

namespace headrace::sys {
namespace {

using namespace std::chrono_literals;

// Where a sandboxed child says what went wrong; the number of the one socket that it may use.
constexpr int kAnswer = 90;
constexpr int kSocket = 91;

struct Try {
  const char* call;
  std::function<long()> attempt;  // below 0 with errno, as system calls do
};

// Refused by the filter, which says EPERM, or as if there were no such call; but not by chance.
std::string refused(const Try& one) {
  errno = 0;
  const long rc = one.attempt();
  const int error = errno;
  if (rc < 0 && (error == EPERM || error == ENOSYS)) return "";
  return std::string(one.call) + (rc < 0 ? ": " + describe_errno(error) : " worked") + "; ";
}

std::string all_refused(const std::vector<Try>& tries) {
  std::string said;
  for (const Try& one : tries) said += refused(one);
  return said;
}

std::string worked(const char* what, bool yes) {
  return yes ? "" : std::string(what) + ": " + describe_errno(errno) + "; ";
}

// A thread that was there before the sandbox, and does one thing when asked.
class EarlierThread {
 public:
  EarlierThread() : thread_([this] { run(); }) {}
  ~EarlierThread() { thread_.join(); }
  std::string ask(std::function<std::string()> what) {
    std::unique_lock lock(mutex_);
    what_ = std::move(what);
    changed_.notify_all();
    changed_.wait(lock, [this] { return done_; });
    return said_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return what_ != nullptr; });
    said_ = what_();
    done_ = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<std::string()> what_;
  std::string said_;
  bool done_ = false;
  std::thread thread_;  // last: it uses the others
};

// What the body said in a child of this one, which it may confine; "" is good.
std::string in_child(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  std::array<int, 2> sockets{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets.data()) != 0) return "no socket pair";
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const Fd peer(sockets[0]);
  const Fd socket(sockets[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(theirs.get(), kAnswer);
    ::dup2(socket.get(), kSocket);
    std::string said;
    try {
      said = body();
    } catch (const std::exception& e) {
      said = std::string("it threw: ") + e.what();
    }
    const ssize_t written = ::write(kAnswer, said.data(), said.size());
    ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  theirs.reset();
  std::string said;
  std::array<char, 512> part{};
  for (ssize_t got = 1; got > 0;) {
    got = ::read(ours.get(), part.data(), part.size());
    if (got > 0) said.append(part.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) said += "killed by signal " + std::to_string(WTERMSIG(status));
  return said;
}

std::string confined(FileUse files, const std::function<std::string()>& body) {
  return in_child([&] {
    const Status bound = bind_calls(files, kSocket);
    return bound ? body() : bound.error().message;
  });
}

long raw(long call, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  return ::syscall(call, a, b, c, d, e);
}
long at(const void* address) {
  return static_cast<long>(reinterpret_cast<std::intptr_t>(address));
}

std::vector<Try> ways_out() {
  const pid_t parent = ::getppid();
  static const std::array<const char*, 2> kProgram = {"/bin/true", nullptr};
  static std::uint64_t theirs = 42;
  static iovec memory{&theirs, sizeof theirs};
  static io_uring_params ring{};
  static sockaddr_in address{.sin_family = AF_INET, .sin_port = 1, .sin_addr = {}, .sin_zero = {}};
  static rlimit limit{.rlim_cur = 1, .rlim_max = 1};
  return {
      {"socket", [] { return ::socket(AF_INET, SOCK_STREAM, 0); }},
      {"unix socket", [] { return ::socket(AF_UNIX, SOCK_DGRAM, 0); }},
      {"netlink", [] { return ::socket(AF_NETLINK, SOCK_RAW, 0); }},
      {"socketpair", [] { return raw(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, at(&ring)); }},
      {"connect", [] { return raw(SYS_connect, kSocket, at(&address), sizeof address); }},
      {"bind", [] { return raw(SYS_bind, kSocket, at(&address), sizeof address); }},
      {"listen", [] { return ::listen(kSocket, 1); }},
      {"accept", [] { return ::accept(kSocket, nullptr, nullptr); }},
      {"sending elsewhere", [] { return ::send(kAnswer, "x", 1, MSG_DONTWAIT); }},
      {"execve", [] { return raw(SYS_execve, at(kProgram[0]), at(kProgram.data()), 0); }},
      {"execveat",
       [] { return raw(SYS_execveat, AT_FDCWD, at(kProgram[0]), at(&kProgram), 0, 0); }},
      {"fork", [] { return raw(SYS_fork); }},
      {"vfork", [] { return raw(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD); }},
      {"fork by clone", [] { return raw(SYS_clone, SIGCHLD); }},
      {"clone3", [] { return raw(SYS_clone3, 0, 0); }},
      {"a thread in a network of its own",
       [] { return raw(SYS_clone, CLONE_THREAD | CLONE_NEWNET); }},
      {"open for writing", [] { return ::open("/dev/null", O_WRONLY); }},
      {"open for both", [] { return ::open("/dev/null", O_RDWR); }},
      {"creat", [] { return ::creat("/tmp/headrace-sandbox-test", 0600); }},
      {"open of a nameless file", [] { return ::open("/tmp", O_TMPFILE | O_RDWR, 0600); }},
      {"openat2", [] { return raw(SYS_openat2, AT_FDCWD, at("/dev/null"), at(&ring), 24); }},
      {"unlink", [] { return ::unlink("/tmp/headrace-sandbox-test"); }},
      {"rename", [] { return ::rename("/tmp/headrace-sandbox-test", "/tmp/headrace-sandbox"); }},
      {"mkdir", [] { return ::mkdir("/tmp/headrace-sandbox-test", 0700); }},
      {"symlink", [] { return ::symlink("/", "/tmp/headrace-sandbox-test"); }},
      {"chmod", [] { return ::chmod("/tmp", 01777); }},
      {"truncate", [] { return ::truncate("/tmp/headrace-sandbox-test", 0); }},
      {"chdir", [] { return ::chdir("/"); }},
      {"mount", [] { return raw(SYS_mount, 0, 0, 0, 0, 0); }},
      {"chroot", [] { return ::chroot("/"); }},
      {"ptrace", [parent] { return ::ptrace(PTRACE_ATTACH, parent, nullptr, nullptr); }},
      {"ptrace of itself", [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"process_vm_readv",
       [parent] { return ::process_vm_readv(parent, &memory, 1, &memory, 1, 0); }},
      {"process_vm_writev",
       [parent] { return ::process_vm_writev(parent, &memory, 1, &memory, 1, 0); }},
      {"kill of the parent", [parent] { return ::kill(parent, 0); }},
      {"kill of everybody", [] { return ::kill(-1, 0); }},
      {"tgkill of the parent", [parent] { return raw(SYS_tgkill, parent, parent, 0); }},
      {"tkill", [parent] { return raw(SYS_tkill, parent, 0); }},
      {"sigqueue", [parent] { return ::sigqueue(parent, 0, {}); }},
      {"signals by a descriptor", [parent] { return ::fcntl(kSocket, F_SETOWN, parent); }},
      {"flags of a shared file", [] { return ::fcntl(kAnswer, F_SETFL, O_NONBLOCK); }},
      {"pidfd_open", [parent] { return raw(SYS_pidfd_open, parent, 0); }},
      {"pidfd_getfd", [] { return raw(SYS_pidfd_getfd, kSocket, 0, 0); }},
      {"pidfd_send_signal", [] { return raw(SYS_pidfd_send_signal, kSocket, 0, 0, 0); }},
      {"process_madvise", [] { return raw(SYS_process_madvise, kSocket, at(&memory), 1, 4, 0); }},
      {"io_uring_setup", [] { return raw(SYS_io_uring_setup, 1, at(&ring)); }},
      {"bpf", [] { return raw(SYS_bpf, 0, 0, 0); }},
      {"perf_event_open", [] { return raw(SYS_perf_event_open, 0, 0, -1, -1, 0); }},
      {"userfaultfd", [] { return raw(SYS_userfaultfd, 1); }},
      {"keyctl", [] { return raw(SYS_keyctl, 0, -3, 0); }},
      {"unshare", [] { return ::unshare(CLONE_NEWUSER); }},
      {"setns", [] { return raw(SYS_setns, kSocket, 0); }},
      {"memfd_create", [] { return ::memfd_create("x", 0); }},
      {"leaving the supervisor", [] { return ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); }},
      {"becoming traceable", [] { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }},
      {"setsid", [] { return raw(SYS_setsid); }},
      {"setpgid", [] { return ::setpgid(0, 0); }},
      {"setuid", [] { return raw(SYS_setuid, 0); }},
      {"limits of the parent", [parent] { return raw(SYS_prlimit64, parent, 7, 0, at(&limit)); }},
      {"own limits", [] { return raw(SYS_prlimit64, 0, RLIMIT_CORE, at(&limit), 0); }},
      {"processors of the parent",
       [parent] { return raw(SYS_sched_setaffinity, parent, 8, at(&theirs)); }},
      {"priority of the parent",
       [parent] { return ::setpriority(PRIO_PROCESS, id_t(parent), 19); }},
      {"typing on a terminal", [] { return raw(SYS_ioctl, kAnswer, 0x5412, at("x")); }},
      {"personality", [] { return raw(SYS_personality, 0x0040000); }},
      {"reboot", [] { return raw(SYS_reboot, 0, 0, 0); }},
  };
}

std::vector<Try> ways_to_files() {
  static std::array<char, 512> room{};
  return {
      {"open", [] { return raw(SYS_open, at("/etc/passwd"), O_RDONLY); }},
      {"openat", [] { return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC); }},
      {"a look at a file", [] { return raw(SYS_stat, at("/etc/passwd"), at(room.data())); }},
      {"a look by folder",
       [] { return raw(SYS_newfstatat, AT_FDCWD, at("/etc/passwd"), at(room.data()), 0); }},
      {"access", [] { return ::access("/etc/passwd", R_OK); }},
      {"readlink", [] { return ::readlink("/proc/self/exe", room.data(), room.size()); }},
      {"getdents64", [] { return raw(SYS_getdents64, kSocket, at(room.data()), 512); }},
  };
}

bool has_seccomp() {
  return sandbox_facts().seccomp;
}
bool has_landlock() {
  return sandbox_facts().landlock > 0;
}

TEST(Sandbox, LeavesNoWayOut) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  for (const FileUse files : {FileUse::none, FileUse::reading})
    EXPECT_EQ(confined(files, [] { return all_refused(ways_out()); }), "");
}

TEST(Sandbox, BindsThreadsThatWereThereBefore) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  const std::string said = in_child([] {
    EarlierThread thread;
    const Status bound = bind_calls(FileUse::none, kSocket);
    if (!bound) return bound.error().message;
    return thread.ask([] { return all_refused(ways_out()) + all_refused(ways_to_files()); });
  });
  EXPECT_EQ(said, "");
}

// Any user may do these, and nothing but the filter stands against them.
std::vector<Try> harmless() {
  return {
      {"socket", [] { return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); }},
      {"a question about the parent", [] { return ::kill(::getppid(), 0); }},
      {"memfd_create", [] { return ::memfd_create("x", MFD_CLOEXEC); }},
      {"chdir", [] { return ::chdir("."); }},
      {"openat2",
       [] {
         static std::array<std::uint64_t, 3> how{};
         return raw(SYS_openat2, AT_FDCWD, at("/dev/null"), at(how.data()), sizeof how);
       }},
      {"the place in a file",
       [] { return ::lseek(STDERR_FILENO, 0, SEEK_CUR) < 0 && errno == EPERM ? -1L : 0L; }},
  };
}

TEST(Sandbox, RefusesWhatWorkedBeforeIt) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  const std::string said = in_child([] {
    std::string wrong;
    for (const Try& one : harmless()) wrong += worked(one.call, one.attempt() >= 0);
    if (!bind_loading(FileUse::none)) return wrong + "no first half";
    if (!bind_calls(FileUse::none, kSocket)) return wrong + "no second half";
    return wrong + all_refused(harmless());
  });
  EXPECT_EQ(said, "");
}

// What loading never takes. The rest of ways_out() is left to the second half.
TEST(Sandbox, LeavesNoWayOutWhileLoading) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  static const std::vector<std::string> kOpenStill = {"sending elsewhere",
                                                      "open for writing",
                                                      "open for both",
                                                      "creat",
                                                      "open of a nameless file",
                                                      "openat2",
                                                      "unlink",
                                                      "rename",
                                                      "mkdir",
                                                      "symlink",
                                                      "chmod",
                                                      "truncate",
                                                      "chdir",
                                                      "tgkill of the parent",
                                                      "flags of a shared file",
                                                      "memfd_create",
                                                      "setuid",
                                                      "limits of the parent",
                                                      "own limits",
                                                      "processors of the parent"};
  const std::string said = in_child([] {
    EarlierThread thread;
    if (!bind_loading(FileUse::none)) return std::string("no seccomp");
    std::vector<Try> tries = ways_out();
    std::erase_if(tries, [](const Try& one) {
      return std::ranges::find(kOpenStill, one.call) != kOpenStill.end();
    });
    std::string wrong = all_refused(tries) + thread.ask([&] { return all_refused(tries); });
    std::atomic<int> sum = 0;
    std::thread([&sum] { ++sum; }).join();
    wrong += worked("threads", sum == 1);
    wrong += worked("open", ::open("/proc/self/status", O_RDONLY | O_CLOEXEC) >= 0);
    ::signal(SIGUSR1, SIG_IGN);
    wrong += worked("own signal", ::raise(SIGUSR1) == 0);
    return wrong + worked("the second half", bool(bind_calls(FileUse::none, kSocket)));
  });
  EXPECT_EQ(said, "");
}

TEST(Sandbox, KeepsOfRootsPowersOnlyThoseToReadFiles) {
  const std::string said = in_child([] {
    if (!bind_loading(FileUse::none)) return std::string("no seccomp");
    const Result<std::string> status = read_text("/proc/self/status", 1 << 16);
    if (!status) return std::string("no status");
    std::string wrong;
    for (const char* set : {"CapInh:\t", "CapPrm:\t", "CapEff:\t"}) {
      const auto bits = std::stoull(status->substr(status->find(set) + 8, 16), nullptr, 16);
      if ((bits & ~6ULL) != 0) wrong += std::string(set) + std::to_string(bits) + "; ";
    }
    return wrong;
  });
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(said, "");
}

TEST(Sandbox, TakesNoAdviceToBreakMemory) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  const std::string said = confined(FileUse::none, [] {
    constexpr int kAll = PROT_READ | PROT_WRITE;
    void* const page = ::mmap(nullptr, 4096, kAll, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return worked("free", ::madvise(page, 4096, MADV_DONTNEED) == 0) +
           all_refused({{"poison", [page] { return ::madvise(page, 4096, 100); }},
                        {"offline", [page] { return ::madvise(page, 4096, 101); }}});
  });
  EXPECT_EQ(said, "");
}

TEST(Sandbox, OpensNothingWhereNoFileIsWanted) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(confined(FileUse::none, [] { return all_refused(ways_to_files()); }), "");
}

TEST(Sandbox, ReadsWhereFilesMayBeRead) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  const std::string said = confined(FileUse::reading, [] {
    std::vector<std::byte> buffer;
    const auto file = read_regular_file("/etc/passwd", Bytes{1 << 20}, buffer);
    return file && !file->empty() ? std::string() : "no file";
  });
  EXPECT_EQ(said, "");
}

TEST(Sandbox, WritesAndMovesWhereFilesMayBeWritten) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  const std::string folder = testing::TempDir() + "/sandbox_" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
  const std::string said = in_child([&folder] {
    const std::array places = {std::filesystem::path(folder)};
    if (has_landlock() && !bind_files(FileUse::writing, places)) return std::string("no Landlock");
    if (!bind_loading(FileUse::writing)) return std::string("no first half of seccomp");
    if (!bind_calls(FileUse::writing, kSocket)) return std::string("no seccomp");
    const std::string inner = folder + "/inner";
    const Status written = replace_file(folder + "/file", "text");
    std::string wrong = written ? "" : written.error().message;
    wrong += worked("folder", ::mkdir(inner.c_str(), 0700) == 0);
    wrong += worked("move", ::rename((folder + "/file").c_str(), (inner + "/file").c_str()) == 0);
    wrong += worked("unlink", ::unlink((inner + "/file").c_str()) == 0);
    wrong += worked("no folder", ::rmdir(inner.c_str()) == 0);
    wrong +=
        worked("nowhere", ::access("/dev/null", W_OK) != 0 || ::open("/dev/null", O_WRONLY) >= 0);
    if (has_landlock() && ::open((folder + "-not").c_str(), O_WRONLY | O_CREAT, 0600) >= 0)
      wrong += "wrote elsewhere; ";
    return wrong + refused({"socket", [] { return ::socket(AF_INET, SOCK_STREAM, 0); }});
  });
  EXPECT_EQ(said, "");
  EXPECT_EQ(::rmdir(folder.c_str()), 0);
}

TEST(Sandbox, LeavesWhatComputingTakes) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  const Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const std::string said = confined(FileUse::none, [&file] {
    std::array<char, 4> bytes{};
    std::string wrong = worked("read", ::pread(file.get(), bytes.data(), 4, 0) == 4);
    std::atomic<int> sum = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&sum, i] { sum += i; });
    for (std::thread& thread : threads) thread.join();
    wrong += worked("threads", sum == 3);
    try {
      throw std::runtime_error("caught");
    } catch (const std::exception&) {
      ++sum;
    }
    wrong += worked("exceptions", sum == 4);
    constexpr int kAll = PROT_READ | PROT_WRITE;
    void* const page = ::mmap(nullptr, 4096, kAll, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    wrong += worked("mmap", page != MAP_FAILED);
    wrong +=
        worked("mprotect for machine code", ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    wrong += worked("waiting", never.wait_for(lock, 1ms) == std::cv_status::timeout);
    wrong += worked("clock", std::chrono::steady_clock::now().time_since_epoch().count() > 0);
    wrong += worked("message", send_message(kSocket, std::string_view("hello")));
    std::vector<char> message;
    wrong += worked("no message", receive_message(kSocket, 10, message) == Received::nothing);
    std::array<char, 8> random{};
    wrong += worked("chance", ::getentropy(random.data(), random.size()) == 0);
    ::signal(SIGUSR1, SIG_IGN);
    return wrong + worked("own signal", ::raise(SIGUSR1) == 0);
  });
  EXPECT_EQ(said, "");
}

TEST(Sandbox, StillEndsAsACrashDoes) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  const std::string said = confined(FileUse::none, []() -> std::string {
    ::signal(SIGABRT, SIG_DFL);
    std::abort();
  });
  EXPECT_EQ(said, "killed by signal " + std::to_string(SIGABRT));
}

TEST(Sandbox, ReadsOnlyWhatLoadingTakes) {
  if (!has_landlock()) GTEST_SKIP() << "no Landlock here";
  const std::string folder = testing::TempDir() + "/sandbox_model_" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
  ASSERT_TRUE(replace_file(folder + "/model", "weights"));
  const std::string said = in_child([&folder] {
    const std::vector<std::filesystem::path> readable = {folder, "/there/is/none"};
    const Status bound = bind_files(FileUse::none, readable);
    if (!bound) return bound.error().message;
    std::string wrong = worked("model", ::open((folder + "/model").c_str(), O_RDONLY) >= 0);
    wrong += worked("linker's list", ::open("/etc/ld.so.cache", O_RDONLY) >= 0);
    wrong += worked("status", ::open("/proc/self/status", O_RDONLY) >= 0);
    if (::open("/etc/passwd", O_RDONLY) >= 0) wrong += "opened what is not its business; ";
    if (::open((folder + "/model").c_str(), O_WRONLY) >= 0) wrong += "opened for writing; ";
    if (::unlink((folder + "/model").c_str()) == 0) wrong += "removed; ";
    return wrong;
  });
  EXPECT_EQ(said, "");
  EXPECT_EQ(::unlink((folder + "/model").c_str()), 0);
  EXPECT_EQ(::rmdir(folder.c_str()), 0);
}

TEST(Sandbox, ChangesNoFileButReadsAllWhereFilesMayBeRead) {
  if (!has_landlock()) GTEST_SKIP() << "no Landlock here";
  const std::string said = in_child([] {
    const Status bound = bind_files(FileUse::reading, {});
    if (!bound) return bound.error().message;
    std::string wrong = worked("reading", ::open("/etc/passwd", O_RDONLY) >= 0);
    const std::string name = testing::TempDir() + "/sandbox_none";
    if (::open(name.c_str(), O_WRONLY | O_CREAT, 0600) >= 0) wrong += "made a file; ";
    static const std::array<const char*, 2> kProgram = {"/bin/true", nullptr};
    raw(SYS_execve, at(kProgram[0]), at(kProgram.data()), 0);
    return wrong + (errno == EACCES ? "" : "started a program");
  });
  EXPECT_EQ(said, "");
}

TEST(Sandbox, LooksIntoNoOtherProcessWhereFilesMayBeRead) {
  if (!has_landlock()) GTEST_SKIP() << "no Landlock here";
  const std::string theirs = "/proc/" + std::to_string(::getpid()) + "/mem";
  for (const FileUse files : {FileUse::reading, FileUse::writing}) {
    const std::string said = in_child([&] {
      const Status bound = bind_files(files, {});
      if (!bound) return bound.error().message;
      return ::open(theirs.c_str(), O_RDONLY | O_CLOEXEC) < 0 ? std::string() : "opened";
    });
    EXPECT_EQ(said, "");
  }
}

TEST(Sandbox, ReachesNoOtherProcessWhereLandlockKnowsHow) {
  if (sandbox_facts().landlock < 6) GTEST_SKIP() << "an older Landlock";
  const std::string said = in_child([] {
    const Status bound = bind_files(FileUse::writing, {});
    if (!bound) return bound.error().message;
    std::string wrong = refused({"kill of the parent", [] { return ::kill(::getppid(), 0); }});
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 256, .sin_addr = {}, .sin_zero = {}};
    const long rc = raw(SYS_connect, socket.get(), at(&address), sizeof address);
    return wrong + (rc < 0 && errno == EACCES ? "" : "connected: " + describe_errno(errno));
  });
  EXPECT_EQ(said, "");
}

TEST(Sandbox, ItsParentCanStillMeasureIt) {
  if (!has_seccomp()) GTEST_SKIP() << "no seccomp here";
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    static_cast<void>(bind_files(FileUse::none, {}));
    const bool bound = bind_loading(FileUse::none) && bind_calls(FileUse::none, kSocket);
    const char letter = bound ? 'y' : 'n';
    if (::write(ends[1], &letter, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char letter = 0;
  ASSERT_EQ(::read(ends[0], &letter, 1), 1);
  EXPECT_EQ(letter, 'y');
  const std::string of_child = "/proc/" + std::to_string(child);
  const Result<std::string> memory = read_text(of_child + "/smaps_rollup", 1 << 16);
  EXPECT_TRUE(memory && memory->find("Pss:") != std::string::npos);
  const Result<std::string> status = read_text(of_child + "/status", 1 << 16);
  ASSERT_TRUE(status);
  EXPECT_NE(status->find("NoNewPrivs:\t1"), std::string::npos);
  EXPECT_NE(status->find("Seccomp:\t2"), std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace headrace::sys
