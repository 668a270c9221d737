#include "worker/worker_main.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "shm/brief.h"
#include "shm/mailbox.h"
#include "shm/slots.h"
#include "sys/memory.h"
#include "sys/poller.h"
#include "sys/process.h"
#include "worker/confinement.h"
#include "worker/mailbox_feed.h"

namespace headrace::worker {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// How often a worker without work looks whether its supervisor is still there.
constexpr auto kLookAround = 500ms;

void greet(shm::Greeting greeting, std::string_view text) {
  std::string message(1, static_cast<char>(greeting));
  message += text.substr(0, shm::kGreetingLimit - 1);
  sys::send_message(shm::kControlFd, message);
}

// The straight line of a worker: take, prepare, run, answer.
class Loop {
 public:
  Loop(shm::WorkerEnd mailbox, shm::SlotView slots, sys::Bell bell, Body& body,
       const shm::Brief& brief)
      : mailbox_(std::move(mailbox)),
        slots_(std::move(slots)),
        bell_(std::move(bell)),
        body_(body),
        batch_(std::max(brief.batch, 1U)),
        spin_(brief.spin),
        feed_(mailbox_, slots_, bell_, batch_) {}

  void run() {
    std::uint32_t waiting = 0;  // as last seen; the ring's head is the supervisor's cache line
    Clock::time_point now = Clock::now();
    Clock::time_point look_around = now + kLookAround;
    for (;;) {
      if (waiting < batch_) {
        waiting = mailbox_.waiting();
        now = Clock::now();  // what comes after the last answer did not begin with it
      }
      if (waiting > 0 && body_.has_streams()) {
        feed_.open();
        body_.work(feed_);
        waiting = 0;
        now = Clock::now();
        continue;
      }
      if (waiting > 0) {
        const std::uint32_t count = std::min(waiting, batch_);
        now = round(count, now);
        waiting -= count;
        continue;
      }
      if (mailbox_.told_to_leave()) return;
      if (spin_.count() > 0 && mailbox_.spin(spin_)) {
        now = Clock::now();
        continue;
      }
      if (now >= look_around) {
        if (!body_.listen()) return;
        look_around = now + kLookAround;
      }
      body_.idle();
      mailbox_.sleep_until(look_around);
      now = Clock::now();
    }
  }

 private:
  // `count` items, together, from `begin` on; returns when it ended. What is being done is written
  // down before it is done: that is how the supervisor knows whom to blame.
  Clock::time_point round(std::uint32_t count, Clock::time_point begin) {
    tokens_.clear();
    items_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      const shm::Token token = mailbox_.peek(i);
      tokens_.push_back(token);
      items_.push_back({.input = slots_.input(token),
                        .result = slots_.result(token),
                        .error = {},
                        .token = token});
    }
    times_.assign(1, begin);
    for (std::uint32_t i = 0; i < count; ++i) {
      mailbox_.begin({shm::Doing::prepare, mailbox_.position() + i, 1});
      guarded({&items_[i], 1}, [&] { body_.prepare(items_[i], i); });
      times_.push_back(Clock::now());
    }
    mailbox_.begin({shm::Doing::run, mailbox_.position(), count});
    guarded(items_, [&] { body_.run(items_); });
    const Clock::time_point end = Clock::now();
    const auto infer = end - times_.back();
    for (std::uint32_t i = 0; i < count; ++i) {
      slots_.write_reply(tokens_[i], items_[i].error, items_[i].bytes, times_[i],
                         times_[i + 1] - times_[i], infer);
      mailbox_.finish(tokens_[i]);
    }
    mailbox_.end(count);
    if (slots_.should_ring()) bell_.ring();
    return end;
  }

  shm::WorkerEnd mailbox_;
  shm::SlotView slots_;
  sys::Bell bell_;
  Body& body_;
  std::uint32_t batch_;
  std::chrono::microseconds spin_;
  MailboxFeed feed_;
  std::vector<shm::Token> tokens_;
  std::vector<Item> items_;
  std::vector<Clock::time_point> times_;
};

int fail(const Error& error) {
  greet(shm::Greeting::fatal, error.message);
  return 1;
}

}  // namespace

int worker_main(const MakeBody& make_body) {
  Result<std::string> text = sys::read_sealed_text(shm::kBriefFd, 64_MiB);
  if (!text) return fail(text.error());
  Result<shm::Brief> brief = shm::brief_from_json(*text);
  if (!brief) return fail(brief.error());
  if (!sys::follow_supervisor(brief->supervisor_pid)) return 1;
  sys::volunteer_for_oom_kill();

  Result<shm::SlotView> slots = shm::SlotView::attach(sys::Fd(shm::kSlotsFd));
  if (!slots) return fail(slots.error());
  Result<shm::WorkerEnd> mailbox = shm::WorkerEnd::attach(sys::Fd(shm::kMailboxFd));
  if (!mailbox) return fail(mailbox.error());

  Result<std::unique_ptr<Body>> body = make_body(*brief);
  if (!body) return fail(body.error());
  if (Status bound = confine_working(brief->sandbox); !bound) return fail(bound.error());
  if (const std::string signature = (*body)->signature(); !signature.empty())
    sys::send_message(shm::kControlFd, shm::kSignature + signature);
  greet(shm::Greeting::ready, (*body)->equipment());
  Loop(std::move(*mailbox), std::move(*slots), sys::Bell(sys::Fd(shm::kBellFd)), **body, *brief)
      .run();
  (*body)->finish();
  // Engines' threads and atexit handlers have nothing to say any more.
  sys::exit_now(0);
}

}  // namespace headrace::worker
