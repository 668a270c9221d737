#include "shm/mailbox.h"

#include <climits>
#include <new>

#include "sys/futex.h"

namespace headrace::shm {
namespace {

using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

constexpr std::uint32_t place(std::uint32_t position) {
  return position % kRingCapacity;
}

}  // namespace

Result<SupervisorEnd> SupervisorEnd::create() {
  Result<sys::SharedMemory> memory =
      sys::SharedMemory::create("headrace-mailbox", Bytes{sizeof(MailboxFormat)});
  if (!memory) return memory.error();
  auto* format = new (memory->bytes().data()) MailboxFormat{};
  format->version = kMailboxVersion;
  format->bytes = sizeof(MailboxFormat);
  format->capacity = kRingCapacity;
  format->magic = kMailboxMagic;
  return SupervisorEnd(std::move(*memory));
}

SupervisorEnd::SupervisorEnd(sys::SharedMemory memory) : memory_(std::move(memory)) {}

MailboxFormat& SupervisorEnd::format() const {
  return *std::launder(reinterpret_cast<MailboxFormat*>(memory_.bytes().data()));
}

void SupervisorEnd::send(Token token) {
  format().in[place(sent_)] = token;
  format().in_head.store(++sent_, memory_order_release);
}

void SupervisorEnd::wake() {
  // Sequentially consistent against the worker's store to `asleep`: either it sees the new head, or
  // we see it asleep. A worker killed while asleep leaves the flag up; that costs a system call,
  // never a lost wake.
  format().wake.fetch_add(1, memory_order_seq_cst);
  if (format().asleep.load(memory_order_seq_cst) != 0) sys::futex_wake(format().wake, INT_MAX);
}

void SupervisorEnd::ask_to_leave() {
  format().control.store(kLeave, memory_order_seq_cst);
  wake();
}

SupervisorEnd::Taken SupervisorEnd::take(Token expected) {
  const std::uint32_t filled = format().out_head.load(memory_order_seq_cst);
  if (filled == taken_) return Taken::nothing;
  // More results than tokens sent, or one that is not next: it cannot have come from our code.
  if (filled - taken_ > sent_ - taken_) return Taken::breach;
  if (format().out[place(taken_)] != expected) return Taken::breach;
  ++taken_;
  return Taken::token;
}

bool SupervisorEnd::has_result() const {
  return format().out_head.load(memory_order_seq_cst) != taken_;
}

Doing SupervisorEnd::doing() const {
  return Doing::from(format().current.load(memory_order_acquire));
}

Result<WorkerEnd> WorkerEnd::attach(sys::Fd fd) {
  Result<sys::SharedMemory> memory =
      sys::SharedMemory::attach(std::move(fd), Bytes{sizeof(MailboxFormat)});
  if (!memory) return memory.error();
  WorkerEnd end(std::move(*memory));
  const MailboxFormat& format = end.format();
  if (format.magic != kMailboxMagic || format.version != kMailboxVersion ||
      format.bytes != sizeof(MailboxFormat) || format.capacity != kRingCapacity) {
    return Error{"the mailbox is of another version of headrace"};
  }
  return end;
}

WorkerEnd::WorkerEnd(sys::SharedMemory memory) : memory_(std::move(memory)) {}

MailboxFormat& WorkerEnd::format() const {
  return *std::launder(reinterpret_cast<MailboxFormat*>(memory_.bytes().data()));
}

std::uint32_t WorkerEnd::waiting() const {
  return format().in_head.load(memory_order_acquire) - tail_;
}

Token WorkerEnd::peek(std::uint32_t offset) const {
  return format().in[place(tail_ + offset)];
}

void WorkerEnd::begin(const Doing& doing) {
  format().current.store(doing.word(), memory_order_release);
}

void WorkerEnd::finish(Token token) {
  format().out[place(out_)] = token;
  // Sequentially consistent against SlotArea::set_supervisor_asleep: either the supervisor sees
  // this result before it sleeps, or we see it asleep and ring.
  format().out_head.store(++out_, memory_order_seq_cst);
}

void WorkerEnd::end(std::uint32_t count, const Doing& still) {
  begin(still);
  tail_ += count;
  format().in_tail.store(tail_, memory_order_release);
}

bool WorkerEnd::told_to_leave() const {
  return format().control.load(memory_order_acquire) == kLeave;
}

bool WorkerEnd::spin(std::chrono::microseconds time) const {
  constexpr int kLooksPerClock = 16;
  const auto until = std::chrono::steady_clock::now() + time;
  do {
    for (int i = 0; i < kLooksPerClock; ++i) {
      if (waiting() > 0 || told_to_leave()) return true;
      sys::relax();
    }
    sys::give_way();
  } while (std::chrono::steady_clock::now() < until);
  return false;
}

void WorkerEnd::sleep_until(std::chrono::steady_clock::time_point deadline) {
  const std::uint32_t seen = format().wake.load(memory_order_seq_cst);
  format().asleep.store(1, memory_order_seq_cst);
  if (waiting() == 0 && !told_to_leave()) sys::futex_wait(format().wake, seen, deadline);
  format().asleep.store(0, memory_order_relaxed);
}

}  // namespace headrace::shm
