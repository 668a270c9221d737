#include "supervisor/fleet.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "shm/files_message.h"
#include "supervisor/blame.h"
#include "sys/error.h"

namespace headrace::supervisor {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::milliseconds;

constexpr milliseconds kLongestNap = 1s;
// A gap between two steps beyond what the naps explain: we were stopped or starved, and so, likely,
// were the workers. Their deadlines move by as much.
constexpr milliseconds kAbsence = 3s;
// A worker's queue should last about this long, so that it never waits for the supervisor.
constexpr double kQueueSeconds = 0.004;
// Items longer than this are handed out one at a time: queueing them only makes the end ragged.
constexpr double kLongItemSeconds = 0.05;
// The first items may be nothing like the rest: one that is refused at once says nothing about how long others take.
constexpr std::uint64_t kFewItems = 8;
// How long a worker may take to end once it has nothing more to do.
constexpr milliseconds kLeaving = 10s;
// When a worker that could not be passed its descriptors is tried again, unless it has news before.
constexpr milliseconds kPassAgain = 10ms;
// When none could be passed any for so long, that is for good.
constexpr milliseconds kPassPatience = 30s;
// A socket holds some hundred messages, so this is all that a dead worker can have said; a living one that
// never stops must not keep the supervisor.
constexpr int kMostMessages = 1024;
constexpr int kFewMessages = 32;
// An honest process has four or five things to say in its life, apart from what its owner wants to hear often.
constexpr std::uint32_t kMostChatter = 64;
// How long a worker may take to notice that its next item was cancelled.
constexpr milliseconds kSkipping = 20ms;
// Workers that failed to start, with none that ever did.
constexpr std::uint32_t kMostFailedStarts = 3;

std::string word_for(Worker::Offence offence, const sys::Exit& exit) {
  switch (offence) {
    case Worker::Offence::late:
      return "timeout";
    case Worker::Offence::nonsense:
      return "nonsense";
    case Worker::Offence::memory:
      return "memory";
    case Worker::Offence::none:
      break;
  }
  return exit.signal == 0 ? "exit" : sys::signal_name(exit.signal);
}

// What a worker was doing when it ended, after "it was killed by SIGSEGV".
std::string_view occasion(const Worker& worker) {
  switch (worker.state()) {
    case WorkerState::starting:
      return " while it was loading";
    case WorkerState::ready:
      return worker.in_flight() > 0 ? " at work" : " while it had nothing to do";
    case WorkerState::leaving:
      return " while it was leaving";
    case WorkerState::absent:
    case WorkerState::dying:
    case WorkerState::resting:
      break;
  }
  return "";
}

// What to do about a kernel that passes no descriptors.
std::string_view cure_of(int why) {
  switch (why) {
    case ETOOMANYREFS:
      return "this user's processes have too many on their way: raise the limit of open files "
             "(ulimit -n), or run fewer jobs at once";
    case EPERM:
    case EACCES:
    case ENOSYS:
      return "what this container runs in forbids it: allow sendmsg() with SCM_RIGHTS in its "
             "security profile";
    case ENOMEM:
    case ENOBUFS:
      return "the kernel has no memory for it: give the container more";
    default:
      return "see whether what this container runs in lets processes pass them (SCM_RIGHTS)";
  }
}

std::string in_seconds(milliseconds time) {
  std::string text = std::to_string(duration<double>(time).count());
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + " s";
}

}  // namespace

Fleet::Fleet(FleetSettings settings, shm::SlotArea& slots, sys::Poller& poller,
             std::uint64_t first_tag, spdlog::logger& log)
    : settings_(std::move(settings)),
      slots_(slots),
      poller_(poller),
      first_tag_(first_tag),
      log_(log),
      records_(slots.count()),
      tally_(settings_.hopeless_after),
      last_step_(Clock::now()) {
  poller_.watch(bell_.fd(), first_tag_);
  set_workers(settings_.workers, last_step_);
}

// "worker 3", or "lite0: worker 3".
std::string Fleet::called(const Worker& worker) const {
  return called() + "worker " + std::to_string(worker.number());
}

