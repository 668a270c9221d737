// Starts a program in a root file system as a container engine would, where there is no engine.
//
// An image is only known to work when it was started: as process 1, with a root that nobody can write to, as a user
// whom no file knows, without capabilities, under the rules of seccomp that engines apply. This does all of that and
// ends as `docker run` does: with the program's exit code, 128 + N when signal N killed it, 125 to 127 when it could
// not be started. It takes root. The control groups are those that it was started in.
//
//   start_contained [--user UID:GID] [--env NAME[=VALUE]]... [--volume FROM:TO[:ro]]... ROOT COMMAND [ARGUMENT...]
//
// ROOT itself is never changed: what is mounted on lies in a layer over it, in memory. Signals are passed on to
// process 1, and when this program is killed, process 1 is too. Everything goes with its last process: namespaces,
// mounts, the layer. The network is a loopback of its own.
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "engine_rules.h"

namespace headrace::container {
namespace {

namespace fs = std::filesystem;

// As docker run.
constexpr int kNotStarted = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

constexpr unsigned long kHarmless = MS_NOSUID | MS_NODEV | MS_NOEXEC;

[[noreturn]] void refuse(const std::string& what, int code = kNotStarted) {
  std::cerr << "start_contained: " << what << std::endl;
  std::_Exit(code);
}

void check(bool done, const std::string& what) {
  if (!done) refuse(what + ": " + std::strerror(errno));
}

struct Volume {
  std::string from{};
  std::string to{};
  bool read_only = false;
};

struct Settings {
  uid_t user = 65532;
  gid_t group = 65532;
  std::vector<std::string> environment{
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=container",
      "HOME=/"};
  std::vector<Volume> volumes{};
  fs::path root{};
  std::vector<std::string> command{};
};

// --- what was asked for

Volume volume_of(std::string text) {
  Volume volume;
  if (text.ends_with(":ro")) {
    volume.read_only = true;
    text.resize(text.size() - 3);
  }
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || !text.substr(colon + 1).starts_with('/'))
    refuse("--volume " + text + ": FROM:/TO");
  volume.from = text.substr(0, colon);
  volume.to = text.substr(colon + 1);
  return volume;
}

std::string variable_of(const std::string& text) {
  if (text.find('=') != std::string::npos) return text;
  const char* const ours = std::getenv(text.c_str());
  return text + "=" + (ours == nullptr ? "" : ours);
}

template <class Number>
Number number_of(std::string_view text) {
  Number number = 0;
  const auto [rest, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong != std::errc() || rest != text.data() + text.size())
    refuse("no number: " + std::string(text));
  return number;
}

Settings parse(const std::vector<std::string>& words) {
  Settings settings;
  std::size_t at = 0;
  for (; at + 1 < words.size() && words[at].starts_with("--"); at += 2) {
    const std::string& value = words[at + 1];
    if (words[at] == "--user") {
      const auto colon = value.find(':');
      if (colon == std::string::npos) refuse("--user UID:GID");
      settings.user = number_of<uid_t>(std::string_view(value).substr(0, colon));
      settings.group = number_of<gid_t>(std::string_view(value).substr(colon + 1));
    } else if (words[at] == "--env") {
      settings.environment.push_back(variable_of(value));
    } else if (words[at] == "--volume") {
      settings.volumes.push_back(volume_of(value));
    } else {
      refuse("no option " + words[at]);
    }
  }
  if (at + 1 >= words.size())
    refuse(
        "usage: start_contained [--user UID:GID] [--env NAME[=VALUE]]... "
        "[--volume FROM:TO[:ro]]... ROOT COMMAND [ARGUMENT...]");
  settings.root = fs::canonical(words[at]);
  settings.command.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
  return settings;
}

// --- file systems, from here on as process 1

void mount_on(const fs::path& place, const char* kind, unsigned long flags,
              const std::string& options = "") {
  check(::mount(kind, place.c_str(), kind, flags, options.c_str()) == 0,
        "mount " + std::string(kind) + " on " + place.string());
}

void bind(const std::string& from, const fs::path& place, unsigned long flags) {
  check(::mount(from.c_str(), place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0,
        "bind on " + place.string());
  if (flags != 0)
    check(::mount(nullptr, place.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) == 0,
          "remount " + place.string());
}

// Open, because its name may soon be covered; by process 1, because a mount of other namespaces cannot be mounted here.
std::string held(const fs::path& path) {
  const int file = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  check(file >= 0, path.string());
  return "/proc/self/fd/" + std::to_string(file);
}

void make_file(const fs::path& place) {
  fs::create_directories(place.parent_path());
  const std::ofstream file(place, std::ios::app);
}

// The image under a layer in memory; returns where both together are.
fs::path lay_over(const fs::path& root) {
  const std::string image = held(root);
  mount_on(root, "tmpfs", 0, "mode=755");
  check(::chdir(root.c_str()) == 0, "chdir");
  for (const char* folder : {"upper", "work", "merged"}) fs::create_directory(folder);
  fs::permissions("upper", fs::perms(0755));
  mount_on("merged", "overlay", 0, "lowerdir=" + image + ",upperdir=upper,workdir=work");
  return root / "merged";
}

struct Device {
  const char* name;
  unsigned major;
  unsigned minor;
};

// New ones where the kernel lets us, since those of the machine may have been spoiled.
void make_device(const fs::path& place, const Device& device) {
  if (::mknod(place.c_str(), S_IFCHR | 0666, makedev(device.major, device.minor)) == 0) return;
  make_file(place);
  bind(std::string("/dev/") + device.name, place, 0);
}

void make_devices(const fs::path& dev) {
  mount_on(dev, "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
  constexpr std::array kDevices = {Device{"null", 1, 3},    Device{"zero", 1, 5},
                                   Device{"full", 1, 7},    Device{"random", 1, 8},
                                   Device{"urandom", 1, 9}, Device{"tty", 5, 0}};
  for (const Device& device : kDevices) make_device(dev / device.name, device);
  fs::create_directory(dev / "pts");
  mount_on(dev / "pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
  fs::create_symlink("pts/ptmx", dev / "ptmx");
  fs::create_directory(dev / "mqueue");
  mount_on(dev / "mqueue", "mqueue", kHarmless);
  fs::create_directory(dev / "shm");
  mount_on(dev / "shm", "tmpfs", kHarmless, "mode=1777,size=65536k");
  fs::create_symlink("/proc/self/fd", dev / "fd");
  for (const auto& [name, number] : {std::pair("stdin", 0), {"stdout", 1}, {"stderr", 2}})
    fs::create_symlink("/proc/self/fd/" + std::to_string(number), dev / name);
}

// The groups that we are in, and none above them: each hierarchy of the host, whose root is our own group here.
void show_groups(const fs::path& folder) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::vector<std::string> v1;
  bool v2_alone = false;
  for (std::string line; std::getline(mounts, line);) {
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream left(line.substr(0, dash));
    std::istringstream right(line.substr(dash + 3));
    std::string skip;
    std::string place;
    std::string kind;
    std::string options;
    left >> skip >> skip >> skip >> skip >> place;
    right >> kind >> skip >> options;
    if (kind == "cgroup2" && place == "/sys/fs/cgroup") v2_alone = true;
    if (kind != "cgroup") continue;
    // Of the options only what tells the hierarchies apart.
    std::istringstream words(options);
    std::string kept;
    for (std::string word; std::getline(words, word, ',');) {
      if (word != "rw" && word != "ro" && !word.starts_with("release_agent="))
        kept += (kept.empty() ? "" : ",") + word;
    }
    v1.push_back(fs::path(place).filename().string() + "\n" + kept);
  }
  if (v2_alone) return mount_on(folder, "cgroup2", kHarmless | MS_RDONLY);
  if (v1.empty()) return;
  mount_on(folder, "tmpfs", kHarmless, "mode=755");
  for (const std::string& hierarchy : v1) {
    const auto end = hierarchy.find('\n');
    const fs::path place = folder / hierarchy.substr(0, end);
    fs::create_directory(place);
    mount_on(place, "cgroup", kHarmless | MS_RDONLY, hierarchy.substr(end + 1));
  }
  check(::mount(nullptr, folder.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kHarmless,
                nullptr) == 0,
        "remount " + folder.string());
}

void hide(const fs::path& root) {
  for (const char* path :
       {"proc/asound", "proc/acpi", "proc/interrupts", "proc/kcore", "proc/keys",
        "proc/latency_stats", "proc/timer_list", "proc/timer_stats", "proc/sched_debug",
        "proc/scsi", "sys/firmware", "sys/devices/virtual/powercap"}) {
    const fs::path place = root / path;
    if (!fs::exists(place)) continue;
    if (fs::is_directory(place))
      mount_on(place, "tmpfs", MS_RDONLY, "size=0");
    else
      bind((root / "dev/null").string(), place, 0);
  }
  for (const char* path : {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"}) {
    const fs::path place = root / path;
    if (fs::exists(place)) bind(place.string(), place, MS_RDONLY | kHarmless);
  }
}

void mount_volumes(const std::vector<Volume>& volumes, const fs::path& root) {
  for (const Volume& volume : volumes) {
    const fs::path place = root / fs::path(volume.to).relative_path();
    if (fs::is_directory(volume.from))
      fs::create_directories(place);
    else
      make_file(place);
    bind(volume.from, place, volume.read_only ? MS_RDONLY : 0);
  }
}

void enter(const fs::path& root) {
  check(::mount(nullptr, root.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0,
        "make the root read-only");
  check(::chdir(root.c_str()) == 0, "chdir");
  // The old root comes to lie over the new one, and goes.
  check(::syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
  check(::umount2(".", MNT_DETACH) == 0, "leave the old root");
  check(::chdir("/") == 0, "chdir");
}

void make_file_systems(Settings settings) {
  ::umask(0);
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
  for (Volume& volume : settings.volumes) volume.from = held(volume.from);
  const fs::path root = lay_over(settings.root);
  for (const char* folder : {"proc", "sys", "dev"}) fs::create_directories(root / folder);
  mount_on(root / "proc", "proc", kHarmless);
  mount_on(root / "sys", "sysfs", kHarmless | MS_RDONLY);
  show_groups(root / "sys/fs/cgroup");
  make_devices(root / "dev");
  hide(root);
  mount_volumes(settings.volumes, root);
  enter(root);
}

// --- rights

void raise_loopback() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  check(socket >= 0 && ::ioctl(socket, SIOCGIFFLAGS, &request) == 0, "the loopback");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_RUNNING);
  check(::ioctl(socket, SIOCSIFFLAGS, &request) == 0, "raise the loopback");
  ::close(socket);
}

void give_up_rights(const Settings& settings) {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    check(::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0, "drop a capability");
  const auto group = settings.group;
  const auto user = settings.user;
  // No groups but the one: the C library's calls would ask for threads that are not there, and do the same.
  check(::syscall(SYS_setgroups, 0, nullptr) == 0, "setgroups");
  check(::setresgid(group, group, group) == 0 && ::setresuid(user, user, user) == 0, "setresuid");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  check(::syscall(SYS_capset, &header, none.data()) == 0, "capset");
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  check(put_engine_rules(), "seccomp");
}

// --- the two processes

[[noreturn]] void be_process_1(const Settings& settings, const sigset_t& signals) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  check(::sethostname("container", 9) == 0, "sethostname");
  raise_loopback();
  make_file_systems(settings);
  ::umask(022);
  ::setsid();
  ::close_range(3, ~0U, 0);
  give_up_rights(settings);
  // Once more: a change of user takes it away.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  std::vector<char*> words;
  for (const std::string& word : settings.command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::vector<char*> variables;
  for (const std::string& one : settings.environment)
    variables.push_back(const_cast<char*>(one.c_str()));
  variables.push_back(nullptr);
  ::execve(words.front(), words.data(), variables.data());
  refuse(settings.command.front() + ": " + std::strerror(errno),
         errno == ENOENT ? kNotFound : kNotExecutable);
}

// Until process 1 ends; its exit code as an engine tells it.
int pass_on(const sigset_t& signals, pid_t first) {
  for (;;) {
    int number = 0;
    ::sigwait(&signals, &number);
    if (number != SIGCHLD) {
      ::kill(first, number);
      continue;
    }
    int status = 0;
    if (::waitpid(first, &status, WNOHANG) == first && !WIFSTOPPED(status))
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

int start(const Settings& settings) {
  // Blocked before anybody is there to get one; unblocked in process 1.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD})
    ::sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  check(::unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                  CLONE_NEWCGROUP) == 0,
        "make namespaces");
  const pid_t first = ::fork();
  check(first >= 0, "fork");
  if (first == 0) be_process_1(settings, signals);
  return pass_on(signals, first);
}

}  // namespace
}  // namespace headrace::container

int main(int argc, char** argv) {
  try {
    return headrace::container::start(
        headrace::container::parse(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::exception& e) {
    headrace::container::refuse(e.what());
  }
}
