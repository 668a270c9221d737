// A file system that fails, on order: loaded before the C library (LD_PRELOAD) it stands between a program
// and the calls that it makes for files in one folder.
//
// A network share gives errors that pass, errors that come late, calls that hang, and no locks. None of
// that can be had from a disk at a wish. This needs neither rights nor a kernel module; what it cannot do
// is to fail a file that is mapped into memory, and a call that hangs in it can be killed.
//
//     LD_PRELOAD=unreliable_files.so LD_UNRELIABLE=FOLDER LD_UNRELIABLE_RULES="RULE RULE" PROGRAM
//
// RULE is CALL[@PART]:WHICH:WHAT. CALL: open stat list read write sync close rename lock cut. PART: of the
// file's name; otherwise every file in FOLDER counts. WHICH of these calls, counted by each rule from 1:
// 3, 3-5, 3- (and all that follow). WHAT: an error (EIO), hang, a delay (20ms), half (what is written or
// read), lost (a sync or write that fails, and takes what was written since the last sync with it), lost-full
// (the same, because the disk is full), unknown (a folder that does not tell what its entries are), meet (a call
// that waits until 8 of them are under way, or 5 s).
// The variables' names begin with LD_, which Headrace passes on to its workers. What it did stands in the
// file LD_UNRELIABLE_LOG, a line each: CALL NAME WHAT, or how many met.
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr int kMeeting = 8;
constexpr int kMeetingSeconds = 5;

struct Rule {
  std::string call{}, part{}, what{};
  long first = 0, last = 0;
  std::atomic<long> calls = 0;
  std::atomic<int> under_way = 0;
};

struct ErrorName {
  const char* name;
  int number;
};
constexpr std::array kErrors = {ErrorName{"EIO", EIO},
                                ErrorName{"EHOSTDOWN", EHOSTDOWN},
                                ErrorName{"ESTALE", ESTALE},
                                ErrorName{"EBUSY", EBUSY},
                                ErrorName{"ENOSPC", ENOSPC},
                                ErrorName{"EDQUOT", EDQUOT},
                                ErrorName{"ENOLCK", ENOLCK},
                                ErrorName{"EACCES", EACCES},
                                ErrorName{"EOPNOTSUPP", EOPNOTSUPP},
                                ErrorName{"ETIMEDOUT", ETIMEDOUT}};

// The C library's own.
template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}
#define REAL(name) static auto* const real_##name = real<decltype(name)>(#name)

struct OpenFile {
  bool ours = false;
  std::string name{};
};

struct World {
  std::string folder{};
  int log = -1;
  std::vector<Rule*> rules{};  // never freed: calls come until the very end
  std::mutex mutex{};
  std::vector<OpenFile> files{};                      // by descriptor; under the mutex
  std::vector<std::pair<DIR*, std::string>> lists{};  // under the mutex
  std::map<std::string, off_t> synced{};              // bytes, by name; under the mutex

  World() {
    const auto variable = [](const char* name) {
      const char* text = std::getenv(name);
      return std::string(text == nullptr ? "" : text);
    };
    folder = variable("LD_UNRELIABLE");
    // Now, since a worker in its sandbox opens nothing any more.
    if (const std::string name = variable("LD_UNRELIABLE_LOG"); !name.empty()) {
      const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
      log = static_cast<int>(::syscall(SYS_open, name.c_str(), flags, 0644));
    }
    const std::string text = variable("LD_UNRELIABLE_RULES");
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      if (end > at) add(text.substr(at, end - at));
      at = end + 1;
    }
  }

  void add(const std::string& text) {
    const std::size_t first = text.find(':');
    const std::size_t second = text.find(':', first + 1);
    auto* rule = new Rule;
    rule->call = text.substr(0, first);
    if (const std::size_t at = rule->call.find('@'); at != std::string::npos) {
      rule->part = rule->call.substr(at + 1);
      rule->call.resize(at);
    }
    const std::string which = text.substr(first + 1, second - first - 1);
    rule->what = text.substr(second + 1);
    rule->first = rule->last = std::atol(which.c_str());
    if (const std::size_t dash = which.find('-'); dash != std::string::npos)
      rule->last = dash + 1 < which.size() ? std::atol(which.c_str() + dash + 1) : 1L << 60;
    rules.push_back(rule);
  }

  bool holds(std::string_view path) const { return !folder.empty() && path.starts_with(folder); }

  void note(std::string_view call, std::string_view name, const std::string& what) const {
    const std::string line = std::string(call) + " " + std::string(name) + " " + what + "\n";
    if (log >= 0) ::syscall(SYS_write, log, line.data(), line.size());
  }

  std::string name_of(int fd) {
    const std::lock_guard lock(mutex);
    const auto at = static_cast<std::size_t>(fd);
    return fd >= 0 && at < files.size() && files[at].ours ? files[at].name : std::string();
  }
  void put(int fd, std::string name) {
    const std::lock_guard lock(mutex);
    const auto at = static_cast<std::size_t>(fd);
    if (files.size() <= at) files.resize(at + 1);
    // What is there when a file is first seen was there before, and stays.
    synced.try_emplace(name, size_of(fd));
    files[at] = {true, std::move(name)};
  }
  static off_t size_of(int fd) {
    struct stat info {};
    return ::fstat(fd, &info) == 0 ? info.st_size : 0;
  }
  void forget(int fd) {
    const std::lock_guard lock(mutex);
    const auto at = static_cast<std::size_t>(fd);
    if (at < files.size()) files[at] = {};
  }
};

