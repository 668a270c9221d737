#include "worker/mailbox_feed.h"

#include <algorithm>

namespace headrace::worker {
namespace {

using namespace std::chrono_literals;

// How far the quick streams may get ahead of a slow one, in items a stream.
constexpr std::size_t kAhead = 4;
// How often a stream without work looks for more while others work. Nobody wakes it: the supervisor's
// wake is for a worker that has nothing to do at all.
constexpr auto kLook = 1ms;

}  // namespace

MailboxFeed::MailboxFeed(shm::WorkerEnd& mailbox, shm::SlotView& slots, sys::Bell& bell,
                         std::uint32_t at_once)
    : mailbox_(mailbox),
      slots_(slots),
      bell_(bell),
      window_(std::min<std::size_t>(kAhead * at_once, shm::kRingCapacity)) {}

std::size_t MailboxFeed::available() const {
  return std::min<std::size_t>(mailbox_.waiting(), window_) - held_.size();
}

bool MailboxFeed::take(Portion& portion, std::size_t most) {
  std::unique_lock lock(mutex_);
  while (!over_ && available() == 0) {
    over_ = in_work_ == 0;
    if (!over_) changed_.wait_for(lock, kLook);
  }
  if (over_) return false;
  portion.position = mailbox_.position() + static_cast<std::uint32_t>(held_.size());
  portion.items.clear();
  for (std::size_t left = std::min(available(), most); left > 0; --left) {
    const shm::Token token = mailbox_.peek(static_cast<std::uint32_t>(held_.size()));
    portion.items.push_back({.input = slots_.input(token),
                             .result = slots_.result(token),
                             .error = {},
                             .token = token});
    held_.push_back({.token = token});
  }
  ++in_work_;
  mailbox_.begin({shm::Doing::run, mailbox_.position(), static_cast<std::uint32_t>(held_.size())});
  return true;
}

void MailboxFeed::give_back(const Portion& portion) {
  for (const Item& item : portion.items) {
    slots_.write_reply(item.token, item.error, item.bytes, item.times.begin, item.times.decode,
                       item.times.infer);
  }
  const std::lock_guard lock(mutex_);
  const std::size_t first = portion.position - mailbox_.position();
  for (std::size_t i = 0; i < portion.items.size(); ++i) held_[first + i].done = true;
  --in_work_;
  publish();
  changed_.notify_all();
}

void MailboxFeed::publish() {
  std::uint32_t finished = 0;
  for (; !held_.empty() && held_.front().done; ++finished) {
    mailbox_.finish(held_.front().token);
    held_.pop_front();
  }
  if (finished == 0) return;
  const auto left = static_cast<std::uint32_t>(held_.size());
  mailbox_.end(finished, left == 0
                             ? shm::Doing{}
                             : shm::Doing{shm::Doing::run, mailbox_.position() + finished, left});
  if (slots_.should_ring()) bell_.ring();
}

}  // namespace headrace::worker