// ~Child kills and reaps what is left.
Fleet::~Fleet() {
  // A child of a worker may keep a copy of it, which would be heard for ever.
  poller_.forget(bell_.fd());
}

void Fleet::set_workers(std::uint32_t count, Clock::time_point now) {
  wanted_ = std::min(count, kMaxWorkers);
  while (workers_.size() < wanted_) {
    workers_.push_back(std::make_unique<Worker>(static_cast<std::uint32_t>(workers_.size())));
  }
  for (const auto& worker : workers_) {
    const bool want = worker->number() < wanted_;
    if (want && worker->state() == WorkerState::absent) start(*worker, now);
    if (!want) dismiss(*worker);
  }
}

void Fleet::renew(Start start) {
  settings_.start = std::move(start);
  for (const auto& worker : workers_) {
    if (worker->alive()) dismiss(*worker);
  }
}

void Fleet::dismiss(Worker& worker) {
  switch (worker.state()) {
    case WorkerState::ready:
      worker.mailbox->ask_to_leave();
      worker.since = Clock::now();
      return worker.move_to(WorkerState::leaving);
    case WorkerState::starting:
      return kill(worker, "it is not needed any more", Worker::Offence::none);
    case WorkerState::resting:
      return worker.move_to(WorkerState::absent);
    case WorkerState::absent:
    case WorkerState::leaving:
    case WorkerState::dying:
      return;
  }
}

void Fleet::start(Worker& worker, Clock::time_point now) {
  Escort* const escort = settings_.escort;
  const shm::Brief instructions{.supervisor_pid = sys::own_pid(),
                                .worker = worker.number(),
                                .batch = settings_.batch,
                                .participant = escort ? escort->enlist(worker.number()) : 0,
                                .spin = settings_.spin,
                                .sandbox = settings_.start.sandbox,
                                .body = settings_.start.body};
  Result<shm::SupervisorEnd> mailbox = shm::SupervisorEnd::create();
  Result<sys::Fd> brief = sys::sealed_text("headrace-brief", shm::to_json(instructions));
  const auto give_up = [&](const Error& error) {
    if (escort) escort->ended(worker.number());
    tally_.death();
    if (!ever_ready_ || tally_.hopeless()) {
      hopeless_ = error;
      return;
    }
    // It went once, so it may go again: descriptors or memory are short for now.
    log_.warn("{}: {}", called(worker), error.message);
    if (worker.state() == WorkerState::absent) {
      worker.move_to(WorkerState::starting);
      worker.move_to(WorkerState::resting);
    }
    worker.rest_until = now + tally_.back_off();
  };
  if (!mailbox) return give_up(mailbox.error());
  if (!brief) return give_up(brief.error());
  sys::ControlPair control;
  try {
    control = sys::make_control_pair();
  } catch (const std::system_error& e) {
    return give_up(Error{std::string("cannot start a worker: ") + e.what()});
  }
  // What strangers' bytes may take over gets no secrets from our environment; code of the user's own may want any of it.
  const sys::Sandbox& sandbox = settings_.start.sandbox;
  const bool few_variables =
      sandbox.confine != sys::Confine::off && sandbox.files == sys::FileUse::none;
  Result<sys::Child> child = sys::Child::spawn({.program = settings_.program,
                                                .arguments = settings_.arguments,
                                                .environment = settings_.start.environment,
                                                .inherit = {{control.theirs.get(), shm::kControlFd},
                                                            {brief->get(), shm::kBriefFd},
                                                            {slots_.fd(), shm::kSlotsFd},
                                                            {mailbox->fd(), shm::kMailboxFd},
                                                            {bell_.fd(), shm::kBellFd}},
                                                .few_variables = few_variables});
  if (!child) return give_up(child.error());
  const std::uint64_t tag = first_tag_ + 1 + 2ULL * worker.number();
  try {
    poller_.watch(child->pidfd(), tag);
    poller_.watch(control.ours.get(), tag + 1);
  } catch (const std::system_error& e) {
    // Nobody would hear of its end; ~Child ends it.
    poller_.forget(child->pidfd());
    return give_up(Error{std::string("cannot watch a worker: ") + e.what()});
  }
  worker.child = std::move(*child);
  worker.mailbox = std::move(*mailbox);
  worker.control = std::move(control.ours);
  worker.since = now;
  worker.exclusive = false;
  worker.unpassed = false;
  worker.chatter = 0;
  worker.stopped_since.reset();
  worker.finished_before = worker.finished;
  worker.offence = Worker::Offence::none;
  worker.killed_for.clear();
  worker.late_at.reset();
  worker.last_words.clear();
  worker.move_to(WorkerState::starting);
  if (escort) escort->started(worker.number(), worker.control.get());
}