// Made as the library is loaded (see below).
World& world() {
  static auto* const the_one = new World;
  return *the_one;
}

void sleep_for(long milliseconds) {
  timespec time{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  while (::nanosleep(&time, &time) != 0) {
  }
}

void meet(Rule& rule, const std::string& name) {
  ++rule.under_way;
  int most = 0;
  for (int i = 0; i < kMeetingSeconds * 200 && most < kMeeting; ++i) {
    most = std::max<int>(most, rule.under_way);
    if (most < kMeeting) sleep_for(5);
  }
  world().note(rule.call, name, "met " + std::to_string(most));
  // Whoever has seen that they are enough must not leave before the others see it.
  sleep_for(20);
  --rule.under_way;
}

// What is to be done to this call.
struct Order {
  int error = 0;
  bool half = false;
  bool lost = false;
  bool unknown = false;
};

Order order(std::string_view call, const std::string& name) {
  Order order;
  if (name.empty()) return order;
  const int before = errno;
  for (Rule* rule : world().rules) {
    if (rule->call != call || name.find(rule->part) == std::string::npos) continue;
    const long number = ++rule->calls;
    if (number < rule->first || number > rule->last) continue;
    if (rule->what == "meet") {
      meet(*rule, name);
      continue;
    }
    world().note(call, name, rule->what);
    if (rule->what == "hang")
      for (;;) sleep_for(1000);
    if (rule->what == "half") order.half = true;
    if (rule->what == "unknown") order.unknown = true;
    if (rule->what.ends_with("ms")) sleep_for(std::atol(rule->what.c_str()));
    if (rule->what.starts_with("lost")) {
      order.lost = true;
      order.error = rule->what == "lost" ? EIO : ENOSPC;
    }
    for (const auto& [error, number_of_it] : kErrors) {
      if (rule->what == error) order.error = number_of_it;
    }
  }
  errno = before;
  return order;
}

std::string absolute(const char* path) {
  if (path[0] == '/') return path;
  std::array<char, 4096> here{};
  if (::getcwd(here.data(), here.size()) == nullptr) return path;
  return std::string(here.data()) + "/" + path;
}

// The name in our folder that a path stands for, or nothing.
std::string ours(const char* path) {
  if (path == nullptr || world().folder.empty()) return {};
  std::string name = absolute(path);
  return world().holds(name) ? name : std::string();
}

// Sets errno; true when the call is to fail.
bool fails(const Order& order) {
  if (order.error != 0) errno = order.error;
  return order.error != 0;
}

std::size_t cut_short(const Order& order, std::size_t size) {
  return order.half && size > 1 ? size / 2 : size;
}

// What a share that lost its cache leaves behind: the length, and zeros.
void lose(int fd, const std::string& name) {
  const std::lock_guard lock(world().mutex);
  const off_t size = World::size_of(fd);
  ::syscall(SYS_ftruncate, fd, std::min(size, world().synced[name]));
  ::syscall(SYS_ftruncate, fd, size);
}

int synced(int fd, int (*sync)(int)) {
  const std::string name = world().name_of(fd);
  const Order todo = order("sync", name);
  if (todo.lost) lose(fd, name);
  if (fails(todo)) return -1;
  const int rc = sync(fd);
  if (rc == 0 && !name.empty()) {
    const std::lock_guard lock(world().mutex);
    world().synced[name] = World::size_of(fd);
  }
  return rc;
}

int opened(const char* path, int flags, mode_t mode, int (*open_it)(const char*, int, ...)) {
  const std::string name = ours(path);
  if (fails(order("open", name))) return -1;
  const int fd = open_it(path, flags, mode);
  if (fd >= 0 && !name.empty()) world().put(fd, name);
  return fd;
}

mode_t mode_of(int flags, std::va_list& more) {
  return (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
}

}  // namespace

[[gnu::constructor]] static void begin() {
  world();
}

extern "C" {

int open(const char* path, int flags, ...) {
  REAL(open);
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  return opened(path, flags, mode, real_open);
}

int open64(const char* path, int flags, ...) {
  REAL(open64);
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  return opened(path, flags, mode, real_open64);
}

int close(int fd) {
  REAL(close);
  const std::string name = world().name_of(fd);
  if (name.empty()) return real_close(fd);
  world().forget(fd);
  const Order todo = order("close", name);
  const int rc = real_close(fd);
  return fails(todo) ? -1 : rc;
}

ssize_t read(int fd, void* into, size_t size) {
  REAL(read);
  const Order todo = order("read", world().name_of(fd));
  return fails(todo) ? -1 : real_read(fd, into, cut_short(todo, size));
}

ssize_t pread(int fd, void* into, size_t size, off_t at) {
  REAL(pread);
  const Order todo = order("read", world().name_of(fd));
  return fails(todo) ? -1 : real_pread(fd, into, cut_short(todo, size), at);
}

ssize_t pread64(int fd, void* into, size_t size, off64_t at) {
  return pread(fd, into, size, at);
}

ssize_t write(int fd, const void* from, size_t size) {
  REAL(write);
  const Order todo = order("write", world().name_of(fd));
  return fails(todo) ? -1 : real_write(fd, from, cut_short(todo, size));
}

ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  REAL(pwrite);
  const std::string name = world().name_of(fd);
  const Order todo = order("write", name);
  if (todo.lost) lose(fd, name);
  return fails(todo) ? -1 : real_pwrite(fd, from, cut_short(todo, size), at);
}

ssize_t pwrite64(int fd, const void* from, size_t size, off64_t at) {
  return pwrite(fd, from, size, at);
}

int fsync(int fd) {
  REAL(fsync);
  return synced(fd, real_fsync);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return synced(fd, real_fdatasync);
}

int ftruncate(int fd, off_t size) noexcept {
  REAL(ftruncate);
  const std::string name = world().name_of(fd);
  if (fails(order("cut", name))) return -1;
  if (!name.empty()) {
    const std::lock_guard lock(world().mutex);
    world().synced[name] = std::min<off_t>(world().synced[name], size);
  }
  return real_ftruncate(fd, size);
}

int ftruncate64(int fd, off64_t size) noexcept {
  return ftruncate(fd, size);
}

int flock(int fd, int operation) noexcept {
  REAL(flock);
  return fails(order("lock", world().name_of(fd))) ? -1 : real_flock(fd, operation);
}

int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return fails(order("rename", ours(to))) ? -1 : real_rename(from, to);
}

