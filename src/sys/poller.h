// Waiting for several descriptors, signals among them. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sys/fd.h"

namespace headrace::sys {

// A level-triggered set of descriptors, each with a number of the caller's choosing. Throws
// std::system_error when the kernel refuses (out of descriptors or memory): nothing can go on
// without it.
class Poller {
 public:
  Poller();
  void watch(int fd, std::uint64_t tag);
  void forget(int fd);
  // A copy of its descriptor, readable while wait() would find something: for somebody who waits for
  // other things too.
  Fd descriptor() const;
  // The tags of readable or ended descriptors; empty after `timeout` or an interruption. The span
  // is valid until the next call.
  std::span<const std::uint64_t> wait(std::chrono::milliseconds timeout);

 private:
  Fd fd_;
  std::vector<std::uint64_t> ready_;
};

// SIGTERM, SIGINT and SIGCHLD as something to read, and SIGHUP for those who want it. Blocks them in the
// calling thread, so make it before any other thread starts. SIGPIPE is ignored from then on: a closed pipe
// is an error of write().
class Signals {
 public:
  explicit Signals(bool hangup = false);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  int fd() const { return fd_.get(); }
  // The next signal that came, if any.
  std::optional<int> next();

 private:
  bool hangup_;
  Fd fd_;
};

// A bell that any process holding its descriptor can ring; ringing twice before it is heard counts
// once.
class Bell {
 public:
  Bell();  // throws std::system_error
  explicit Bell(Fd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }
  void ring() const;
  void silence() const;

 private:
  Fd fd_;
};

// Two ends of a message pipe: each message arrives whole or not at all, and the death of one side
// is an end of file for the other.
struct ControlPair {
  Fd ours;
  Fd theirs;
};
ControlPair make_control_pair();  // throws std::system_error
// How many descriptors may travel with one message.
inline constexpr std::size_t kMostPassed = 64;
// Sends one message, with copies of at most kMostPassed descriptors; false when the peer is gone or
// its queue is full, with errno.
bool send_message(int fd, std::span<const char> message, std::span<const int> passed = {});
enum class Received : unsigned char { message, nothing, closed };
// Takes one message, at most `limit` bytes of it, without waiting. Descriptors that came with it are
// closed unless there is a place for them.
Received receive_message(int fd, std::size_t limit, std::vector<char>& message,
                         std::vector<Fd>* passed = nullptr);
// Waits until the descriptor is readable or ended, at most for `timeout`.
bool wait_readable(int fd, std::chrono::milliseconds timeout);

}  // namespace headrace::sys
