#include "pool/pool_core.h"

#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "plan/budget.h"
#include "plan/plan.h"
#include "pool/function_body.h"
#include "pool/program.h"
#include "share/arrays.h"
#include "share/registry.h"
#include "sys/affinity.h"
#include "sys/cgroup.h"
#include "sys/futex.h"
#include "sys/process.h"
#include "sys/rlimit.h"

namespace headrace::detail {
namespace {

using namespace std::chrono_literals;
using pool::ChunkReply;
using pool::ChunkRequest;

// A waking thread takes some 50 us to come, so whoever expects an answer sooner looks for it.
constexpr auto kSpin = 20us;
constexpr std::chrono::microseconds kWorkerSpin{5};
constexpr std::uint32_t kHalfSlot = 8192;  // bytes of arguments or results that travel in a slot
constexpr std::uint32_t kMostSlots = 2048;
constexpr std::uint32_t kSlotsPerWorker = 32;
constexpr std::chrono::milliseconds kLongestDeadline = std::chrono::hours(24 * 365);
// Beyond as many tasks, submit() waits.
constexpr std::size_t kMostWaiting = 65'536;
constexpr std::uint64_t kBellTag = 1'000'000;
constexpr auto kLookAfter = 1s;
// For workers' finalisers, when nothing was said about a grace.
constexpr auto kFarewell = 10s;
constexpr Bytes kWorkerMemory = 32_MiB;  // what a worker is reckoned at before anything is known

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

plan::Plan plan_for(const PoolOptions& options) {
  const std::string cpus = variable("HEADRACE_CPUS");
  const std::string memory = variable("HEADRACE_MEMORY_MB");
  const auto budget =
      plan::make_budget({.facts = sys::read_cgroup(),
                         .affinity = static_cast<unsigned>(sys::allowed_cpus().size()),
                         .address_space = sys::address_space_limit(),
                         .cpus_override = cpus,
                         .memory_override = memory});
  if (!budget) throw std::runtime_error(budget.error().message);
  plan::Request request{.worker_memory = kWorkerMemory, .slot_bytes = Bytes{2ULL * kHalfSlot}};
  if (options.workers > 0) request.workers = options.workers;
  if (options.threads > 0) request.threads = options.threads;
  auto plan = plan::make_plan(*budget, request);
  if (!plan) throw std::runtime_error(plan.error().message);
  plan->workers.value = std::min(plan->workers.value, shm::kMaxParticipants - 1);
  return std::move(*plan);
}

// Libraries count the host's processors; what each of them may use is decided here.
std::vector<std::string> thread_limits(unsigned threads) {
  std::vector<std::string> environment;
  for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                           "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"}) {
    if (variable(name).empty())
      environment.push_back(std::string(name) + "=" + std::to_string(threads));
  }
  return environment;
}