void Fleet::on_ready(std::uint64_t tag, Clock::time_point now) {
  if (tag == first_tag_) return bell_.silence();
  const std::uint64_t which = tag - first_tag_ - 1;
  Worker& worker = *workers_[which / 2];
  if (!worker.alive()) return;  // an event from before it was buried
  // Between a worker and a body nothing is said but here; who says much, and has nothing to say, waits like others.
  if (which % 2 == 1) return listen(worker, settings_.escort ? kMostMessages : kFewMessages, now);
  // Before it is closed: a copy of it that a forked child kept would be readable for ever.
  const int pidfd = worker.child->pidfd();
  poller_.forget(pidfd);
  const std::optional<sys::Exit> exit = worker.child->try_reap();
  if (!exit) poller_.watch(pidfd, tag);
  if (exit) {
    listen(worker, kMostMessages, now);  // its last words may tell why
    bury(worker, *exit, now);
  }
}

void Fleet::listen(Worker& worker, int most, Clock::time_point now) {
  std::vector<char> message;
  for (int heard = 0; heard < most; ++heard) {
    std::vector<sys::Fd> passed;
    const sys::Received received =
        sys::receive_message(worker.control.get(), shm::kSignatureLimit, message, &passed);
    if (received == sys::Received::closed) return poller_.forget(worker.control.get());
    if (received != sys::Received::message) return;
    hear(worker, message, std::move(passed), now);
    if (worker.chatter <= kMostChatter || worker.state() == WorkerState::dying) continue;
    // It would go on until it is dead, and be heard for as long.
    poller_.forget(worker.control.get());
    ++counts_.breaches;
    return kill(worker, "it said nonsense on its control socket without end",
                Worker::Offence::nonsense);
  }
}

void Fleet::listen(Clock::time_point now) {
  for (const auto& worker : workers_) {
    if (worker->alive()) listen(*worker, kMostMessages, now);
  }
}

void Fleet::hear(Worker& worker, std::span<const char> message, std::vector<sys::Fd> passed,
                 Clock::time_point now) {
  const std::string text(message.begin() + 1, message.end());
  const auto greeting = static_cast<shm::Greeting>(message.front());
  ++worker.chatter;
  if (greeting == shm::Greeting::last_words) {
    worker.last_words = text;
    return;
  }
  if (greeting == shm::Greeting::unconfined) {
    if (!std::exchange(said_unconfined_, true))
      log_.warn("{}workers are not sandboxed: {}", called(), text);
    return;
  }
  if (greeting != shm::Greeting::ready && greeting != shm::Greeting::fatal) {
    if (settings_.escort != nullptr &&
        settings_.escort->heard(worker.number(), message, std::move(passed)))
      --worker.chatter;
    return;
  }
  if (worker.state() != WorkerState::starting) return;
  if (greeting == shm::Greeting::ready) {
    log_.info("{} is ready after {} ms: {}", called(worker),
              std::chrono::duration_cast<milliseconds>(now - worker.since).count(), text);
    worker.move_to(WorkerState::ready);
    worker.since = now;
    equipment_ = text;
    ever_ready_ = true;
  } else if (!ever_ready_) {
    hopeless_ = Error{text};
  } else {
    log_.warn("{} could not load: {}", called(worker), text);
  }
}

