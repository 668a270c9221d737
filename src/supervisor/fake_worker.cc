#include "supervisor/fake_worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "shm/brief.h"
#include "shm/files_message.h"
#include "shm/mailbox.h"
#include "shm/slots.h"
#include "sys/memory.h"
#include "sys/poller.h"
#include "sys/process.h"

namespace headrace::supervisor {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using shm::Doing;

[[noreturn]] void sleep_for_ever() {
  for (;;) ::pause();
}

[[noreturn]] void chatter_for_ever() {
  constexpr std::array kNonsense = {'?', '!'};
  for (;;) sys::send_message(shm::kControlFd, kNonsense);
}

void greet(shm::Greeting greeting, std::string_view text) {
  std::string message(1, static_cast<char>(greeting));
  sys::send_message(shm::kControlFd, message.append(text));
}

class Misbehaviour {
 public:
  Misbehaviour(std::uint32_t batch)
      : slots_(std::move(*shm::SlotView::attach(sys::Fd(shm::kSlotsFd)))),
        mailbox_(std::move(
            *shm::WorkerEnd::attach(sys::Fd(::fcntl(shm::kMailboxFd, F_DUPFD_CLOEXEC, 10))))),
        raw_(std::move(*sys::SharedMemory::attach(sys::Fd(shm::kMailboxFd),
                                                  Bytes{sizeof(shm::MailboxFormat)}))),
        batch_(batch) {}

  void run() {
    while (!mailbox_.told_to_leave() || mailbox_.waiting() > 0) {
      if (mailbox_.waiting() == 0) {
        listen();
        mailbox_.sleep_until(Clock::now() + 100ms);
        continue;
      }
      round(std::min(mailbox_.waiting(), batch_));
    }
  }

 private:
  void round(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      mailbox_.begin({Doing::prepare, mailbox_.position() + i, 1});
      if (name(i) == "abort in prepare") std::abort();
    }
    mailbox_.begin({Doing::run, mailbox_.position(), count});
    for (std::uint32_t i = 0; i < count; ++i) {
      if (name(i) == "abort in run") std::abort();
      if (name(i) == "hang") sleep_for_ever();
      if (name(i) == "chatter") chatter_for_ever();
    }
    for (std::uint32_t i = 0; i < count; ++i) answer(i);
    mailbox_.end(count);
    if (slots_.should_ring()) bell_.ring();
  }

  void answer(std::uint32_t i) {
    const shm::Token token = mailbox_.peek(i);
    const std::string what(name(i));
    const std::size_t bytes =
        what.starts_with("read") ? read_file(token, what) : fill(token, reply_to(what));
    slots_.write_reply(token, {}, bytes, Clock::now(), 0ns, 0ns);
    if (what == "reply astray") {
      // A reply to some other use of the slot.
      slots_.write_reply(token + (1ULL << 32), {}, 2, Clock::now(), 0ns, 0ns);
    }
    if (what == "answer a stranger") return mailbox_.finish(token ^ 1);
    mailbox_.finish(token);
    if (what == "answer twice") {
      for (int n = 0; n < 2000; ++n) mailbox_.finish(token);
    }
    if (what == "head astray") {
      reinterpret_cast<shm::MailboxFormat*>(raw_.bytes().data())->out_head.store(0x80000000);
    }
    if (what == "finish then abort") std::abort();
  }

  static std::string reply_to(const std::string& what) {
    if (what == "reply astray") return "";
    if (what == "tell descriptors") return descriptors();
    constexpr std::string_view kTell = "tell ";
    if (!what.starts_with(kTell)) return "{}";
    const char* value = std::getenv(what.c_str() + kTell.size());
    return value == nullptr ? "unset" : value;
  }

  // Those beyond its own that it did not open itself, which it would have done with FD_CLOEXEC.
  static std::string descriptors() {
    std::string all;
    for (int fd = shm::kBellFd + 1; fd < 1000; ++fd) {
      if (::fcntl(fd, F_GETFD) == 0) all += " " + std::to_string(fd);
    }
    return all.empty() ? "none" : all;
  }

  std::size_t fill(shm::Token token, std::string_view text) {
    std::memcpy(slots_.result(token).data(), text.data(), text.size());
    return text.size();
  }

  // The content of the file that came with the item.
  std::size_t read_file(shm::Token token, const std::string& what) {
    listen();
    const sys::Fd file = std::move(files_[token]);
    const std::span<char> room = slots_.result(token);
    if (what == "read then abort once" && ::lseek(file.get(), 0, SEEK_CUR) == 0) {
      // Which moves the place of everybody who has the descriptor.
      if (::read(file.get(), room.data(), room.size()) > 0) std::abort();
    }
    const ssize_t n = ::pread(file.get(), room.data(), room.size(), 0);
    return n < 0 ? fill(token, "no file") : static_cast<std::size_t>(n);
  }

  void listen() {
    std::vector<char> message;
    std::vector<shm::Token> tokens;
    for (;;) {
      std::vector<sys::Fd> passed;
      if (sys::receive_message(shm::kControlFd, 4096, message, &passed) != sys::Received::message)
        return;
      shm::read_files_message(message, tokens);
      for (std::size_t i = 0; i < passed.size(); ++i) files_[tokens[i]] = std::move(passed[i]);
    }
  }

  std::string_view name(std::uint32_t i) const { return slots_.input(mailbox_.peek(i)); }

  shm::SlotView slots_;
  shm::WorkerEnd mailbox_;
  sys::SharedMemory raw_;
  sys::Bell bell_{sys::Fd(shm::kBellFd)};
  std::uint32_t batch_;
  std::map<shm::Token, sys::Fd> files_;
};

}  // namespace

int fake_worker() {
  const auto brief = shm::brief_from_json(*sys::read_sealed_text(shm::kBriefFd, 1_MiB));
  sys::follow_supervisor(brief->supervisor_pid);
  if (brief->body == "die at start") std::abort();
  if (brief->body == "never ready") sleep_for_ever();
  if (brief->body == "refuse") {
    greet(shm::Greeting::fatal, "no model here");
    return 1;
  }
  greet(shm::Greeting::ready, "nothing");
  if (brief->body == "deaf") sleep_for_ever();
  Misbehaviour(brief->batch).run();
  return 0;
}

}  // namespace headrace::supervisor
