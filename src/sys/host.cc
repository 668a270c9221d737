#include "sys/host.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "sys/error.h"
#include "sys/fd.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace headrace::sys {
namespace {

// In the order of their numbers, as linux/capability.h has them.
constexpr std::array<const char*, 41> kCapabilities = {"chown",
                                                       "dac_override",
                                                       "dac_read_search",
                                                       "fowner",
                                                       "fsetid",
                                                       "kill",
                                                       "setgid",
                                                       "setuid",
                                                       "setpcap",
                                                       "linux_immutable",
                                                       "net_bind_service",
                                                       "net_broadcast",
                                                       "net_admin",
                                                       "net_raw",
                                                       "ipc_lock",
                                                       "ipc_owner",
                                                       "sys_module",
                                                       "sys_rawio",
                                                       "sys_chroot",
                                                       "sys_ptrace",
                                                       "sys_pacct",
                                                       "sys_admin",
                                                       "sys_boot",
                                                       "sys_nice",
                                                       "sys_resource",
                                                       "sys_time",
                                                       "sys_tty_config",
                                                       "mknod",
                                                       "lease",
                                                       "audit_write",
                                                       "audit_control",
                                                       "setfcap",
                                                       "mac_override",
                                                       "mac_admin",
                                                       "syslog",
                                                       "wake_alarm",
                                                       "block_suspend",
                                                       "audit_read",
                                                       "perfmon",
                                                       "bpf",
                                                       "checkpoint_restore"};

struct VolumeKind {
  unsigned long magic;
  const char* name;
};
constexpr std::array<VolumeKind, 13> kVolumeKinds = {{{0x01021994, "tmpfs"},
                                                      {0x794c7630, "overlay"},
                                                      {0xef53, "ext"},
                                                      {0x58465342, "xfs"},
                                                      {0x9123683e, "btrfs"},
                                                      {0x6969, "nfs"},
                                                      {0xff534d42, "cifs"},
                                                      {0xfe534d42, "smb2"},
                                                      {0x65735546, "fuse"},
                                                      {0x01021997, "9p"},
                                                      {0x73717368, "squashfs"},
                                                      {0xe0f5e1e2, "erofs"},
                                                      {0x858458f6, "ramfs"}}};

Error reason() {
  return Error{describe_errno(errno)};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// The value of the first line "key : value".
std::string_view value_at(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == key)
      return trimmed(line.substr(colon + 1));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return {};
}

std::uint64_t hexadecimal(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

std::string limit_text(rlim_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit);
}

}  // namespace