int stat(const char* path, struct stat* info) noexcept {
  REAL(stat);
  return fails(order("stat", ours(path))) ? -1 : real_stat(path, info);
}

int lstat(const char* path, struct stat* info) noexcept {
  REAL(lstat);
  return fails(order("stat", ours(path))) ? -1 : real_lstat(path, info);
}

DIR* opendir(const char* path) {
  REAL(opendir);
  const std::string name = ours(path);
  if (fails(order("open", name))) return nullptr;
  DIR* list = real_opendir(path);
  if (list != nullptr && !name.empty()) {
    const std::lock_guard lock(world().mutex);
    world().lists.emplace_back(list, name);
  }
  return list;
}

dirent* readdir(DIR* list) {
  REAL(readdir);
  std::string name;
  {
    const std::lock_guard lock(world().mutex);
    for (const auto& [known, its_name] : world().lists) {
      if (known == list) name = its_name;
    }
  }
  const Order todo = order("list", name);
  if (fails(todo)) return nullptr;
  dirent* entry = real_readdir(list);
  if (entry != nullptr && todo.unknown) entry->d_type = DT_UNKNOWN;
  return entry;
}

dirent64* readdir64(DIR* list) {
  return reinterpret_cast<dirent64*>(readdir(list));
}

int closedir(DIR* list) {
  REAL(closedir);
  {
    const std::lock_guard lock(world().mutex);
    std::erase_if(world().lists, [list](const auto& known) { return known.first == list; });
  }
  return real_closedir(list);
}

// Files that come from another process of the program belong to our folder too: it passes no others.
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  REAL(recvmsg);
  const ssize_t size = real_recvmsg(fd, message, flags);
  if (size < 0 || world().folder.empty()) return size;
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int passed = -1;
      std::memcpy(&passed, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      world().put(passed, world().folder + "/passed");
    }
  }
  return size;
}

}  // extern "C"