std::shared_ptr<spdlog::logger> make_log() {
  auto log = std::make_shared<spdlog::logger>("headrace",
                                              std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const std::string level = variable("HEADRACE_LOG_LEVEL");
  log->set_level(level.empty() ? spdlog::level::off : spdlog::level::from_str(level));
  return log;
}

shm::SlotArea make_slots(unsigned workers) {
  auto slots = shm::SlotArea::create({.count = std::min(kMostSlots, workers * kSlotsPerWorker),
                                      .input_capacity = kHalfSlot,
                                      .result_capacity = kHalfSlot});
  if (!slots) throw std::runtime_error(slots.error().message);
  return std::move(*slots);
}

std::size_t table_bytes(const Ticket& ticket, std::size_t count) {
  if (ticket.chunk.plain || count == 1) return 0;
  return (count * sizeof(std::uint32_t) + kCodecAlignment - 1) / kCodecAlignment * kCodecAlignment;
}

// Where the arguments of tasks [first, first + count) lie in the ticket's own bytes.
std::span<const std::byte> arguments_of(const Ticket& ticket, std::size_t first,
                                        std::size_t count) {
  const auto& bytes = ticket.chunk.arguments.bytes();
  const std::size_t begin = ticket.chunk.offsets[first];
  const std::size_t end =
      first + count == ticket.count() ? bytes.size() : ticket.chunk.offsets[first + count];
  return std::span(bytes).subspan(begin, end - begin);
}

std::size_t bytes_of(const Ticket& ticket, std::size_t first, std::size_t count) {
  return table_bytes(ticket, count) + arguments_of(ticket, first, count).size();
}

void write_arguments(const Ticket& ticket, std::size_t first, std::size_t count, std::byte* to) {
  const std::size_t table = table_bytes(ticket, count);
  if (table > 0) {
    std::vector<std::uint32_t> offsets(count);
    for (std::size_t i = 0; i < count; ++i) {
      offsets[i] = ticket.chunk.offsets[first + i] - ticket.chunk.offsets[first];
    }
    std::memcpy(to, offsets.data(), count * sizeof offsets[0]);
  }
  const auto arguments = arguments_of(ticket, first, count);
  if (!arguments.empty()) std::memcpy(to + table, arguments.data(), arguments.size());
}

std::uint32_t stride_of(const Ticket& ticket) {
  return ticket.chunk.plain
             ? static_cast<std::uint32_t>(ticket.chunk.arguments.bytes().size() / ticket.count())
             : 0;
}

Failure failure_of(const supervisor::Finished::Failure& failure) {
  return {
      .kind = failure.code == ItemError::timeout ? Failure::Kind::timeout : Failure::Kind::crashed,
      .message = failure.message};
}

const Failure kCancelled{.kind = Failure::Kind::cancelled,
                         .message = "cancelled before it was done"};

ChunkRequest& request_at(std::span<std::byte> input) {
  return *std::launder(reinterpret_cast<ChunkRequest*>(input.data()));
}
const ChunkReply& reply_at(std::span<const std::byte> result) {
  return *std::launder(reinterpret_cast<const ChunkReply*>(result.data()));
}

}  // namespace

