#include "pipeline/result_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/patience.h"
#include "sys/poller.h"

namespace headrace::pipeline {
namespace {

using namespace std::chrono_literals;

// The same descriptor deserves a second chance; a third try is made with a new one.
constexpr unsigned kTriesBeforeReopening = 2;
// A busy disk may take as long for a sync; however little patience is asked for, that is no hanging.
constexpr std::chrono::milliseconds kShortestHang = 3s;

std::string seconds_text(std::chrono::milliseconds time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

}  // namespace

// What the thread shares with the writer, and what is left to one that hangs.
struct ResultWriter::Desk {
  const Settings settings;
  sys::RecordFile file;  // the thread's alone
  const std::string name;
  const bool regular;
  sys::Bell bell{};  // for the supervisor

  mutable std::mutex mutex{};
  std::condition_variable work_to_do{};
  // Guarded by the mutex:
  std::string waiting{};
  std::uint64_t given = 0;  // lines, in all
  std::uint64_t kept = 0;
  bool idle = false;  // the thread waits for work
  bool ending = false;
  bool over = false;
  std::atomic<bool> left_behind = false;  // read by the thread in the midst of its calls
  std::optional<Error> error{};
  std::optional<Trouble> trouble{};           // since the first failure, or the call under way
  std::optional<Clock::time_point> called{};  // when the call that is under way began

  Desk(sys::RecordFile records, const Settings& given_settings)
      : settings(given_settings),
        file(std::move(records)),
        name(file.name()),
        regular(file.regular()) {}

