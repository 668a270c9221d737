#include "sys/sandbox.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <link.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "sys/error.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace headrace::sys {
namespace {

namespace fs = std::filesystem;

// --- Landlock. Names and numbers are the kernel's; those of newer kernels than the headers that some
// compile with are given here.

constexpr std::uint64_t kTruncate = 1ULL << 14;      // LANDLOCK_ACCESS_FS_TRUNCATE, ABI 3
constexpr std::uint64_t kDeviceIoctl = 1ULL << 15;   // LANDLOCK_ACCESS_FS_IOCTL_DEV, ABI 5
constexpr std::uint64_t kBindTcp = 1ULL << 0;        // LANDLOCK_ACCESS_NET_BIND_TCP, ABI 4
constexpr std::uint64_t kConnectTcp = 1ULL << 1;     // LANDLOCK_ACCESS_NET_CONNECT_TCP
constexpr std::uint64_t kAbstractNames = 1ULL << 0;  // LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, ABI 6
constexpr std::uint64_t kSignals = 1ULL << 1;        // LANDLOCK_SCOPE_SIGNAL

// struct landlock_ruleset_attr as of ABI 6. A kernel that knows less of it refuses only what is not 0.
struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t net = 0;
  std::uint64_t scope = 0;
};

constexpr std::uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
// Not to start programs, nor to make devices.
constexpr std::uint64_t kNeverAllowed = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                        LANDLOCK_ACCESS_FS_MAKE_BLOCK | kDeviceIoctl;
// What applies to something that is no folder.
constexpr std::uint64_t kOfFile =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;

int landlock_version() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

// All that a kernel of this version can take away.
Ruleset ruleset(int version) {
  Ruleset rules;
  rules.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // all of ABI 1
  if (version >= 2) rules.files |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) rules.files |= kTruncate;
  if (version >= 5) rules.files |= kDeviceIoctl;
  if (version >= 4) rules.net = kBindTcp | kConnectTcp;
  if (version >= 6) rules.scope = kAbstractNames | kSignals;
  return rules;
}

// Of the rights in `access` those that there are for such a thing. Nothing to allow where nothing is, and
// what cannot be looked up cannot be opened either.
Status allow(int rules, const fs::path& path, std::uint64_t access) {
  const Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return Ok{};
  std::error_code ignored;
  landlock_path_beneath_attr rule{};
  rule.parent_fd = place.get();
  rule.allowed_access = fs::is_directory(path, ignored) ? access : access & kOfFile;
  if (::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0)
    return Ok{};
  return system_error("Landlock does not take " + path.string());
}

// What programs read while they load: libraries, and what the kernel says. Of /etc no more than the
// linker and the C library want; of /proc other processes' secrets are closed by Landlock itself.
constexpr std::array kOfSystem = {"/usr/lib",
                                  "/usr/lib64",
                                  "/usr/local/lib",
                                  "/lib",
                                  "/lib64",
                                  "/usr/share/zoneinfo",
                                  "/proc",
                                  "/etc/ld.so.cache",
                                  "/sys/devices/system",
                                  "/sys/fs",
                                  "/etc/ld.so.preload",
                                  "/etc/os-release",
                                  "/dev/null"};

// --- seccomp

using Filter = std::unique_ptr<void, void (*)(void*)>;

// Reading and writing what is open, memory, time, threads, waiting: whatever the arguments are.
constexpr auto kComputing = std::to_array<int>({
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(fstat),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    // Engines make machine code as they run, so mmap and mprotect may also ask for PROT_EXEC.
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(brk),
    SCMP_SYS(mincore),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(msync),
    SCMP_SYS(mbind),
    SCMP_SYS(get_mempolicy),
    SCMP_SYS(membarrier),
    // threads, but not making one
    SCMP_SYS(futex),
    SCMP_SYS(futex_waitv),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(getcpu),
    // its own signals
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigsuspend),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(pause),
    // time and chance
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(getrandom),
    // waiting for what is open
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
    // who and where it is
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit),
});