PoolCore::PoolCore(const PoolOptions& options, const Function* state,
                   const Encoder& state_arguments)
    : options_(options),
      plan_(plan_for(options)),
      workers_(plan_.workers.value),
      state_references_(state_arguments.references()),
      grace_(std::chrono::milliseconds(kFarewell)),
      participants_(workers_),
      ages_(workers_),
      next_look_(Clock::now() + kLookAfter),
      log_(make_log()),
      slots_(make_slots(workers_)) {
  in_slots_.resize(slots_.count());
  pool::FunctionSettings body;
  if (state != nullptr) {
    body.state_maker = key_of(*state);
    const auto& bytes = state_arguments.bytes();
    body.state_arguments.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const supervisor::FleetSettings settings{
      .program = pool::kThisProgram,
      .arguments = pool::worker_arguments(),
      .start = {pool::to_json(body), thread_limits(plan_.threads.value)},
      .workers = workers_,
      .batch = 1,
      .attempts = 1,  // a death is taken apart here
      .load_timeout = options.start_timeout,
      .spin = kWorkerSpin,
      .escort = this};
  thread_ = std::thread([this, settings] { run(settings); });
}

PoolCore::~PoolCore() {
  if (share::Registry::here().forked()) {
    // The workers, and the thread, are the parent's.
    static_cast<void>(fleet_.release());
    thread_.detach();
    return;
  }
  terminate(0ms);
  thread_.join();
}

// --- the thread -----------------------------------------------------------------------------------

void PoolCore::run(const supervisor::FleetSettings& settings) {
  sys::leave_signals_to_others();
  std::unique_lock lock(mutex_);
  poller_.watch(bell_.fd(), kBellTag);
  fleet_ = std::make_unique<supervisor::Fleet>(settings, slots_, poller_, 0, *log_);
  while (turn(Clock::now())) sleep(lock);
  end();
}

// Everything that can be done now; false when nothing will ever be again.
bool PoolCore::turn(Clock::time_point now) {
  pump(now);
  bury_dead();  // their places are free again for those that step() starts
  fleet_->step(now);
  pump(Clock::now());
  if (now >= next_look_) look_after(now);
  const auto idle = [this] {
    return waiting_.empty() &&
           std::ranges::none_of(in_slots_, [](const Work& work) { return work.ticket != nullptr; });
  };
  if (phase_ < Phase::stopping && (hurry_ || (phase_ == Phase::closed && idle()))) {
    phase_ = Phase::stopping;
    fleet_->stop(now, grace_);
    fleet_->step(now);
  }
  return phase_ != Phase::stopping || !fleet_->stopped();
}

void PoolCore::sleep(std::unique_lock<std::mutex>& lock) {
  const auto now = Clock::now();
  auto patience = std::min(
      fleet_->patience(now),
      std::chrono::ceil<std::chrono::milliseconds>(std::max(next_look_ - now, Clock::duration(0))));
  asleep_ = true;
  if (spinning_ == 0) slots_.set_supervisor_asleep(true);
  if (fleet_->result_waiting()) patience = 0ms;
  lock.unlock();
  const auto tags = poller_.wait(patience);
  lock.lock();
  asleep_ = false;
  slots_.set_supervisor_asleep(false);
  for (const std::uint64_t tag : tags) {
    if (tag == kBellTag) {
      bell_.silence();
    } else {
      fleet_->on_ready(tag, Clock::now());
    }
  }
}

void PoolCore::end() {
  pump(Clock::now());
  bury_dead();
  for (Work& work : waiting_) fail(work, work.first, work.count, kCancelled);
  waiting_.clear();
  waiting_tasks_ = 0;
  for (Work& work : in_slots_) {
    if (!work.ticket) continue;
    const Work left = std::move(work);
    work = {};
    fail(left, left.first, left.count, kCancelled);
  }
  phase_ = Phase::ended;
  news_.notify_all();
}

// Only now that pump() holds the blocks which their last answers refer to.
void PoolCore::bury_dead() {
  for (const shm::Participant dead : dead_) share::Registry::here().bury(dead);
  dead_.clear();
}

void PoolCore::look_after(Clock::time_point now) {
  const bool unsent = share::Registry::here().tidy();
  next_look_ =
      now + (unsent ? std::chrono::milliseconds(5) : std::chrono::milliseconds(kLookAfter));
  if (options_.memory_growth == 0) return;
  for (const auto& worker : fleet_->workers()) {
    Age& age = ages_[worker->number()];
    if (worker->state() != supervisor::WorkerState::ready || age.tasks == 0) continue;
    const std::uint64_t memory = sys::anonymous_memory(worker->child->pid()).value;
    if (age.memory_at_first == 0) age.memory_at_first = memory;
    if (memory < age.memory_at_first + options_.memory_growth) continue;
    ++recycled_;
    fleet_->recycle(worker->number());
  }
}

// --- what the thread and every caller do ----------------------------------------------------------

void PoolCore::pump(Clock::time_point now) {
  if (!fleet_ || phase_ == Phase::ended) return;
  fleet_->collect(now);
  while (const auto finished = fleet_->next_finished()) settle(*finished, now);
  if (fleet_->hopeless()) give_up();
  if (!hurry_) admit();
  fleet_->dispatch(now);
}

void PoolCore::admit() {
  while (!waiting_.empty() && slots_.free() > 0 && fleet_->appetite() > 0) {
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_tasks_ -= work.count;
    send(std::move(work));
  }
}

void PoolCore::send(Work work) {
  const Ticket& ticket = *work.ticket;
  const std::size_t bytes = bytes_of(ticket, work.first, work.count);
  const bool whole = work.count == ticket.count();
  std::size_t inside = sizeof(ChunkRequest);
  if (whole && ticket.elsewhere) {
    work.elsewhere = ticket.elsewhere;
  } else if (inside + bytes > slots_.input_capacity()) {
    try {
      work.elsewhere = new_block(bytes, false);
    } catch (const std::runtime_error& e) {
      return fail(work, work.first, work.count, {.kind = Failure::Kind::pool, .message = e.what()});
    }
    write_arguments(ticket, work.first, work.count, work.elsewhere->data);
  }
  if (!work.elsewhere) inside += bytes;
  const shm::Token token = *slots_.claim(static_cast<std::uint32_t>(inside));
  const std::span<std::byte> input = slots_.input(token);
  if (++uses_ == 0) ++uses_;  // 0 is what a new slot holds
  work.use = uses_;
  auto* request = new (input.data()) ChunkRequest{};
  request->function = key_of(*ticket.chunk.function);
  request->use = work.use;
  request->count = static_cast<std::uint32_t>(work.count);
  request->bytes = bytes;
  request->stride = stride_of(ticket);
  request->flags = (table_bytes(ticket, work.count) > 0 ? pool::kTable : 0U) |
                   (ticket.chunk.function->plain_result ? 0U : pool::kPadded);
  if (work.elsewhere) {
    request->elsewhere = {work.elsewhere->segment, work.elsewhere->block,
                          work.elsewhere->generation};
  } else {
    write_arguments(ticket, work.first, work.count, input.data() + sizeof *request);
  }
  fleet_->add(token, std::min(ticket.deadline * static_cast<std::int64_t>(work.count),
                              1000 * kLongestDeadline));
  // The thread may sleep beyond this deadline.
  if (ticket.deadline > 0ms && asleep_) bell_.ring();
  in_slots_[shm::token_slot(token)] = std::move(work);
}

void PoolCore::settle(const supervisor::Finished& finished, Clock::time_point now) {
  Work& place = in_slots_[shm::token_slot(finished.token)];
  Work work = std::move(place);
  place = {};
  if (finished.failure) {
    take_apart(work, finished.token, *finished.failure);
  } else if (!accept(work, finished.token, now)) {
    // Not a reply that our worker could have written. Charged, it comes back as a failure.
    place = std::move(work);
    place.disbelieved = true;
    return fleet_->disbelieve(finished, now);
  }
  Age& age = ages_[finished.worker];
  age.tasks += work.count;
  if (options_.tasks_per_worker > 0 && age.tasks >= options_.tasks_per_worker &&
      !finished.failure) {
    age.tasks = 0;
    ++recycled_;
    fleet_->recycle(finished.worker);
  }
  slots_.release(finished.token);
}

// A whole answer. False when it makes no sense.
bool PoolCore::accept(Work& work, shm::Token token, Clock::time_point now) {
  shm::Reply whole;
  if (!slots_.read_reply(token, whole)) return false;
  if (whole.error) {
    // The worker could not answer, for want of memory for instance; it says why.
    fail(work, work.first, work.count,
         {.kind = Failure::Kind::unreadable, .message = std::move(whole.text)});
    return true;
  }
  const std::span<const std::byte> area = slots_.result(token);
  const ChunkReply& reply = reply_at(area);
  std::span<const std::byte> room = area.subspan(sizeof reply);
  const std::uint32_t done = reply.done;
  const std::uint64_t bytes = reply.bytes;
  const std::uint64_t blocks = reply.blocks;
  const shm::BlockName elsewhere = reply.elsewhere;
  if (reply.use != work.use || done > work.count) return false;
  // The word that it was cancelled lies where workers can write.
  if (done < work.count && !work.ticket->call->cancelled && !hurry_) return false;
  Piece piece{.first = work.first, .count = done};
  if (elsewhere.segment != 0 || blocks > 0) fleet_->listen(now);  // it may name a new segment
  if (elsewhere.segment != 0) {
    auto block = share::open_known_block(elsewhere);
    if (!block) return false;
    room = {(*block)->data, (*block)->bytes};
    piece.holders.push_back(std::move(*block));
  }
  if (blocks > room.size() / sizeof(shm::BlockName)) return false;
  const std::size_t names = blocks * sizeof(shm::BlockName);
  if (bytes > room.size() - names) return false;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    shm::BlockName name;
    std::memcpy(&name, room.data() + bytes + i * sizeof name, sizeof name);
    auto block = share::open_known_block(name);
    if (!block) return false;
    piece.holders.push_back(std::move(*block));
  }
  if (elsewhere.segment != 0) {
    piece.elsewhere = room.first(bytes);
  } else {
    piece.results.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(bytes));
  }
  request_at(slots_.input(token)).taken.store(work.use, std::memory_order_release);
  Ticket& ticket = *work.ticket;
  ticket.run_time += std::chrono::nanoseconds(reply.run_ns);
  ticket.timed += done;
  if (done < work.count) fail(work, work.first + done, work.count - done, kCancelled);
  if (done > 0) add_piece(ticket, std::move(piece));
  return true;
}