void Fleet::collect(Worker& worker, Clock::time_point now) {
  std::uint32_t taken = 0;
  for (; worker.in_flight() > 0; ++taken) {
    const shm::Token token = worker.sent(0);
    const auto result = worker.mailbox->take(token);
    if (result == shm::SupervisorEnd::Taken::nothing) break;
    if (result == shm::SupervisorEnd::Taken::breach) {
      ++counts_.breaches;
      kill(worker, "it wrote nonsense into its mailbox", Worker::Offence::nonsense);
      break;
    }
    worker.forget_oldest();
    finished_.push_back({.token = token,
                         .worker = worker.number(),
                         .attempts = record(token).charges + 1,
                         .file = record(token).file,
                         .failure = std::nullopt});
    record(token) = {};
  }
  if (taken == 0) return;
  const double each = duration<double>(now - worker.front_since).count() / taken;
  item_seconds_ = item_seconds_ == 0 ? each : 0.9 * item_seconds_ + 0.1 * each;
  measured_ += taken;
  worker.finished += taken;
  worker.front_since = now;
  if (worker.in_flight() == 0) worker.exclusive = false;
  tally_.progress();
}

bool Fleet::result_waiting() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    return worker->alive() && worker->in_flight() > 0 && worker->mailbox->has_result();
  });
}

void Fleet::notice_stops(Clock::time_point now) {
  for (const auto& worker : workers_) {
    const std::optional<bool> news = worker->child ? worker->child->news_of_stop() : std::nullopt;
    if (!news) continue;
    if (!*news) {
      worker->stopped_since.reset();
    } else if (!worker->stopped_since) {
      worker->stopped_since = now;
    }
  }
}

bool Fleet::able() const {
  return std::ranges::any_of(workers_, [](const auto& worker) {
    return worker->state() == WorkerState::ready && !worker->stopped_since;
  });
}

void Fleet::check_deadline(Worker& worker, Clock::time_point now) {
  if (worker.state() == WorkerState::ready && worker.in_flight() == 0 && worker.stopped_since &&
      settings_.item_timeout > 0ms && now - *worker.stopped_since > settings_.item_timeout) {
    return kill(worker, "it was stopped for " + in_seconds(settings_.item_timeout),
                Worker::Offence::late);
  }
  if (worker.state() == WorkerState::starting && now - worker.since > settings_.load_timeout) {
    return kill(worker, "it was not ready after " + in_seconds(settings_.load_timeout),
                Worker::Offence::late);
  }
  const bool working =
      worker.state() == WorkerState::ready || worker.state() == WorkerState::leaving;
  if (worker.state() == WorkerState::leaving && worker.in_flight() == 0 &&
      now >= leave_deadline(worker)) {
    return kill(worker, "it did not leave", Worker::Offence::none);
  }
  if (!working || worker.in_flight() == 0) return;
  // A worker that has only just come to the item may be about to skip it.
  const auto expires = record(worker.sent(0)).expires;
  if (expires && now >= std::max(*expires, worker.front_since + kSkipping)) {
    return kill(worker, "its item was cancelled", Worker::Offence::late);
  }
  const milliseconds each = timeout(worker);
  if (each == 0ms) return;
  if (now <= item_deadline(worker)) return;
  ++counts_.timeouts;
  kill(worker, "an item took longer than " + in_seconds(each), Worker::Offence::late);
}

// Items that are worked on together have their time together.
Clock::time_point Fleet::item_deadline(const Worker& worker) const {
  const auto items = std::min(worker.in_flight(), worker.exclusive ? 1U : settings_.batch);
  return worker.front_since + timeout(worker) * items;
}

Clock::time_point Fleet::leave_deadline(const Worker& worker) const {
  return std::max(worker.since, worker.front_since) + kLeaving;
}

// What the oldest item of a worker may take; 0: as long as it likes.
milliseconds Fleet::timeout(const Worker& worker) const {
  const milliseconds own = record(worker.sent(0)).timeout;
  return own == 0ms ? settings_.item_timeout : own;
}