// `lseek` would lead back to the beginning of the log, where there are no files else that it could be for.
constexpr auto kLooking = std::to_array<int>(
    {SCMP_SYS(lseek), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
     SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
     SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(statfs),
     SCMP_SYS(fstatfs), SCMP_SYS(fadvise64), SCMP_SYS(readahead)});

constexpr auto kChanging = std::to_array<int>(
    {SCMP_SYS(open),      SCMP_SYS(openat),    SCMP_SYS(creat),     SCMP_SYS(pwrite64),
     SCMP_SYS(pwritev),   SCMP_SYS(mkdir),     SCMP_SYS(mkdirat),   SCMP_SYS(rmdir),
     SCMP_SYS(unlink),    SCMP_SYS(unlinkat),  SCMP_SYS(rename),    SCMP_SYS(renameat),
     SCMP_SYS(renameat2), SCMP_SYS(link),      SCMP_SYS(linkat),    SCMP_SYS(symlink),
     SCMP_SYS(symlinkat), SCMP_SYS(truncate),  SCMP_SYS(ftruncate), SCMP_SYS(fallocate),
     SCMP_SYS(fsync),     SCMP_SYS(fdatasync), SCMP_SYS(chmod),     SCMP_SYS(fchmod),
     SCMP_SYS(fchmodat),  SCMP_SYS(flock),     SCMP_SYS(utimensat), SCMP_SYS(chdir),
     SCMP_SYS(umask)});

// Of fcntl: not who gets a descriptor's signals (any process, any signal), not flags that others
// with the same open file would feel.
constexpr auto kFcntl =
    std::to_array<int>({F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC, F_GET_SEALS});
// Of prctl: not whether it dies with its supervisor, nor who may look into it.
constexpr int kNameMemory = 0x53564d41;  // PR_SET_VMA
constexpr auto kPrctl = std::to_array<int>({PR_SET_NAME, PR_GET_NAME, kNameMemory});
// Of arch_prctl: processor registers that must be asked for (AMX).
constexpr auto kArchPrctl = std::to_array<int>({0x1021, 0x1022, 0x1023});  // ARCH_..._XCOMP_...
// A thread of this process is made with this of these, and so never in a namespace of its own.
constexpr std::uint64_t kThread = CLONE_THREAD;
constexpr auto kNoThread = std::to_array<std::uint64_t>(
    {CLONE_VFORK, CLONE_PTRACE, CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
     CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET});
constexpr std::uint64_t kCloneFlags =
    std::accumulate(kNoThread.begin(), kNoThread.end(), kThread, std::bit_or{});
// Advice from here on is about the machine's memory: to take pages for broken.
constexpr std::uint64_t kAdviceOnHardware = 100;
// What even loading does not take. Everything else it may do, for nobody has a list of that.
constexpr auto kNeverTaken = std::to_array<int>({
    // the network, and the services of this machine
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    // other processes
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(process_mrelease),
    SCMP_SYS(kcmp),
    SCMP_SYS(setsid),
    SCMP_SYS(setpgid),
    SCMP_SYS(setpriority),
    SCMP_SYS(ioprio_set),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages),
    // what goes around a filter, or is where holes were found
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(personality),
    SCMP_SYS(open_by_handle_at),
    // the machine itself
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
});
// Of fcntl, who gets a descriptor's signals; of prctl, whether it dies with its supervisor and who may look
// into it; of ioctl, typing on the terminal.
constexpr auto kFcntlNever = std::to_array<int>({F_SETOWN, F_SETOWN_EX, F_SETSIG});
constexpr auto kPrctlNever =
    std::to_array<int>({PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER, PR_SET_CHILD_SUBREAPER});
constexpr auto kIoctlNever = std::to_array<int>({TIOCSTI, TIOCLINUX});
constexpr std::uint64_t kOpenForChange =
    O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
constexpr std::uint64_t kLow = 0xffffffff;  // of an argument that the kernel reads as 32 bits