// The worker died at this chunk, and is reaped: nothing of it writes any more.
void PoolCore::take_apart(const Work& work, shm::Token token,
                          const supervisor::Finished::Failure& failure) {
  const std::span<const std::byte> area = slots_.result(token);
  const ChunkReply& reply = reply_at(area);
  std::size_t accepted = 0;
  std::size_t running = 0;
  if (reply.use == work.use && !work.disbelieved) {
    running = std::min<std::size_t>(reply.running.load(), work.count - 1);
    accepted = std::min<std::size_t>(reply.accepted.load(), running);
  }
  if (accepted > 0) {
    const auto room = area.subspan(sizeof reply);
    add_piece(*work.ticket,
              {.first = work.first, .count = accepted, .results = {room.begin(), room.end()}});
  }
  again(work, work.first + running + 1, work.count - running - 1);
  charge(work, work.first + running, failure);
  again(work, work.first + accepted, running - accepted);
}

void PoolCore::charge(const Work& work, std::size_t task,
                      const supervisor::Finished::Failure& failure) {
  Ticket& ticket = *work.ticket;
  const unsigned charges = work.count == 1 ? work.charges + 1 : 1;
  if (ticket.call->cancelled || hurry_) return fail(work, task, 1, kCancelled);
  if (charges < ticket.attempts) {
    ++retries_;
    ++waiting_tasks_;
    waiting_.push_front({.ticket = work.ticket, .first = task, .count = 1, .charges = charges});
    return;
  }
  Failure told = failure_of(failure);
  told.attempts = charges;
  if (charges > 1) {
    told.message += " (attempt " + std::to_string(charges) + " of " + std::to_string(charges) + ")";
  }
  fail(work, task, 1, told);
}

