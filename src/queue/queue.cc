#include "queue/queue.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "queue/eventcount.h"
#include "queue/index_ring.h"
#include "queue/page_store.h"
#include "sys/affinity.h"
#include "sys/futex.h"

namespace headrace::queue {
namespace {

using shm::Participant;

constexpr std::chrono::microseconds kSpin{5};
constexpr std::uint32_t kNoHint = ~0U;

// Asks again and again for a moment much shorter than a sleep and a wake.
template <class Ready>
bool spin_until(const Ready& ready) {
  const auto end = SharedQueue::Clock::now() + kSpin;
  for (int rounds = 0; rounds < 1000 && SharedQueue::Clock::now() < end; ++rounds) {
    for (int i = 0; i < 8; ++i) sys::relax();
    if (ready()) return true;
    sys::give_way();
  }
  return false;
}

PageHolder holder_of(std::uint32_t index, const Control& control) {
  return {.index = index, .generation = control.generation};
}

Control running_as(Participant who, const SharedQueue::Lease& lease) {
  return {.generation = lease.generation,
          .attempts = lease.attempts - 1,
          .state = State::running,
          .owner = who};
}

// The list is mentioned from the store of its length on, before the item can be seen.
void write_references(RecordFormat& record, ReferenceFormat* list,
                      std::span<const shm::BlockName> names, QueueHeader& header) {
  if (record.references.load(std::memory_order_relaxed) != 0) record.references.store(0);
  if (names.empty()) return;
  for (const shm::BlockName& name : names) {
    list->segment.store(name.segment);
    list->block.store(std::uint64_t{name.generation} << 32 | name.block);
    ++list;
  }
  record.references.store(static_cast<std::uint32_t>(names.size()));
  header.reference_moves.fetch_add(1);
}

}  // namespace

struct SharedQueue::Shortage {
  bool of_pages = false;  // else of records
};

struct alignas(kLine) SharedQueue::Hints {
  std::atomic<std::uint32_t> record{kNoHint};
  std::atomic<std::uint32_t> page{0};
  bool spin = true;  // there is another processor that could bring about what we wait for
};

SharedQueue::SharedQueue(QueueMemory memory)
    : memory_(std::move(memory)), hints_(std::make_unique<Hints>()) {
  hints_->spin = sys::allowed_cpus().size() > 1;
}

SharedQueue::SharedQueue(SharedQueue&&) noexcept = default;
SharedQueue& SharedQueue::operator=(SharedQueue&&) noexcept = default;
SharedQueue::~SharedQueue() = default;

Result<SharedQueue> SharedQueue::create(const QueueSettings& settings) {
  Result<QueueMemory> memory = QueueMemory::create(settings);
  if (!memory) return memory.error();
  return SharedQueue(std::move(*memory));
}

Result<SharedQueue> SharedQueue::attach(sys::Fd fd) {
  Result<QueueMemory> memory = QueueMemory::attach(std::move(fd));
  if (!memory) return memory.error();
  return SharedQueue(std::move(*memory));
}

Bytes SharedQueue::longest_payload() const {
  return {settings().inline_bytes + std::uint64_t{settings().pages} * settings().page_bytes};
}

std::uint32_t SharedQueue::pages_for(std::size_t bytes) const {
  if (bytes <= settings().inline_bytes) return 0;
  const std::size_t rest = bytes - settings().inline_bytes;
  return static_cast<std::uint32_t>((rest + settings().page_bytes - 1) / settings().page_bytes);
}

void SharedQueue::tell(const Wakes& wakes) {
  QueueHeader& header = memory_.header();
  wake(header.not_empty, wakes.items);
  wake(header.record_free, wakes.records);
  if (wakes.pages && waited_for(header.page_free)) wake_all(header.page_free);
  // Whoever waits for the end looks again.
  if (wakes.fewer && header.state.load() != kOpen) wake_all(header.not_empty);
}

// --- putting -----------------------------------------------------------------------------------

bool SharedQueue::claim_record(Participant who, std::uint32_t& index, Control& control) {
  const std::uint32_t records = settings().records;
  std::uint32_t at = hints_->record.load(std::memory_order_relaxed);
  // Participants begin at different places, so that they do not run after each other.
  if (at == kNoHint) at = who.place() * 97;
  at %= records;
  for (std::uint32_t i = 0; i < records; ++i) {
    std::atomic<std::uint64_t>& word = memory_.record(at).control;
    std::uint64_t seen = word.load();
    const Control free = Control::from(seen);
    const std::uint32_t next = at + 1 == records ? 0 : at + 1;
    if (free.state == State::free) {
      control = {.generation = free.generation, .state = State::writing, .owner = who};
      if (word.compare_exchange_strong(seen, control.word())) {
        index = at;
        hints_->record.store(next, std::memory_order_relaxed);
        return true;
      }
    }
    at = next;
  }
  return false;
}

bool SharedQueue::release(std::uint32_t index, const Control& mine, Wakes& wakes) {
  RecordFormat& record = memory_.record(index);
  std::uint64_t seen = mine.word();
  if (record.control.load() != seen) return false;
  const bool pages = record.first_page != 0;  // ours to read only as long as the record is
  if (!record.control.compare_exchange_strong(seen, mine.freed().word())) return false;
  ++wakes.records;
  wakes.pages |= pages;
  wakes.fewer = true;
  return true;
}

SharedQueue::Put SharedQueue::place(Participant who, const Item& item, Wakes& wakes,
                                    Shortage& shortage) {
  const std::atomic<std::uint32_t>& state = memory_.header().state;
  const auto refusal = [](std::uint32_t now) {
    return now == kClosed ? Put::closed : Put::aborted;
  };
  if (const std::uint32_t now = state.load(); now != kOpen) return refusal(now);
  if (item.payload.size() > longest_payload().value ||
      item.references.size() > settings().references) {
    return Put::too_large;
  }
  const std::uint32_t pages = pages_for(item.payload.size());
  shortage.of_pages = true;
  if (pages != 0 && !PageStore(memory_).has_free(pages, hints_->page.load())) return Put::full;
  shortage.of_pages = false;
  std::uint32_t index = 0;
  Control mine;
  if (!claim_record(who, index, mine)) return Put::full;
  // Again, now that the record shows: whoever closes after this look finds our record, and whoever
  // closed before it, and found nothing, must not see an item appear.
  if (const std::uint32_t now = state.load(); now != kOpen) {
    release(index, mine, wakes);
    return refusal(now);
  }
  return fill(index, mine, item, pages, wakes, shortage);
}

SharedQueue::Put SharedQueue::fill(std::uint32_t index, const Control& mine, const Item& item,
                                   std::uint32_t pages, Wakes& wakes, Shortage& shortage) {
  RecordFormat& record = memory_.record(index);
  write_references(record, memory_.references(index), item.references, memory_.header());
  record.first_page = 0;
  const std::size_t here = std::min<std::size_t>(item.payload.size(), settings().inline_bytes);
  if (pages != 0) {
    PageStore store(memory_);
    const std::uint32_t first = store.claim(holder_of(index, mine), pages, hints_->page);
    record.first_page = first != 0 ? first : kMaxPages;  // any number: that there may be pages
    if (first == 0) {
      release(index, mine, wakes);
      shortage.of_pages = true;
      return Put::full;
    }
    store.write(first, item.payload.subspan(here));
  }
  record.length.store(item.payload.size(), std::memory_order_relaxed);
  if (here != 0) std::memcpy(memory_.inline_payload(index), item.payload.data(), here);

  const Control queued = mine.as(State::queued, mine.owner);
  std::uint64_t seen = mine.word();
  if (!record.control.compare_exchange_strong(seen, queued.word())) return Put::corrupt;
  if (!IndexRing(memory_).push(RingWord::entry_of(index, queued))) {
    release(index, queued, wakes);
    return Put::corrupt;
  }
  ++wakes.items;
  return Put::done;
}

SharedQueue::Put SharedQueue::put_until(Participant who, std::span<const Item> items,
                                        std::size_t& count, Clock::time_point deadline, bool wait) {
  QueueHeader& header = memory_.header();
  std::optional<Waiting> waiting;  // during the second look and the sleep
  Shortage waits_for;
  bool woken_for_record = false;
  for (count = 0;;) {
    Wakes wakes;
    Shortage lacks;
    Put result = Put::done;
    while (count < items.size() && (result = place(who, items[count], wakes, lacks)) == Put::done) {
      ++count;
    }
    tell(wakes);  // before any sleep: they may be what we wait for
    if (result != Put::full || !wait) return result;
    // The record that we were woken for may be of use to somebody who needs no pages.
    if (std::exchange(woken_for_record, false) && lacks.of_pages) wake(header.record_free, 1);
    if (waiting && waits_for.of_pages == lacks.of_pages) {
      if (Clock::now() >= deadline) return Put::timed_out;
      waiting->sleep(deadline);
      woken_for_record = !lacks.of_pages;
      waiting.reset();
      continue;
    }
    waiting.reset();
    const auto record_free = [&] {
      const std::uint32_t next = hints_->record.load(std::memory_order_relaxed);
      return next < settings().records &&
             Control::from(memory_.record(next).control.load()).state == State::free;
    };
    if (!lacks.of_pages && hints_->spin && spin_until(record_free)) continue;
    waits_for = lacks;
    waiting.emplace(lacks.of_pages ? header.page_free : header.record_free);
  }
}

SharedQueue::Put SharedQueue::try_put(Participant who, std::span<const std::byte> payload,
                                      std::span<const shm::BlockName> references) {
  const Item item{.payload = payload, .references = references};
  std::size_t count = 0;
  return put_until(who, {&item, 1}, count, {}, false);
}

SharedQueue::Put SharedQueue::put(Participant who, std::span<const std::byte> payload,
                                  std::span<const shm::BlockName> references,
                                  Clock::time_point deadline) {
  const Item item{.payload = payload, .references = references};
  std::size_t count = 0;
  return put_until(who, {&item, 1}, count, deadline, true);
}

SharedQueue::Put SharedQueue::try_put_many(Participant who, std::span<const Item> items,
                                           std::size_t& count) {
  return put_until(who, items, count, {}, false);
}

SharedQueue::Put SharedQueue::put_many(Participant who, std::span<const Item> items,
                                       std::size_t& count, Clock::time_point deadline) {
  return put_until(who, items, count, deadline, true);
}

// --- getting -----------------------------------------------------------------------------------

SharedQueue::Get SharedQueue::pop(Participant who, std::uint32_t& index, Control& control) {
  IndexRing ring(memory_);
  // Each failed round means that another process took the entry or that it was stale.
  for (std::uint64_t round = 0; round < (1U << 20) + 4ULL * memory_.ring_slots(); ++round) {
    const IndexRing::Front front = ring.front();
    if (front.kind == IndexRing::Front::empty) return Get::empty;
    index = front.word.index();
    if (front.kind == IndexRing::Front::corrupt || index >= settings().records) break;
    std::atomic<std::uint64_t>& word = memory_.record(index).control;
    std::uint64_t seen = word.load();
    const Control queued = Control::from(seen);
    const bool counts =
        queued.state == State::queued && RingWord::entry_of(index, queued) == front.word.entry;
    control = queued.as(State::running, who);
    if (counts && !word.compare_exchange_strong(seen, control.word())) continue;
    ring.retire(front);
    if (counts) return Get::item;
  }
  return Get::corrupt;
}

bool SharedQueue::read(std::uint32_t index, const Control& mine, std::vector<std::byte>& payload) {
  const RecordFormat& record = memory_.record(index);
  const std::uint64_t length = record.length.load(std::memory_order_relaxed);
  payload.clear();
  if (length > longest_payload().value) return false;
  payload.reserve(length);
  const std::byte* bytes = memory_.inline_payload(index);
  const std::uint64_t here = std::min<std::uint64_t>(length, settings().inline_bytes);
  payload.insert(payload.end(), bytes, bytes + here);
  if (here == length ||
      PageStore(memory_).read(record.first_page, holder_of(index, mine), length - here, payload)) {
    return true;
  }
  payload.clear();
  return false;
}

SharedQueue::Get SharedQueue::try_get(Participant who, Lease& lease,
                                      std::vector<std::byte>& payload) {
  const std::atomic<std::uint32_t>& state = memory_.header().state;
  const std::uint32_t before = state.load();
  if (before != kOpen && before != kClosed) return Get::aborted;
  std::uint32_t index = 0;
  Control control;
  const Get found = pop(who, index, control);
  // `before`, not now: what was put before the close must have been looked for after it.
  if (found == Get::empty && before == kClosed && nothing_to_come(who)) return Get::ended;
  if (found != Get::item) return found;
  lease = {.record = index, .generation = control.generation, .attempts = control.attempts + 1};
  try {
    if (read(index, control, payload)) return Get::item;
  } catch (...) {
    give_back(who, lease);  // else nobody would get it before this process ends
    throw;
  }
  std::uint64_t seen = control.word();
  memory_.record(index).control.compare_exchange_strong(
      seen, control.as(State::quarantined, shm::kNobody).word());
  tell({.fewer = true});
  return Get::corrupt;
}

bool SharedQueue::nothing_to_come(Participant caller) const {
  for (std::uint32_t i = 0; i < settings().records; ++i) {
    const Control control = Control::from(memory_.record(i).control.load());
    if (control.state == State::queued || control.state == State::writing) return false;
    if (control.state == State::running && control.owner != caller) return false;
  }
  return true;
}

template <class Look>
SharedQueue::Get SharedQueue::look_until(const Look& look, Clock::time_point deadline) {
  std::optional<Waiting> waiting;  // during the second look and the sleep
  const auto something = [this] {
    const std::uint64_t head = memory_.header().head.load();
    return memory_.slot(head).load() != RingWord{.lap = memory_.lap(head), .entry = 0}.word();
  };
  for (;;) {
    const Get result = look();
    if (result != Get::empty) return result;
    if (!waiting) {
      if (!hints_->spin || !spin_until(something)) waiting.emplace(memory_.header().not_empty);
      continue;
    }
    if (Clock::now() >= deadline) return Get::timed_out;
    waiting->sleep(deadline);
    waiting.reset();
  }
}

SharedQueue::Get SharedQueue::get(Participant who, Lease& lease, std::vector<std::byte>& payload,
                                  Clock::time_point deadline) {
  return look_until([&] { return try_get(who, lease, payload); }, deadline);
}

SharedQueue::Get SharedQueue::get_many(Participant who, std::span<Taken> out, std::size_t& count,
                                       Clock::time_point deadline) {
  count = 0;
  if (out.empty()) return Get::empty;
  const auto take_what_is_there = [&] {
    Get result = Get::empty;
    while (count < out.size() &&
           (result = try_get(who, out[count].lease, out[count].payload)) == Get::item) {
      ++count;
    }
    return count > 0 ? Get::item : result;  // an error shows again at the next call
  };
  return look_until(take_what_is_there, deadline);
}

// --- ending a try ------------------------------------------------------------------------------

std::size_t SharedQueue::acknowledge(Participant who, std::span<const Lease> leases) {
  Wakes wakes;
  std::size_t held = 0;
  for (const Lease& lease : leases) {
    if (lease.record >= settings().records || lease.attempts == 0) continue;
    if (release(lease.record, running_as(who, lease), wakes)) ++held;
  }
  tell(wakes);
  return held;
}

bool SharedQueue::acknowledge(Participant who, const Lease& lease) {
  return acknowledge(who, std::span(&lease, 1)) == 1;
}

bool SharedQueue::give_back(Participant who, const Lease& lease) {
  if (lease.record >= settings().records || lease.attempts == 0) return false;
  Wakes wakes;
  const Requeued done = requeue(lease.record, running_as(who, lease), who, wakes);
  tell(wakes);
  return done != Requeued::not_held;
}

SharedQueue::Requeued SharedQueue::requeue(std::uint32_t index, const Control& running,
                                           Participant by, Wakes& wakes) {
  Control next = running;
  ++next.attempts;
  const bool again = next.attempts < settings().attempts;
  next = again ? next.as(State::queued, by) : next.as(State::quarantined, shm::kNobody);
  std::uint64_t seen = running.word();
  if (!memory_.record(index).control.compare_exchange_strong(seen, next.word())) {
    return Requeued::not_held;
  }
  wakes.fewer = true;
  if (!again) return Requeued::quarantined;
  if (!IndexRing(memory_).push(RingWord::entry_of(index, next))) return Requeued::corrupt;
  ++wakes.items;
  return Requeued::queued;
}

bool SharedQueue::take_dead(Participant who, Lease& letter, std::vector<std::byte>& payload) {
  for (std::uint32_t i = 0; i < settings().records; ++i) {
    std::atomic<std::uint64_t>& word = memory_.record(i).control;
    std::uint64_t seen = word.load();
    const Control dead = Control::from(seen);
    if (dead.state != State::quarantined) continue;
    const Control mine = dead.as(State::collecting, who);
    if (!word.compare_exchange_strong(seen, mine.word())) continue;
    letter = {.record = i, .generation = mine.generation, .attempts = mine.attempts};
    try {
      read(i, mine, payload);
    } catch (...) {
      end_dead(who, letter, false);
      throw;
    }
    return true;
  }
  return false;
}

bool SharedQueue::end_dead(Participant who, const Lease& letter, bool done) {
  if (letter.record >= settings().records) return false;
  const Control mine{.generation = letter.generation,
                     .attempts = letter.attempts,
                     .state = State::collecting,
                     .owner = who};
  if (!done) {
    std::uint64_t seen = mine.word();
    const Control dead = mine.as(State::quarantined, shm::kNobody);
    return memory_.record(letter.record).control.compare_exchange_strong(seen, dead.word());
  }
  Wakes wakes;
  const bool released = release(letter.record, mine, wakes);
  tell(wakes);
  return released;
}

bool SharedQueue::collect_dead(Participant who, std::vector<std::byte>& payload,
                               std::uint32_t& attempts) {
  Lease letter;
  if (!take_dead(who, letter, payload)) return false;
  attempts = letter.attempts;
  return end_dead(who, letter, true);
}

// --- the whole queue ---------------------------------------------------------------------------

void SharedQueue::close() {
  std::uint32_t open = kOpen;
  QueueHeader& header = memory_.header();
  header.state.compare_exchange_strong(open, kClosed);
  for (EventFormat* event : {&header.not_empty, &header.record_free, &header.page_free}) {
    wake_all(*event);
  }
}

void SharedQueue::abort() {
  QueueHeader& header = memory_.header();
  header.state.store(kAborted);
  for (EventFormat* event : {&header.not_empty, &header.record_free, &header.page_free}) {
    wake_all(*event);
  }
}

bool SharedQueue::closed() const {
  return memory_.header().state.load() != kOpen;
}

Occupancy SharedQueue::occupancy() const {
  Occupancy seen;
  for (std::uint32_t i = 0; i < settings().records; ++i) {
    const RecordFormat& record = memory_.record(i);
    const Control control = Control::from(record.control.load());
    switch (control.state) {
      case State::free:
        ++seen.free;
        continue;
      case State::writing:
        ++seen.writing;
        continue;
      case State::queued:
        ++seen.queued;
        break;
      case State::running:
        ++seen.running;
        break;
      case State::quarantined:
        ++seen.quarantined;
        break;
      case State::collecting:
        ++seen.collecting;
        break;
      default:
        ++seen.nonsense;
        continue;
    }
    seen.payload.value += record.length.load(std::memory_order_relaxed);
  }
  seen.pages = PageStore(memory_).held();
  return seen;
}

bool SharedQueue::mentions(const shm::BlockName& name) const {
  const std::uint64_t block = std::uint64_t{name.generation} << 32 | name.block;
  for (std::uint32_t i = 0; i < settings().records; ++i) {
    const RecordFormat& record = memory_.record(i);
    if (Control::from(record.control.load()).state == State::free) continue;
    const std::uint32_t count = std::min(record.references.load(), settings().references);
    const ReferenceFormat* list = memory_.references(i);
    for (std::uint32_t k = 0; k < count; ++k) {
      if (list[k].segment.load() == name.segment && list[k].block.load() == block) return true;
    }
  }
  return false;
}

std::uint64_t SharedQueue::reference_moves() const {
  return memory_.header().reference_moves.load();
}

}  // namespace headrace::queue