// Collects rules; the first that fails is what is said.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  void set(scmp_filter_attr attribute, std::uint32_t value) {
    note(::seccomp_attr_set(filter_, attribute, value));
  }
  void allow(std::span<const int> calls) {
    for (const int call : calls) add(SCMP_ACT_ALLOW, call, {});
  }
  void allow_if(int call, std::initializer_list<scmp_arg_cmp> all) {
    add(SCMP_ACT_ALLOW, call, all);
  }
  // Where this argument is one of those.
  void allow_where(int call, unsigned argument, std::span<const int> values) {
    for (const int value : values) allow_if(call, {is(argument, static_cast<unsigned>(value))});
  }
  void answer(int call, int error) { refuse_if(call, error, {}); }
  void refuse_if(int call, int error, std::initializer_list<scmp_arg_cmp> all) {
    add(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, all);
  }
  void refuse_where(int call, unsigned argument, std::span<const int> values) {
    for (const int value : values)
      refuse_if(call, EPERM, {is(argument, static_cast<unsigned>(value))});
  }
  void load() { note(::seccomp_load(filter_)); }
  int error() const { return error_; }

  static scmp_arg_cmp is(unsigned argument, std::uint64_t value, std::uint64_t mask = kLow) {
    return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
  }

 private:
  void add(std::uint32_t action, int call, std::span<const scmp_arg_cmp> all) {
    note(::seccomp_rule_add_array(filter_, action, call, static_cast<unsigned>(all.size()),
                                  all.data()));
  }
  void note(int rc) {
    if (rc != 0 && error_ == 0) error_ = -rc;
  }

  scmp_filter_ctx filter_;
  int error_ = 0;
};

void allow_files(Rules& rules, FileUse files) {
  if (files == FileUse::none) return;
  rules.allow(kLooking);
  if (files == FileUse::writing) return rules.allow(kChanging);
  rules.allow_if(SCMP_SYS(open), {Rules::is(1, O_RDONLY, kOpenForChange)});
  rules.allow_if(SCMP_SYS(openat), {Rules::is(2, O_RDONLY, kOpenForChange)});
}

void allow_itself(Rules& rules, int socket) {
  const auto self = static_cast<unsigned>(::getpid());
  rules.allow_if(SCMP_SYS(clone), {Rules::is(0, kThread, kCloneFlags)});
  // Its flags lie in memory, where a filter cannot look; the C library asks again with clone.
  rules.answer(SCMP_SYS(clone3), ENOSYS);
  rules.allow_if(SCMP_SYS(madvise),
                 {{.arg = 2, .op = SCMP_CMP_LT, .datum_a = kAdviceOnHardware, .datum_b = 0}});
  rules.allow_if(SCMP_SYS(tgkill), {Rules::is(0, self)});
  rules.allow_if(SCMP_SYS(sched_setaffinity), {Rules::is(0, 0)});
  rules.allow_if(SCMP_SYS(prlimit64), {Rules::is(0, 0), Rules::is(2, 0, ~std::uint64_t{0})});
  rules.allow_where(SCMP_SYS(fcntl), 1, kFcntl);
  rules.allow_where(SCMP_SYS(prctl), 0, kPrctl);
  rules.allow_where(SCMP_SYS(arch_prctl), 0, kArchPrctl);
  for (const int call :
       {SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(recvmsg), SCMP_SYS(recvfrom)})
    rules.allow_if(call, {Rules::is(0, static_cast<unsigned>(socket))});
}

// A filter of what `fill` says, over what is done with all other calls.
Status bind(std::uint32_t otherwise, const std::function<void(Rules&)>& fill) {
  const Filter filter(::seccomp_init(otherwise), ::seccomp_release);
  if (!filter) return Error{"no memory for the seccomp filter"};
  Rules rules(filter.get());
  // Another kind of machine code (32 bits) would have other numbers for the calls: it ends there.
  rules.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  rules.set(SCMP_FLTATR_CTL_TSYNC, 1);
  // A tree instead of a list of a hundred comparisons.
  rules.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);
  // Before 5.16 a filter also slows down every load after a store, against spying between parts of
  // one process; there are none here. A kernel that does not know this goes without.
  static_cast<void>(::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_SSB, 1));
  rules.set(SCMP_FLTATR_API_SYSRAWRC, 1);  // errors of the kernel, as they are
  fill(rules);
  if (rules.error() == 0) rules.load();
  if (rules.error() != 0) return Error{"seccomp: " + describe_errno(rules.error())};
  return Ok{};
}