std::optional<shm::Token> Fleet::withdraw(std::uint32_t slot) {
  const auto found = std::ranges::find(backlog_, slot, shm::token_slot);
  if (found == backlog_.end()) return std::nullopt;
  const shm::Token token = *found;
  backlog_.erase(found);
  record(token) = {};
  return token;
}

void Fleet::recycle(std::uint32_t worker) {
  if (workers_[worker]->state() != WorkerState::ready) return;
  ++counts_.recycled;
  dismiss(*workers_[worker]);
}

void Fleet::evict(std::uint32_t worker, const std::string& why) {
  if (!workers_[worker]->alive() || workers_[worker]->state() == WorkerState::dying) return;
  ++counts_.evictions;
  kill(*workers_[worker], why, Worker::Offence::memory);
}

void Fleet::kill(Worker& worker, std::string why, Worker::Offence offence) {
  if (worker.state() == WorkerState::dying) return;
  worker.killed_for = std::move(why);
  worker.offence = offence;
  if (offence == Worker::Offence::late && worker.in_flight() > 0) worker.late_at = worker.sent(0);
  worker.child->signal(SIGKILL);
  worker.move_to(WorkerState::dying);
}

// Only now that the process is reaped can nothing of it write any more.
void Fleet::bury(Worker& worker, const sys::Exit& exit, Clock::time_point now) {
  // What it published counts, even if it died a moment later.
  if (worker.offence != Worker::Offence::nonsense) collect(worker, now);
  const bool expected =
      worker.state() == WorkerState::leaving && exit.code == 0 && exit.signal == 0;
  const std::string cause = worker.killed_for.empty()
                                ? "the worker was " + sys::describe(exit) + " at this item" +
                                      (worker.last_words.empty() ? "" : ": " + worker.last_words)
                                : "the worker was killed: " + worker.killed_for;
  if (!expected && !stopping_) {
    const bool follows = ever_ready_ && worker.number() < wanted_;
    log_.warn("{} {}{}{}{}{}", called(worker), exit.signal == 0 ? "" : "was ", sys::describe(exit),
              occasion(worker), worker.killed_for.empty() ? "" : " (" + worker.killed_for + ")",
              follows ? "; another takes its place" : "");
  }
  const bool charged = take_back(worker, cause);
  if (settings_.escort != nullptr) settings_.escort->ended(worker.number());
  worker.child.reset();
  poller_.forget(worker.control.get());
  worker.control.reset();
  worker.mailbox.reset();
  if (stopping_ || worker.number() >= wanted_) return worker.move_to(WorkerState::absent);
  worker.rest_until = now;
  if (expected) return worker.move_to(WorkerState::resting);
  // Told to go while it was still loading.
  const bool dismissed = worker.offence == Worker::Offence::none && !worker.killed_for.empty();
  if (!dismissed) {
    ++worker.restarts;
    worker.last_end = sys::describe(exit) +
                      (worker.killed_for.empty() ? "" : ": " + worker.killed_for) +
                      (worker.last_words.empty() ? "" : ": " + worker.last_words);
    worker.last_end_at = now;
    ++counts_.restarts;
    ++restarts_by_[word_for(worker.offence, exit)];
  }
  // A death that is charged to items is accounted for by their attempts.
  if (!charged && !dismissed) tally_.death();
  // A model that brings its worker down while it loads will do so again. Not so if somebody else
  // killed it.
  const bool by_itself = exit.signal != SIGKILL || worker.offence == Worker::Offence::late;
  if (!ever_ready_ && by_itself) ++failed_starts_;
  if (tally_.hopeless() || failed_starts_ >= kMostFailedStarts) despair(worker, exit);
  worker.move_to(WorkerState::resting);
  worker.rest_until = now + tally_.back_off();
}

void Fleet::despair(const Worker& worker, const sys::Exit& exit) {
  const bool loading = worker.state() == WorkerState::starting || !ever_ready_;
  if (hopeless_) return;  // it said itself why
  hopeless_ = Error{"gave up: workers died " + std::to_string(tally_.deaths()) +
                    " times in a row without finishing an item; the last one " +
                    (loading ? "while it was loading, " : "") + sys::describe(exit) +
                    (worker.killed_for.empty() ? "" : " (" + worker.killed_for + ")")};
}