Result<std::string> read_text(const std::string& path, std::size_t limit) {
  // Not blocking, for a path may turn out to be a FIFO.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return reason();
  std::string text(limit, '\0');
  std::size_t used = 0;
  while (used < limit) {
    const ssize_t got = ::read(fd.get(), text.data() + used, limit - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return reason();
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.pop_back();
  return text;
}

Kernel kernel() {
  utsname name{};
  if (::uname(&name) != 0) return {};
  return {name.sysname, name.release, name.version, name.machine};
}

bool Processor::has(std::string_view flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

Processor parse_cpuinfo(std::string_view cpuinfo) {
  Processor out;
  out.model = value_at(cpuinfo, "model name");
  std::string_view flags = value_at(cpuinfo, "flags");
  if (flags.empty()) flags = value_at(cpuinfo, "Features");  // of 64-bit Arm
  while (!flags.empty()) {
    const std::string_view flag = flags.substr(0, flags.find(' '));
    if (!flag.empty()) out.flags.emplace_back(flag);
    flags.remove_prefix(std::min(flag.size() + 1, flags.size()));
  }
  return out;
}

Result<Processor> processor(std::string_view root) {
  Result<std::string> text = read_text(std::string(root) + "/proc/cpuinfo");
  if (!text) return text.error();
  return parse_cpuinfo(*text);
}

ProcessorCounts processor_counts() {
  return {::sysconf(_SC_NPROCESSORS_CONF), ::sysconf(_SC_NPROCESSORS_ONLN)};
}

Rights parse_status(std::string_view status) {
  Rights out;
  out.effective = hexadecimal(value_at(status, "CapEff"));
  out.bounding = hexadecimal(value_at(status, "CapBnd"));
  out.no_new_privileges = value_at(status, "NoNewPrivs") == "1";
  const std::string_view seccomp = value_at(status, "Seccomp");
  if (!seccomp.empty())
    out.seccomp = seccomp == "0" ? "none" : (seccomp == "1" ? "strict" : "filter");
  return out;
}

Result<Rights> rights(std::string_view root) {
  Result<std::string> text = read_text(std::string(root) + "/proc/self/status");
  if (!text) return text.error();
  return parse_status(*text);
}

std::vector<std::string> capability_names(std::uint64_t bits) {
  std::vector<std::string> names;
  for (std::size_t bit = 0; bit < 64; ++bit) {
    if ((bits >> bit & 1U) == 0) continue;
    names.push_back(bit < kCapabilities.size() ? kCapabilities[bit] : std::to_string(bit));
  }
  return names;
}

Result<Volume> volume(const std::string& path) {
  struct statfs kind {};
  struct statvfs space {};
  if (::statfs(path.c_str(), &kind) != 0 || ::statvfs(path.c_str(), &space) != 0) return reason();
  const auto magic = static_cast<unsigned long>(kind.f_type) & 0xffffffffUL;
  const auto* known = std::find_if(kVolumeKinds.begin(), kVolumeKinds.end(),
                                   [&](const VolumeKind& k) { return k.magic == magic; });
  Volume out;
  out.kind = known != kVolumeKinds.end() ? known->name : "kind " + std::to_string(magic);
  out.size = Bytes{space.f_blocks * space.f_frsize};
  out.available = Bytes{space.f_bavail * space.f_frsize};
  out.read_only = (space.f_flag & ST_RDONLY) != 0;
  out.no_exec = (space.f_flag & ST_NOEXEC) != 0;
  return out;
}

std::vector<ResourceLimit> resource_limits() {
  struct Named {
    __rlimit_resource number;
    const char* name;
  };
  std::vector<ResourceLimit> limits;
  for (const Named& which : {Named{RLIMIT_AS, "AS"},
                             {RLIMIT_CORE, "CORE"},
                             {RLIMIT_CPU, "CPU"},
                             {RLIMIT_DATA, "DATA"},
                             {RLIMIT_FSIZE, "FSIZE"},
                             {RLIMIT_LOCKS, "LOCKS"},
                             {RLIMIT_MEMLOCK, "MEMLOCK"},
                             {RLIMIT_MSGQUEUE, "MSGQUEUE"},
                             {RLIMIT_NICE, "NICE"},
                             {RLIMIT_NOFILE, "NOFILE"},
                             {RLIMIT_NPROC, "NPROC"},
                             {RLIMIT_RSS, "RSS"},
                             {RLIMIT_RTPRIO, "RTPRIO"},
                             {RLIMIT_RTTIME, "RTTIME"},
                             {RLIMIT_SIGPENDING, "SIGPENDING"},
                             {RLIMIT_STACK, "STACK"}}) {
    rlimit limit{};
    if (::getrlimit(which.number, &limit) != 0) {
      limits.push_back({which.name, reason().message, reason().message});
    } else {
      limits.push_back({which.name, limit_text(limit.rlim_cur), limit_text(limit.rlim_max)});
    }
  }
  return limits;
}

std::vector<std::string> variable_names() {
  std::vector<std::string> names;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view setting = *at;
    names.emplace_back(setting.substr(0, setting.find('=')));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Identity identity() {
  return {::geteuid(), ::getegid(), ::getpid(), ::getppid()};
}

Status may_write(const std::string& folder) {
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return reason();
  return Ok{};
}

}  // namespace headrace::sys