void PoolCore::again(const Work& work, std::size_t first, std::size_t count) {
  if (count == 0) return;
  if (work.ticket->call->cancelled || hurry_) return fail(work, first, count, kCancelled);
  waiting_tasks_ += count;
  waiting_.push_front({.ticket = work.ticket, .first = first, .count = count});
}

void PoolCore::fail(const Work& work, std::size_t first, std::size_t count,
                    const Failure& failure) {
  add_piece(*work.ticket, {.first = first, .count = count, .failure = failure});
}

void PoolCore::add_piece(Ticket& ticket, Piece&& piece) {
  ticket.open -= piece.count;
  tasks_ended_ += piece.count;
  ticket.pieces.push_back(std::move(piece));
  if (ticket.open > 0) return;
  std::ranges::sort(ticket.pieces, {}, &Piece::first);
  ticket.chunk.arguments.clear();
  ticket.elsewhere.reset();
  if (ticket.call->unordered) ticket.call->settled.push_back(ticket.shared_from_this());
  news_.notify_all();
}

// No worker can be had any more: nothing that waits will ever be done.
void PoolCore::give_up() {
  const Failure failure{.kind = Failure::Kind::pool, .message = fleet_->hopeless()->message};
  for (const Work& work : waiting_) fail(work, work.first, work.count, failure);
  waiting_.clear();
  waiting_tasks_ = 0;
  for (const shm::Token token : fleet_->surrender_backlog()) {
    const Work work = std::exchange(in_slots_[shm::token_slot(token)], {});
    fail(work, work.first, work.count, failure);
    slots_.release(token);
  }
}