// Puts everything that a dead worker held back at the head of the backlog, in its old order.
// Whether some item was charged, or is under suspicion.
bool Fleet::take_back(Worker& worker, const std::string& cause) {
  // After nonsense its word for what it was doing is worth nothing either: the item that it should
  // have answered next is to blame.
  Blame blame;
  if (worker.offence == Worker::Offence::nonsense) {
    blame.any_charged = true;
  } else if (!worker.late_at || (worker.in_flight() > 0 && *worker.late_at == worker.sent(0))) {
    blame =
        apportion(worker.mailbox->doing(), worker.mailbox->oldest_position(), worker.in_flight());
  }
  const ItemError code =
      worker.offence == Worker::Offence::late ? ItemError::timeout : ItemError::worker_crashed;
  for (std::uint32_t i = worker.in_flight(); i > 0; --i) {
    const std::uint32_t offset = i - 1;
    const shm::Token token = worker.sent(offset);
    if (blame.any_charged && offset == blame.charged) {
      if (worker.offence == Worker::Offence::memory) {
        take_back_evicted(worker, token, cause);
      } else {
        charge(token, worker.number(), code, cause);
      }
      continue;
    }
    if (offset >= blame.suspects_begin && offset < blame.suspects_end) record(token).alone = true;
    ++counts_.resent;
    backlog_.push_front(slots_.renew(token));
  }
  worker.forget_all();
  return blame.any_charged || blame.suspects_end > blame.suspects_begin;
}

// Whoever takes the last of the memory need not be who took most of it; so once is no fault.
void Fleet::take_back_evicted(Worker& worker, shm::Token token, const std::string& cause) {
  Record& item = record(token);
  if (item.evicted) {
    finished_.push_back({.token = token,
                         .worker = worker.number(),
                         .attempts = item.charges + 2,
                         .failure = Finished::Failure{
                             ItemError::worker_crashed,
                             cause + "; the same happened when it was tried before, not alone"}});
    item = {};
    return tally_.progress();
  }
  item.evicted = true;
  item.alone = true;
  ++counts_.resent;
  backlog_.push_front(slots_.renew(token));
}

void Fleet::charge(shm::Token token, std::uint32_t worker, ItemError code,
                   const std::string& cause) {
  Record& item = record(token);
  ++item.charges;
  if (item.charges < settings_.attempts) {
    ++counts_.retries;
    backlog_.push_front(slots_.renew(token));
    return;
  }
  const std::string tries = settings_.attempts == 1
                                ? ""
                                : " (attempt " + std::to_string(item.charges) + " of " +
                                      std::to_string(settings_.attempts) + ")";
  finished_.push_back({.token = token,
                       .worker = worker,
                       .attempts = item.charges,
                       .failure = Finished::Failure{code, cause + tries}});
  item = {};
  // The poisonous item is out of the way: that is progress.
  tally_.progress();
}

void Fleet::disbelieve(const Finished& finished, Clock::time_point now) {
  Worker& worker = *workers_[finished.worker];
  ++counts_.breaches;
  collect(worker, now);
  if (worker.state() == WorkerState::ready || worker.state() == WorkerState::leaving) {
    kill(worker, "it wrote a result that makes no sense", Worker::Offence::none);
  }
  record(finished.token).charges = finished.attempts - 1;
  record(finished.token).file = finished.file;
  charge(finished.token, finished.worker, ItemError::worker_crashed,
         "its worker wrote a result that makes no sense");
}

std::uint32_t Fleet::depth() const {
  const std::uint32_t least = 2 * settings_.batch;
  if (measured_ < kFewItems || item_seconds_ * settings_.batch > kLongItemSeconds) {
    return settings_.batch;
  }
  const double wanted = kQueueSeconds / item_seconds_;
  const auto depth = static_cast<std::uint32_t>(std::min(wanted, 1e6)) + 1;
  const std::uint32_t most = std::min(std::max(settings_.max_depth, least), shm::kRingCapacity);
  return std::clamp(depth, std::min(least, most), most);
}