  void work();
  bool take_work(std::optional<Clock::time_point> sync_due);
  bool bring(bool synced);
  Result<Ok, sys::FileError> attempt(bool anew, bool synced);
  bool wait_for_better(const sys::FileError& wrong, Patience& patience);
  void call();
  void stop(std::optional<Error> why, bool with_count = true);
  std::chrono::milliseconds longest_call() const {
    return std::max(settings.patience, kShortestHang);
  }
  bool hangs(Clock::time_point now) const;
  std::string not_kept_text() const;
};

ResultWriter::ResultWriter(sys::RecordFile file, Settings settings)
    : desk_(std::make_shared<Desk>(std::move(file), settings)),
      thread_([desk = desk_] { desk->work(); }) {}

ResultWriter::~ResultWriter() {
  [[maybe_unused]] const Status given_up = finish();
}

void ResultWriter::Desk::work() {
  std::optional<Clock::time_point> sync_due;
  for (;;) {
    const bool last = take_work(sync_due);
    if (!sync_due) sync_due = Clock::now() + settings.sync_every;
    const bool synced = last || file.held() >= settings.most_held || Clock::now() >= *sync_due;
    if (!bring(synced)) return;
    if (file.held() == 0) sync_due.reset();
    if (last) {
      call();
      auto closed = file.close();
      return stop(closed ? std::nullopt : std::optional(Error{closed.error().message}), false);
    }
    std::unique_lock lock(mutex);
    work_to_do.wait_for(lock, settings.gather, [this] {
      return ending || left_behind || waiting.size() >= settings.most_waiting;
    });
  }
}

// Waits for lines, for the end, or until it is time to sync. Whether these were the last.
bool ResultWriter::Desk::take_work(std::optional<Clock::time_point> sync_due) {
  std::unique_lock lock(mutex);
  const auto ready = [this] { return !waiting.empty() || ending || left_behind; };
  idle = true;
  if (sync_due) {
    work_to_do.wait_until(lock, *sync_due, ready);
  } else {
    work_to_do.wait(lock, ready);
  }
  idle = false;
  file.take(waiting);
  if (waiting.size() >= settings.most_waiting) bell.ring();
  waiting.clear();
  return ending;
}

// Until it is done, or all patience is gone: then false, and the desk is closed.
bool ResultWriter::Desk::bring(bool synced) {
  Patience patience(settings.patience);
  for (unsigned tries = 0;; ++tries) {
    call();
    const auto done = attempt(tries >= kTriesBeforeReopening, synced);
    if (done) break;
    if (!wait_for_better(done.error(), patience)) return false;
  }
  const std::lock_guard lock(mutex);
  kept = file.synced_records();
  if (!trouble->error.empty()) bell.ring();
  trouble.reset();
  called.reset();
  return !left_behind;
}

Result<Ok, sys::FileError> ResultWriter::Desk::attempt(bool anew, bool synced) {
  if (anew) {
    if (auto opened = file.reopen(); !opened) return opened;
  }
  auto done = file.write(&left_behind);
  return done && synced ? file.sync() : done;
}

// From here on until it is done the thread may hang.
void ResultWriter::Desk::call() {
  const std::lock_guard lock(mutex);
  called = Clock::now();
  if (!trouble) trouble = Trouble{.since = *called};
}

// False, and the desk is closed, when there is no sense in another try.
bool ResultWriter::Desk::wait_for_better(const sys::FileError& wrong, Patience& patience) {
  const auto pause = wrong.passing ? patience.pause() : std::nullopt;
  if (!pause) {
    // Left behind, it may have hung for long: the file is another run's by now, perhaps.
    if (!left_behind) file.give_up(&left_behind);
    const bool waited = wrong.passing;
    stop(Error{wrong.message + (waited ? ", for " + seconds_text(settings.patience) : "")});
    return false;
  }
  std::unique_lock lock(mutex);
  trouble->error = wrong.message;
  called.reset();
  bell.ring();
  if (!work_to_do.wait_for(lock, *pause, [this] { return left_behind.load(); })) return true;
  lock.unlock();
  stop(Error{wrong.message});
  return false;
}

// Nothing more is written.
void ResultWriter::Desk::stop(std::optional<Error> why, bool with_count) {
  const std::uint64_t synced = file.synced_records();
  if (why) [[maybe_unused]]
    const auto closed = file.close();
  const std::lock_guard lock(mutex);
  kept = synced;
  over = true;
  called.reset();
  if (!why) trouble.reset();
  if (why && !error) error = Error{why->message + (with_count ? not_kept_text() : "")};
  bell.ring();
}

// Under the mutex.
std::string ResultWriter::Desk::not_kept_text() const {
  if (given == kept || !regular) return {};
  return fmt::format("; the lines of {} items are not kept, --resume does them again",
                     given - kept);
}

// Under the mutex. A call that does not come back is beyond our reach.
bool ResultWriter::Desk::hangs(Clock::time_point now) const {
  return regular && called && now - *called > longest_call();
}

void ResultWriter::give(std::string_view lines, std::uint64_t count) {
  const std::lock_guard lock(desk_->mutex);
  desk_->given += count;
  if (desk_->over) return;
  desk_->waiting += lines;
  if (desk_->idle || desk_->waiting.size() >= desk_->settings.most_waiting)
    desk_->work_to_do.notify_one();
}

bool ResultWriter::room() const {
  const std::lock_guard lock(desk_->mutex);
  return desk_->waiting.size() < desk_->settings.most_waiting;
}

void ResultWriter::end() {
  const std::lock_guard lock(desk_->mutex);
  desk_->ending = true;
  desk_->work_to_do.notify_one();
}

bool ResultWriter::over() const {
  const std::lock_guard lock(desk_->mutex);
  return desk_->over || desk_->hangs(Clock::now());
}

std::optional<Error> ResultWriter::error() const {
  const std::lock_guard lock(desk_->mutex);
  if (desk_->error || !desk_->hangs(Clock::now())) return desk_->error;
  return Error{fmt::format("cannot write {}: it has not answered for {}{}", desk_->name,
                           seconds_text(desk_->longest_call()), desk_->not_kept_text())};
}

std::optional<ResultWriter::Trouble> ResultWriter::trouble() const {
  const std::lock_guard lock(desk_->mutex);
  return desk_->trouble;
}

std::uint64_t ResultWriter::not_kept() const {
  const std::lock_guard lock(desk_->mutex);
  return desk_->given - desk_->kept;
}

Status ResultWriter::finish() {
  if (!thread_.joinable()) return Ok{};
  std::optional<Error> wrong = error();
  {
    const std::lock_guard lock(desk_->mutex);
    if (!desk_->over && !wrong) {
      const bool failing = desk_->trouble && !desk_->trouble->error.empty();
      wrong = Error{(failing ? desk_->trouble->error
                             : "cannot write " + desk_->name + ": it did not answer in time") +
                    desk_->not_kept_text()};
    }
    desk_->left_behind = true;
    desk_->work_to_do.notify_one();
    if (!desk_->over) thread_.detach();
  }
  if (thread_.joinable()) thread_.join();
  return wrong ? Status(*std::move(wrong)) : Status(Ok{});
}

int ResultWriter::fd() const {
  return desk_->bell.fd();
}

void ResultWriter::heard() const {
  desk_->bell.silence();
}

}  // namespace headrace::pipeline