// --- callers --------------------------------------------------------------------------------------

template <class Done>
bool PoolCore::await(std::unique_lock<std::mutex>& lock, Done&& done, Clock::time_point deadline) {
  if (done()) return true;
  // While we look, workers need not ring for us.
  const Clock::time_point until = std::min(deadline, Clock::now() + kSpin);
  ++spinning_;
  slots_.set_supervisor_asleep(false);
  for (Clock::time_point now; !done() && (now = Clock::now()) < until;) {
    pump(now);
    if (done()) break;
    lock.unlock();
    for (int i = 0; i < 8; ++i) sys::relax();
    sys::give_way();
    lock.lock();
  }
  --spinning_;
  if (spinning_ == 0 && asleep_) {
    slots_.set_supervisor_asleep(true);
    // What came between the last look and that line rang no bell.
    pump(Clock::now());
  }
  while (!done()) {
    if (deadline == kForever) {
      news_.wait(lock);
    } else if (news_.wait_until(lock, deadline) == std::cv_status::timeout) {
      return done();
    }
  }
  return true;
}

std::shared_ptr<Ticket> PoolCore::submit(const std::shared_ptr<Call>& call, Chunk&& chunk,
                                         const Terms& terms) {
  auto ticket = std::make_shared<Ticket>();
  ticket->chunk = std::move(chunk);
  if (terms.deadline < 0ms)
    throw std::invalid_argument("a deadline is a time from now on, not before");
  ticket->deadline = std::min(terms.deadline, kLongestDeadline);
  ticket->attempts = terms.attempts > 0 ? terms.attempts : std::max(options_.attempts, 1U);
  ticket->call = call;
  ticket->open = ticket->count();
  const std::size_t bytes = bytes_of(*ticket, 0, ticket->count());
  if (sizeof(ChunkRequest) + bytes > slots_.input_capacity()) {
    // Before the lock is taken: it may be much to copy.
    ticket->elsewhere = new_block(bytes, false);
    write_arguments(*ticket, 0, ticket->count(), ticket->elsewhere->data);
  }
  std::unique_lock lock(mutex_);
  await(
      lock, [&] { return waiting_tasks_ < kMostWaiting || phase_ != Phase::open; }, kForever);
  if (phase_ != Phase::open || hurry_) throw PoolClosed("the pool is closed");
  ++call->open;
  if (call->cancelled) {  // while this was encoded or waited for room
    fail({.ticket = ticket}, 0, ticket->count(), kCancelled);
    return ticket;
  }
  waiting_tasks_ += ticket->count();
  waiting_.push_back({.ticket = ticket, .first = 0, .count = ticket->count()});
  pump(Clock::now());
  return ticket;
}

bool PoolCore::wait(Ticket& ticket, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return await(
      lock, [&] { return ticket.open == 0; }, deadline);
}

std::shared_ptr<Ticket> PoolCore::wait_any(Call& call) {
  std::unique_lock lock(mutex_);
  if (call.open == 0) return nullptr;
  await(
      lock, [&] { return !call.settled.empty(); }, kForever);
  --call.open;
  auto ticket = call.settled.front().lock();
  call.settled.pop_front();
  return ticket;
}

bool PoolCore::settled(const Ticket& ticket) {
  const std::scoped_lock lock(mutex_);
  if (ticket.open > 0) pump(Clock::now());
  return ticket.open == 0;
}

void PoolCore::cancel(Call& call) {
  const std::scoped_lock lock(mutex_);
  call.cancelled = true;
  cancel_where([&](const Ticket& ticket) { return ticket.call.get() == &call; }, Clock::now());
}