std::size_t Fleet::appetite() const {
  std::uint32_t fed = 0;
  for (const auto& worker : workers_) fed += may_be_fed(*worker, fed) ? 1 : 0;
  const std::size_t wanted = std::size_t{std::max(fed, 1U)} * depth();
  return wanted > backlog_.size() ? wanted - backlog_.size() : 0;
}

void Fleet::dispatch(Clock::time_point now) {
  unpassed_ = false;
  if (backlog_.empty() || stopping_ || hopeless_ || held_) return;
  std::uint32_t fed = 0;
  std::size_t held = 0;
  for (const auto& worker : workers_) {
    if (!may_be_fed(*worker, fed)) continue;
    ++fed;
    held += worker->in_flight();
  }
  if (fed == 0) return;
  // Not more for one than an even share, so that a short backlog is spread and not heaped.
  const auto share = static_cast<std::uint32_t>((backlog_.size() + held + fed - 1) / fed);
  const std::uint32_t each = std::min(depth(), std::max(share, 1U));
  fed = 0;
  for (const auto& worker : workers_) {
    if (backlog_.empty()) return;
    if (!may_be_fed(*worker, fed)) continue;
    ++fed;
    if (!worker->exclusive) feed(*worker, each, now);
  }
}

void Fleet::feed(Worker& worker, std::uint32_t depth, Clock::time_point now) {
  const std::uint32_t before = worker.in_flight();
  // Not behind an item that has turned out to be a long one.
  if (before > 0 && duration<double>(now - worker.front_since).count() > kLongItemSeconds) return;
  // Refilled when half empty, so that a worker that slept finds half a mailbox and not one item.
  if (before > depth / 2) return;
  choose_lot(worker, depth);
  if (lot_.empty()) return;
  // Before the tokens, so that whoever sees a token finds its file.
  if (!pass_files(worker, now)) return;
  for (const shm::Token token : lot_) {
    worker.mailbox->send(token);
    worker.remember(token);
  }
  backlog_.erase(backlog_.begin(), backlog_.begin() + static_cast<std::ptrdiff_t>(lot_.size()));
  if (record(lot_.back()).alone) worker.exclusive = true;
  if (before == 0) worker.front_since = now;
  worker.mailbox->wake();
}

// The head of the backlog, as much of it as the worker has room for.
void Fleet::choose_lot(const Worker& worker, std::uint32_t depth) {
  lot_.clear();
  lot_with_files_.clear();
  lot_files_.clear();
  for (const shm::Token token : backlog_) {
    if (worker.in_flight() + lot_.size() >= depth || lot_files_.size() == sys::kMostPassed) return;
    const Record& item = record(token);
    if (item.alone && worker.in_flight() + lot_.size() > 0) return;
    lot_.push_back(token);
    if (item.file >= 0) {
      lot_with_files_.push_back(token);
      lot_files_.push_back(item.file);
    }
    if (item.alone) return;
  }
}

// False when the kernel takes no more descriptors for now: too many are on their way for this user, or
// the worker has read nothing for long, or is dead and will be reaped. Then it gets nothing more.
bool Fleet::pass_files(Worker& worker, Clock::time_point now) {
  if (lot_files_.empty()) return true;
  shm::write_files_message(lot_with_files_, lot_message_);
  if (sys::send_message(worker.control.get(), lot_message_, lot_files_)) {
    unpassable_.reset();
    return true;
  }
  const int why = errno;
  unpassed_ = true;
  // One that is dead will be heard of elsewhere.
  if (why == EPIPE || why == ECONNRESET) return false;
  if (!std::exchange(worker.unpassed, true)) {
    log_.warn("{}: no files can be passed to it for now, and it gets no work until they can: {}",
              called(worker), sys::describe_errno(why));
  }
  // One that has read nothing for long has its own deadline.
  if (why != EAGAIN) despair_of_passing(why, now);
  return false;
}