// Of root's powers, those to read a model that belongs to somebody else; no call is left for them once it is
// loaded. The thread that asks loses them, and what comes of it.
Status give_up_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return system_error("capget");
  constexpr std::uint32_t kept = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
  for (__user_cap_data_struct& set : sets) {
    const std::uint32_t left = &set == sets.data() ? set.permitted & kept : 0;
    set = {.effective = set.effective & left, .permitted = left, .inheritable = 0};
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return system_error("capset");
  return Ok{};
}

}  // namespace

SandboxFacts sandbox_facts() {
  std::uint32_t action = SECCOMP_RET_ERRNO;
  return {.landlock = landlock_version(),
          .seccomp = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0};
}

bool watched_by_sanitizer() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

void leave_standard_streams() {
  print_to_standard_error();
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (nothing) ::dup2(nothing.get(), STDIN_FILENO);
}

std::vector<fs::path> folders_of_libraries() {
  std::vector<fs::path> folders;
  const auto note = [](dl_phdr_info* library, std::size_t /*size*/, void* into) {
    const std::string name = library->dlpi_name == nullptr ? "" : library->dlpi_name;
    auto& all = *static_cast<std::vector<fs::path>*>(into);
    std::error_code wrong;
    // The program itself has no name here, and is not needed; what the kernel provides is no file.
    const fs::path file = name;
    for (const fs::path& folder : {file.parent_path(), fs::canonical(file, wrong).parent_path()}) {
      if (!folder.empty() && std::find(all.begin(), all.end(), folder) == all.end())
        all.push_back(folder);
    }
    return 0;
  };
  ::dl_iterate_phdr(note, &folders);
  return folders;
}

Status bind_files(FileUse files, std::span<const fs::path> places) {
  const int version = landlock_version();
  if (version == 0) return Error{"the kernel has no Landlock"};
  const Ruleset wanted = ruleset(version);
  const Fd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0)));
  if (!rules) return system_error("Landlock refuses its rules");
  std::vector<std::pair<fs::path, std::uint64_t>> allowances;
  const std::uint64_t changing = wanted.files & ~kNeverAllowed;
  for (const fs::path& place : places)
    allowances.emplace_back(place, files == FileUse::writing ? changing : kReading);
  if (files == FileUse::none) {
    for (const char* place : kOfSystem) allowances.emplace_back(place, kReading);
  } else {
    allowances.emplace_back("/", kReading);
  }
  if (files == FileUse::writing) allowances.emplace_back("/dev/null", changing);
  for (const auto& [place, access] : allowances) {
    if (Status allowed = allow(rules.get(), place, access); !allowed) return allowed;
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("no_new_privs");
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    return system_error("Landlock refuses to bind");
  return Ok{};
}

Status bind_loading(FileUse files) {
  if (files == FileUse::none) {
    if (Status given_up = give_up_capabilities(); !given_up) return given_up;
  }
  return bind(SCMP_ACT_ALLOW, [](Rules& rules) {
    for (const int call : kNeverTaken) rules.answer(call, EPERM);
    rules.refuse_if(SCMP_SYS(clone), EPERM, {Rules::is(0, 0, kThread)});
    for (const std::uint64_t flag : kNoThread)
      rules.refuse_if(SCMP_SYS(clone), EPERM, {Rules::is(0, flag, flag)});
    rules.answer(SCMP_SYS(clone3), ENOSYS);  // as above
    rules.refuse_where(SCMP_SYS(fcntl), 1, kFcntlNever);
    rules.refuse_where(SCMP_SYS(prctl), 0, kPrctlNever);
    rules.refuse_where(SCMP_SYS(ioctl), 1, kIoctlNever);
  });
}

Status bind_calls(FileUse files, int socket) {
  return bind(SCMP_ACT_ERRNO(EPERM), [=](Rules& rules) {
    rules.allow(kComputing);
    allow_files(rules, files);
    allow_itself(rules, socket);
  });
}

}  // namespace headrace::sys