// Drops what waits; of what is with a worker, lets it skip what it has not begun, and has it killed
// if it is still at one of them at `kill_at`.
void PoolCore::cancel_where(const std::function<bool(const Ticket&)>& which,
                            Clock::time_point kill_at) {
  std::deque<Work> kept;
  for (Work& work : std::exchange(waiting_, {})) {
    if (which(*work.ticket)) {
      waiting_tasks_ -= work.count;
      fail(work, work.first, work.count, kCancelled);
    } else {
      kept.push_back(std::move(work));
    }
  }
  waiting_ = std::move(kept);
  for (std::uint32_t slot = 0; slot < in_slots_.size(); ++slot) {
    if (!in_slots_[slot].ticket || !which(*in_slots_[slot].ticket)) continue;
    if (const auto waiting = fleet_->withdraw(slot)) {
      const Work work = std::exchange(in_slots_[slot], {});
      fail(work, work.first, work.count, kCancelled);
      slots_.release(*waiting);
      continue;
    }
    const shm::Token token = shm::make_token(slot, 0);
    request_at(slots_.input(token)).cancelled.store(1, std::memory_order_relaxed);
    fleet_->expire(token, kill_at);
  }
  bell_.ring();
}

std::size_t PoolCore::room() const {
  return slots_.input_capacity() - sizeof(ChunkRequest);
}

std::size_t PoolCore::most() const {
  // A worker that is to end after so many tasks is not given as many in one go.
  return options_.tasks_per_worker == 0 ? std::numeric_limits<std::size_t>::max()
                                        : std::max<std::size_t>(options_.tasks_per_worker / 4, 1);
}

bool PoolCore::any_settled(Call& call) {
  const std::scoped_lock lock(mutex_);
  if (call.settled.empty()) pump(Clock::now());
  return !call.settled.empty();
}

PoolCounts PoolCore::counts() {
  const std::scoped_lock lock(mutex_);
  PoolCounts counts{.tasks = tasks_ended_, .retries = retries_, .recycled = recycled_};
  if (!fleet_) return counts;
  counts.deaths = fleet_->counts().restarts;
  counts.timeouts = fleet_->counts().timeouts;
  counts.workers =
      static_cast<unsigned>(std::ranges::count(fleet_->workers(), supervisor::WorkerState::ready,
                                               [](const auto& worker) { return worker->state(); }));
  return counts;
}

std::vector<int> PoolCore::worker_pids() {
  const std::scoped_lock lock(mutex_);
  std::vector<int> pids;
  if (!fleet_) return pids;
  for (const auto& worker : fleet_->workers()) {
    if (worker->alive()) pids.push_back(worker->child->pid());
  }
  return pids;
}

void PoolCore::close() {
  const std::scoped_lock lock(mutex_);
  if (phase_ == Phase::open) phase_ = Phase::closed;
  bell_.ring();
  news_.notify_all();
}

bool PoolCore::join(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (phase_ == Phase::open) throw std::logic_error("join() comes after close()");
  const auto ended = [this] { return phase_ == Phase::ended; };
  if (deadline == kForever) {
    news_.wait(lock, ended);
    return true;
  }
  return news_.wait_until(lock, deadline, ended);
}

void PoolCore::terminate(std::chrono::milliseconds grace) {
  if (share::Registry::here().forked()) return;
  std::unique_lock lock(mutex_);
  if (phase_ == Phase::ended) return;
  hurry_ = true;
  // What runs may take `grace`; then its worker is killed. Workers with nothing to do leave in order.
  grace_ = grace + std::chrono::milliseconds(kFarewell);
  if (fleet_) cancel_where([](const Ticket&) { return true; }, Clock::now() + grace);
  bell_.ring();
  news_.wait(lock, [this] { return phase_ == Phase::ended; });
}

// --- what the fleet tells -------------------------------------------------------------------------

std::uint32_t PoolCore::enlist(std::uint32_t worker) {
  const auto participant = share::Registry::here().enlist();
  if (!participant) return 0;  // several pools share the places; the worker says so and ends
  participants_[worker] = participant->word;
  ages_[worker] = {};
  return participant->word;
}