void Fleet::despair_of_passing(int why, Clock::time_point now) {
  // With a pause in between, nobody knows.
  if (!unpassable_ || now - unpassable_->last >= kAbsence)
    unpassable_ = Unpassable{.since = now, .last = now};
  unpassable_->last = now;
  if (now - unpassable_->since < kPassPatience) return;
  give_up(Error{"no open file could be passed to any worker for " + in_seconds(kPassPatience) +
                " (" + sys::describe_errno(why) + "): " + std::string(cure_of(why))});
}

void Fleet::forgive_absence(Clock::time_point now) {
  const auto gap = now - last_step_;
  last_step_ = now;
  if (gap < kAbsence) return;
  for (const auto& worker : workers_) {
    // Not beyond now: what was sent just before this was not absent.
    worker->front_since = std::min(worker->front_since + gap, now);
    worker->since = std::min(worker->since + gap, now);
    if (worker->stopped_since) worker->stopped_since = std::min(*worker->stopped_since + gap, now);
  }
}

void Fleet::collect(Clock::time_point now) {
  for (const auto& worker : workers_) {
    // After the decision to kill it, nothing more is taken until it is reaped.
    if (worker->alive() && worker->state() != WorkerState::dying) collect(*worker, now);
  }
}

void Fleet::step(Clock::time_point now) {
  forgive_absence(now);
  collect(now);
  for (const auto& worker : workers_) {
    if (!worker->alive() || worker->state() == WorkerState::dying) continue;
    check_deadline(*worker, now);
    if (stopping_ && now >= stop_deadline_)
      kill(*worker, "it did not leave in time", Worker::Offence::none);
  }
  if (stopping_ || hopeless_) return;
  for (const auto& worker : workers_) {
    if (worker->state() != WorkerState::resting || now < worker->rest_until) continue;
    start(*worker, now);
  }
}

milliseconds Fleet::patience(Clock::time_point now) const {
  Clock::time_point next = now + kLongestNap;
  for (const auto& worker : workers_) {
    if (worker->state() == WorkerState::resting && !hopeless_) {
      next = std::min(next, worker->rest_until);
    }
    if (worker->state() == WorkerState::starting) {
      next = std::min(next, worker->since + settings_.load_timeout);
    }
    if (worker->state() == WorkerState::leaving && worker->in_flight() == 0)
      next = std::min(next, leave_deadline(*worker));
    if (worker->in_flight() == 0) continue;
    if (timeout(*worker) > 0ms) next = std::min(next, item_deadline(*worker));
    if (const auto expires = record(worker->sent(0)).expires) {
      next = std::min(next, std::max(*expires, worker->front_since + kSkipping));
    }
  }
  if (stopping_) next = std::min(next, stop_deadline_);
  if (unpassed_) next = std::min(next, now + kPassAgain);
  // Never a busy loop on a deadline that was just missed.
  return std::max(std::chrono::ceil<milliseconds>(next - now), 1ms);
}

std::optional<Finished> Fleet::next_finished() {
  if (finished_.empty()) return std::nullopt;
  Finished finished = std::move(finished_.front());
  finished_.pop_front();
  return finished;
}

std::vector<shm::Token> Fleet::surrender_backlog() {
  std::vector<shm::Token> tokens(backlog_.begin(), backlog_.end());
  backlog_.clear();
  for (const shm::Token token : tokens) record(token) = {};
  return tokens;
}

std::size_t Fleet::in_flight() const {
  std::size_t sum = 0;
  for (const auto& worker : workers_) sum += worker->in_flight();
  return sum;
}

void Fleet::stop(Clock::time_point now, milliseconds grace) {
  stopping_ = true;
  stop_deadline_ = now + grace;
  for (const auto& worker : workers_) dismiss(*worker);
}

bool Fleet::stopped() const {
  return std::none_of(workers_.begin(), workers_.end(),
                      [](const auto& worker) { return worker->alive(); });
}

bool Fleet::is_worker(int pid) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const auto& worker) {
    return worker->alive() && worker->child->pid() == pid;
  });
}

}  // namespace headrace::supervisor
