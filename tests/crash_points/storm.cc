#include "storm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <new>
#include <random>
#include <sstream>
#include <vector>

#include "queue/queue.h"
#include "queue/queue_memory.h"

namespace headrace::crash_points {
namespace {

using queue::Control;
using queue::QueueMemory;
using queue::SharedQueue;
using queue::State;
using shm::Participant;
using Clock = std::chrono::steady_clock;
using Get = SharedQueue::Get;
using Put = SharedQueue::Put;

constexpr Participant kKeeper = Participant::of(0, 1);
constexpr std::uint64_t kMostItems = 16'000'000;
constexpr auto kTooLong = std::chrono::seconds(20);

// What everybody notes in memory that outlives them. One writer a word, but for the counters.
struct Book {
  std::atomic<std::uint64_t> next_item{0};
  std::atomic<std::uint64_t> completions{0};
  std::atomic<std::uint64_t> torn{0};
  std::atomic<std::uint64_t> twice{0};
  std::atomic<std::uint64_t> refused{0};  // an end of a try that the queue did not accept
  // What a consumer is about to acknowledge: the item, and where its record is. The keeper looks
  // there after a death between the acknowledgement and the note of it.
  struct Intent {
    std::atomic<std::uint64_t> item{0};
    std::atomic<std::uint32_t> record{0};
    std::atomic<std::uint32_t> generation{0};
  };
  std::array<Intent, shm::kMaxParticipants> intents{};
  std::array<std::atomic<std::uint8_t>, kMostItems> put{};
  std::array<std::atomic<std::uint64_t>, kMostItems> done{};  // by which lease
};

Book& make_book() {
  void* memory = ::mmap(nullptr, sizeof(Book), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  Book& book = *static_cast<Book*>(memory);  // all zeros is how it begins, but for this:
  book.next_item.store(1);                   // 0 is no item
  return book;
}

// Of sizes that lie in the record, in one page, and in several.
std::size_t size_of(std::uint64_t id) {
  return id % 16 == 0 ? 8 + id % 400 : 8 + id % 24;
}

void write_item(std::uint64_t id, std::vector<std::byte>& bytes) {
  bytes.resize(size_of(id));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(id * 31 + i);
  std::memcpy(bytes.data(), &id, sizeof(id));
}

// 0: it is not as it was written.
std::uint64_t read_item(const std::vector<std::byte>& bytes) {
  std::uint64_t id = 0;
  if (bytes.size() < sizeof(id)) return 0;
  std::memcpy(&id, bytes.data(), sizeof(id));
  std::vector<std::byte> expected;
  write_item(id, expected);
  return id < kMostItems && bytes == expected ? id : 0;
}

class Storm {
 public:
  explicit Storm(const StormPlan& plan)
      : plan_(plan),
        queue_(*SharedQueue::create(plan.settings)),
        memory_(*QueueMemory::attach(sys::Fd(::fcntl(queue_.fd(), F_DUPFD_CLOEXEC, 3)))),
        book_(make_book()),
        random_(plan.seed),
        lives_(plan.producers + plan.consumers) {}
  ~Storm() { ::munmap(&book_, sizeof(Book)); }
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;

  StormReport run() {
    for (std::size_t i = 0; i < lives_.size(); ++i) start(i);
    last_progress_ = Clock::now();
    while (report_.kills < plan_.kills && report_.wrong.empty()) {
      strike();
      // The moments between deaths are random, so that they meet every state.
      ::usleep(static_cast<useconds_t>(random_() % 1500));
      bury_the_dead();
      collect_dead_letters();  // which would fill the queue in time
      watch_progress();
    }
    finish();
    return report_;
  }

 private:
  struct Life {
    pid_t pid = 0;
    Participant who{};
    std::uint32_t tenants = 0;
    bool stopped = false;
  };

  bool produces(std::size_t index) const { return index < plan_.producers; }
  bool poison(std::uint64_t id) const {
    return plan_.poison_every != 0 && id % plan_.poison_every == 0;
  }

  void start(std::size_t index) {
    Life& life = lives_[index];
    life.who = Participant::of(static_cast<std::uint32_t>(index) + 1, ++life.tenants);
    life.stopped = false;
    const pid_t keeper = ::getpid();
    life.pid = ::fork();
    if (life.pid != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != keeper) ::_exit(0);
    produces(index) ? produce(life.who) : consume(life.who);
    ::_exit(0);
  }

  // --- the children ---

  void produce(Participant who) {
    std::vector<std::byte> bytes;
    for (;;) {
      const std::uint64_t id = book_.next_item.fetch_add(1);
      if (id >= kMostItems) {  // the book is full: go on dying, but put no more
        while (!queue_.closed()) ::usleep(1000);
        return;
      }
      write_item(id, bytes);
      if (queue_.put(who, bytes, {}, SharedQueue::kForever) != Put::done) return;
      book_.put[id].store(1);
    }
  }

  void consume(Participant who) {
    Book::Intent& intent = book_.intents[who.place()];
    SharedQueue::Lease lease;
    std::vector<std::byte> bytes;
    std::uint32_t taken = 0;
    while (queue_.get(who, lease, bytes, SharedQueue::kForever) == Get::item) {
      const std::uint64_t id = read_item(bytes);
      if (id == 0) ++book_.torn;
      if (poison(id)) ::raise(SIGKILL);
      if (++taken % 50 == 0) {
        if (!queue_.give_back(who, lease)) ++book_.refused;
        continue;
      }
      intent.record.store(lease.record);
      intent.generation.store(lease.generation);
      intent.item.store(id);
      if (!queue_.acknowledge(who, lease)) ++book_.refused;
      complete(who, intent);
    }
  }

  // Notes which lease completed the item. The same one may say so twice, once by itself and once,
  // after its death, by the keeper; another may not.
  void complete(Participant who, Book::Intent& intent) {
    const std::uint64_t id = intent.item.load();
    if (id == 0 || id >= kMostItems) return;
    const std::uint64_t lease = std::uint64_t{intent.generation.load()} << 40 |
                                std::uint64_t{intent.record.load()} << 24 | who.word;
    std::uint64_t nobody = 0;
    if (book_.done[id].compare_exchange_strong(nobody, lease)) {
      ++book_.completions;
    } else if (nobody != lease) {
      ++book_.twice;
    }
    intent.item.store(0);
  }

  // --- the keeper ---

  void strike() {
    Life& life = lives_[random_() % lives_.size()];
    if (life.pid <= 0) return;
    if (plan_.stop_first && !life.stopped && random_() % 4 == 0) {
      ::kill(life.pid, SIGSTOP);  // it is killed when it is drawn again
      life.stopped = true;
      return;
    }
    ::kill(life.pid, SIGKILL);
    ++report_.kills;
  }

  void bury_the_dead() {
    for (;;) {
      const pid_t pid = ::waitpid(-1, nullptr, WNOHANG);
      if (pid <= 0) return;
      for (std::size_t i = 0; i < lives_.size(); ++i) {
        if (lives_[i].pid != pid) continue;
        bury(lives_[i]);
        start(i);
      }
    }
  }

  void bury(Life& life) {
    ++report_.deaths;
    life.pid = 0;
    // Killed between its acknowledgement and the note of it? The record knows.
    Book::Intent& intent = book_.intents[life.who.place()];
    const Control control = Control::from(memory_.record(intent.record.load()).control.load());
    const bool still_held = control.state == State::running && control.owner == life.who &&
                            control.generation == intent.generation.load();
    if (still_held) {
      intent.item.store(0);
    } else {
      complete(life.who, intent);
    }
    const queue::RepairCounts counts = queue_.repair(life.who, kKeeper);
    report_.freed += counts.freed;
    report_.pushed += counts.pushed;
    report_.requeued += counts.requeued;
    if (counts.corrupt) report_.wrong = "a repair found the ring corrupt";
  }

  void collect_dead_letters() {
    std::vector<std::byte> bytes;
    std::uint32_t attempts = 0;
    while (queue_.collect_dead(kKeeper, bytes, attempts)) {
      const std::uint64_t id = read_item(bytes);
      if (id == 0) ++book_.torn;
      quarantined_.push_back(id);
    }
  }

  void watch_progress() {
    if (book_.next_item.load() >= kMostItems) return;  // nothing more to wait for
    const std::uint64_t now = book_.completions.load();
    const auto waited = Clock::now() - last_progress_;
    report_.longest_wait_ms = std::max(report_.longest_wait_ms,
                                       std::chrono::duration<double, std::milli>(waited).count());
    if (now != last_completions_) last_progress_ = Clock::now();
    last_completions_ = now;
    if (waited < kTooLong) return;
    // Everybody may be stopped, which is no fault of the queue.
    for (const Life& life : lives_) {
      if (!life.stopped) report_.wrong = "nothing was completed for a long time";
    }
    last_progress_ = Clock::now();
  }

  // No more deaths: the producers end, the consumers end by themselves when the queue has.
  void finish() {
    queue_.close();
    for (const Life& life : lives_) {
      if (life.stopped) ::kill(life.pid, SIGKILL);
    }
    const auto end = Clock::now() + kTooLong;
    for (std::size_t left = lives_.size(); left > 0;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid < 0) break;
      if (pid == 0) {
        if (Clock::now() > end) {
          report_.wrong = "somebody does not see the end of the queue";
          kill_everybody();
          break;
        }
        collect_dead_letters();
        ::usleep(1000);
        continue;
      }
      for (std::size_t i = 0; i < lives_.size(); ++i) {
        if (lives_[i].pid != pid) continue;
        if (WIFSIGNALED(status)) {
          bury(lives_[i]);
          if (!produces(i)) {  // else the last items would find nobody
            start(i);
            continue;
          }
        }
        lives_[i].pid = 0;
        --left;
      }
    }
    account();
  }

  void kill_everybody() {
    for (Life& life : lives_) {
      if (life.pid <= 0) continue;
      ::kill(life.pid, SIGKILL);
      ::waitpid(life.pid, nullptr, 0);
      bury(life);
    }
  }

  void account() {
    std::vector<std::uint8_t> dead(kMostItems, 0);
    collect_dead_letters();
    for (const std::uint64_t id : quarantined_) ++dead[id];
    for (std::uint64_t id = 1; id < kMostItems && id < book_.next_item.load(); ++id) {
      const unsigned done = book_.done[id].load() != 0 ? 1 : 0;
      const unsigned times = done + dead[id];
      const bool put = book_.put[id].load() != 0;
      report_.put += put ? 1 : 0;
      report_.completed += done;
      report_.quarantined += dead[id];
      if (dead[id] != 0 && !poison(id)) ++report_.innocent;
      if (times > 1) ++report_.twice;
      if (put && times == 0) ++report_.lost;
      if (!put && times != 0) ++report_.unreturned;
    }
    report_.twice += book_.twice.load();
    report_.torn += book_.torn.load();
    const queue::Occupancy left = queue_.occupancy();
    if (report_.lost != 0) report_.wrong = "items are lost";
    if (report_.twice != 0) report_.wrong = "items were completed twice";
    if (report_.torn != 0) report_.wrong = "items are torn";
    if (book_.refused.load() != 0) report_.wrong = "somebody could not end its own try";
    if (left.free != queue_.settings().records || left.pages != 0) {
      report_.wrong = "records or pages are left over";
    }
  }

  const StormPlan plan_;
  SharedQueue queue_;
  QueueMemory memory_;
  Book& book_;
  std::mt19937_64 random_;
  std::vector<Life> lives_;
  std::vector<std::uint64_t> quarantined_;
  StormReport report_;
  std::uint64_t last_completions_ = 0;
  Clock::time_point last_progress_{};
};

}  // namespace

StormReport run_storm(const StormPlan& plan) {
  return Storm(plan).run();
}

std::string text_of(const StormReport& r) {
  std::ostringstream out;
  out << r.kills << " kills, " << r.deaths << " deaths, " << r.put << " items put, " << r.completed
      << " completed, " << r.quarantined << " quarantined (" << r.innocent << " not poison), "
      << r.unreturned << " of puts that did not return; repairs freed " << r.freed << ", pushed "
      << r.pushed << ", requeued " << r.requeued << "; lost " << r.lost << ", twice " << r.twice
      << ", torn " << r.torn << "; longest wait " << r.longest_wait_ms
      << " ms: " << (r.wrong.empty() ? "all well" : r.wrong);
  return out.str();
}

}  // namespace headrace::crash_points