void PoolCore::started(std::uint32_t worker, int control) {
  if (participants_[worker] == 0) return;
  share::Registry::here().introduce(shm::Participant{participants_[worker]}, control);
}

bool PoolCore::heard(std::uint32_t worker, std::span<const char> message,
                     std::vector<sys::Fd> passed) {
  return share::Registry::here().heard(shm::Participant{participants_[worker]}, message,
                                       std::move(passed));
}

void PoolCore::ended(std::uint32_t worker) {
  if (participants_[worker] == 0) return;
  share::Registry::here().hang_up(shm::Participant{participants_[worker]});
  dead_.push_back(shm::Participant{participants_[worker]});
  participants_[worker] = 0;
}

// --- the public header's functions ----------------------------------------------------------------

std::shared_ptr<PoolCore> make_pool(const PoolOptions& options, const Function* state,
                                    const Encoder& state_arguments) {
  pool::check_program();
  if (options.workers >= shm::kMaxParticipants) {
    throw std::runtime_error("a pool has at most " + std::to_string(shm::kMaxParticipants - 1) +
                             " workers; " + std::to_string(options.workers) + " were asked for");
  }
  return std::make_shared<PoolCore>(options, state, state_arguments);
}

std::shared_ptr<Call> make_call(PoolCore& /*core*/, bool unordered) {
  auto call = std::make_shared<Call>();
  call->unordered = unordered;
  return call;
}
std::shared_ptr<Ticket> submit(PoolCore& core, const std::shared_ptr<Call>& call, Chunk&& chunk,
                               const Terms& terms) {
  return core.submit(call, std::move(chunk), terms);
}
bool wait(PoolCore& core, Ticket& ticket, Clock::time_point deadline) {
  return core.wait(ticket, deadline);
}
std::shared_ptr<Ticket> wait_any(PoolCore& core, Call& call) {
  return core.wait_any(call);
}
bool settled(PoolCore& core, const Ticket& ticket) {
  return core.settled(ticket);
}
std::vector<Piece>& pieces(Ticket& ticket) {
  return ticket.pieces;
}
std::chrono::nanoseconds task_time(const Ticket& ticket) {
  if (ticket.timed == 0) return {};
  // At least a nanosecond, so that it is known to be known.
  return std::max(ticket.run_time / static_cast<std::int64_t>(ticket.timed),
                  std::chrono::nanoseconds(1));
}
std::size_t task_count(const Ticket& ticket) {
  return ticket.count();
}
void cancel(PoolCore& core, Call& call) {
  core.cancel(call);
}
unsigned workers(const PoolCore& core) {
  return core.workers();
}
std::size_t chunk_room(const PoolCore& core) {
  return core.room();
}
std::size_t chunk_most(const PoolCore& core) {
  return core.most();
}
bool any_settled(PoolCore& core, Call& call) {
  return core.any_settled(call);
}
PoolCounts counts(PoolCore& core) {
  return core.counts();
}
void close(PoolCore& core) {
  core.close();
}
bool join(PoolCore& core, Clock::time_point deadline) {
  return core.join(deadline);
}
void terminate(PoolCore& core, std::chrono::milliseconds grace) {
  core.terminate(grace);
}
std::vector<int> worker_pids(PoolCore& core) {
  return core.worker_pids();
}

}  // namespace headrace::detail

namespace headrace {

std::string_view name(Failure::Kind kind) {
  switch (kind) {
    case Failure::Kind::exception:
      return "exception";
    case Failure::Kind::crashed:
      return "crashed";
    case Failure::Kind::timeout:
      return "timeout";
    case Failure::Kind::cancelled:
      return "cancelled";
    case Failure::Kind::unreadable:
      return "unreadable";
    case Failure::Kind::pool:
      return "pool";
  }
  return "unknown";
}

}  // namespace headrace
