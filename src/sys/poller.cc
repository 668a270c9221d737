#include "sys/poller.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace headrace::sys {
namespace {

int checked(int rc, const char* what) {
  if (rc < 0) throw std::system_error(errno, std::generic_category(), what);
  return rc;
}

sigset_t watched_signals(bool hangup) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&set, number);
  if (hangup) ::sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Poller::Poller() : fd_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

void Poller::watch(int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  checked(::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void Poller::forget(int fd) {
  ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Fd Poller::descriptor() const {
  return Fd(checked(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0), "fcntl"));
}

std::span<const std::uint64_t> Poller::wait(std::chrono::milliseconds timeout) {
  std::array<epoll_event, 64> events;
  const int n = ::epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()),
                             static_cast<int>(timeout.count()));
  ready_.clear();
  for (int i = 0; i < n; ++i) ready_.push_back(events[static_cast<std::size_t>(i)].data.u64);
  return ready_;
}

Signals::Signals(bool hangup) : hangup_(hangup) {
  const sigset_t set = watched_signals(hangup_);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  fd_.reset(checked(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

Signals::~Signals() {
  const sigset_t set = watched_signals(hangup_);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::optional<int> Signals::next() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

Bell::Bell() : fd_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

void Bell::ring() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(fd_.get(), &one, sizeof one);
}

void Bell::silence() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(fd_.get(), &count, sizeof count);
}

ControlPair make_control_pair() {
  std::array<int, 2> fds{};
  checked(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()),
          "socketpair");
  return {Fd(fds[0]), Fd(fds[1])};
}

bool send_message(int fd, std::span<const char> message, std::span<const int> passed) {
  // sendmsg only reads what it is given.
  iovec part{.iov_base = const_cast<char*>(message.data()), .iov_len = message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostPassed * sizeof(int))> room{};
  if (!passed.empty()) {
    if (passed.size() > kMostPassed) return false;
    header.msg_control = room.data();
    header.msg_controllen = CMSG_SPACE(passed.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(passed.size_bytes());
    std::memcpy(CMSG_DATA(rights), passed.data(), passed.size_bytes());
  }
  ssize_t n = 0;
  do {
    n = ::sendmsg(fd, &header, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(message.size());
}

namespace {

void take_rights(msghdr& header, std::vector<Fd>* passed) {
  for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof fd);
      Fd owned(fd);
      if (passed != nullptr) passed->push_back(std::move(owned));
    }
  }
}

}  // namespace

Received receive_message(int fd, std::size_t limit, std::vector<char>& message,
                         std::vector<Fd>* passed) {
  message.resize(limit);
  iovec part{.iov_base = message.data(), .iov_len = message.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostPassed * sizeof(int))> room{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = room.data();
  header.msg_controllen = room.size();
  ssize_t n = 0;
  do {
    n = ::recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  const int error = errno;
  message.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  if (n >= 0) take_rights(header, passed);
  if (n > 0) return Received::message;
  return n < 0 && (error == EAGAIN || error == EWOULDBLOCK) ? Received::nothing : Received::closed;
}

bool wait_readable(int fd, std::chrono::milliseconds timeout) {
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&readable, 1, static_cast<int>(timeout.count())) > 0;
}

}  // namespace headrace::sys
