#include "pipeline/opened_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "base/patience.h"

namespace headrace::pipeline {
namespace {

using namespace std::chrono_literals;

// Of a file, into the page cache. Most pictures are smaller; what is larger is read ahead by the kernel
// itself once a worker has begun with it.
constexpr Bytes kReadAhead = 1_MiB;
// An open that takes longer waits for somebody else; another thread may do so beside it.
constexpr auto kSlow = 5ms;
// Threads that hang in an open, and opens that would not succeed for long. With more than these it is no
// matter of some inputs.
constexpr std::uint64_t kMostLeftBehind = 32;
// What an open that is late has left to end.
constexpr auto kGrace = 500ms;

}  // namespace

OpenInput open_files(Bytes limit) {
  return [limit](const std::string& name) {
    Result<sys::Fd, sys::ReadError> file = sys::open_regular_file(name, limit);
    if (file) sys::will_need(file->get(), kReadAhead);
    return file;
  };
}

// What the threads share with the source, and what is left to one that hangs.
struct OpenedSource::Desk {
  OpenInput open;
  std::chrono::milliseconds in_all{};  // patience with one input
  sys::Bell bell{};                    // for the source
  std::mutex mutex{};
  std::condition_variable work_to_do{};
  std::condition_variable stopped{};
  // Guarded by the mutex:
  std::deque<Job> waiting{};
  std::map<std::uint64_t, Job> at_work{};  // by thread
  std::vector<Input> done{};
  // Opens that failed for all their time, for a reason that may pass, and no other has succeeded since: is
  // it the input's, or the share's? Asked once more, each, when that is known.
  std::vector<Job> held_back{};
  std::string last_reason{};
  bool starved = false;  // the source waits for the bell
  bool stopping = false;

  // While descriptors are short or a share is away, tries again. Each try has the whole time for itself.
  Result<sys::Fd, sys::ReadError> open_patiently(const std::string& name, bool once,
                                                 std::uint64_t number) {
    for (Patience patience(once ? 0ms : in_all);;) {
      auto file = open(name);
      const auto pause = file || !file.error().passing ? std::nullopt : patience.pause();
      if (!pause) return file;
      std::unique_lock lock(mutex);
      const auto mine = at_work.find(number);
      if (mine == at_work.end()) return file;  // it was given up
      mine->second.since = Clock::now() + *pause;
      if (stopped.wait_for(lock, *pause, [this] { return stopping; })) return file;
    }
  }

  // Under the mutex.
  void try_once_more() {
    for (Job& job : held_back) {
      job.once_more = true;
      waiting.push_front(std::move(job));
    }
    held_back.clear();
    work_to_do.notify_all();
  }
};

OpenedSource::OpenedSource(Source& inner, Settings settings)
    : inner_(inner), settings_(std::move(settings)), desk_(std::make_shared<Desk>()) {
  desk_->open = settings_.open;
  desk_->in_all = settings_.patience;
  all_.watch(desk_->bell.fd(), 0);
  all_.watch(inner_.fd(), 1);
  all_.watch(look_.fd(), 2);
  news_ = all_.descriptor();
  for (unsigned i = 0; i < std::max(settings_.threads, 1U) && start_thread(); ++i) {
  }
  if (threads_.empty()) trouble_ = Error{"no thread to open files with: " + no_thread_};
}

OpenedSource::~OpenedSource() {
  {
    const std::lock_guard lock(desk_->mutex);
    desk_->stopping = true;
    // Whoever is in an open may stay there; it ends, or hangs, without us.
    for (const auto& [number, job] : desk_->at_work) threads_.extract(number).mapped().detach();
  }
  desk_->work_to_do.notify_all();
  desk_->stopped.notify_all();
  for (auto& [number, thread] : threads_) thread.join();
}

// False when the system has none left; fewer do as well, as long as there is one.
bool OpenedSource::start_thread() {
  const std::uint64_t number = next_number_++;
  try {
    threads_.emplace(number, std::thread([desk = desk_, number] { work(desk, number); }));
  } catch (const std::system_error& e) {
    no_thread_ = e.what();
    return false;
  }
  return true;
}

void OpenedSource::work(const std::shared_ptr<Desk>& desk, std::uint64_t number) {
  std::unique_lock lock(desk->mutex);
  for (;;) {
    desk->work_to_do.wait(lock, [&] { return desk->stopping || !desk->waiting.empty(); });
    if (desk->stopping) return;
    Job& job = desk->at_work[number] = std::move(desk->waiting.front());
    desk->waiting.pop_front();
    job.begun = job.since = Clock::now();
    const std::string name = job.input.name;
    const bool once = job.once_more;
    // One wakes the next, so that a lot of inputs does not wake more than it has use for.
    if (!desk->waiting.empty()) desk->work_to_do.notify_one();
    lock.unlock();
    auto opened = desk->open_patiently(name, once, number);
    lock.lock();
    auto mine = desk->at_work.extract(number);
    if (mine.empty()) return lock.unlock();  // it was given up, and this thread with it
    if (!opened && opened.error().passing && !once) {
      desk->last_reason = opened.error().message;
      desk->held_back.push_back(std::move(mine.mapped()));
    } else {
      Input input = std::move(mine.mapped().input);
      if (opened) {
        *mine.mapped().file = std::move(*opened);
        input.file = std::move(mine.mapped().file);
        desk->try_once_more();
      } else {
        input.unfit = {opened.error().code, opened.error().message};
      }
      desk->done.push_back(std::move(input));
    }
    if (std::exchange(desk->starved, false)) desk->bell.ring();
  }
}

Source::Pulled OpenedSource::next(Input& input) {
  collect();
  if (trouble_) return Pulled::end;
  pull();
  end_holding_back();
  if (ready_.empty() && threads_.size() < settings_.most_threads) add_thread_if_slow();
  if (!may_go()) return inner_ended_ && is_empty() ? Pulled::end : Pulled::not_yet;
  const auto first = ready_.begin();
  input = std::move(first->second);
  ready_.erase(first);
  return Pulled::item;
}

// Whether the first that is ready may be handed out.
bool OpenedSource::may_go() const {
  if (ready_.empty()) return false;
  const std::uint64_t index = ready_.begin()->first;
  return opening_.empty() || index < *opening_.begin() ||
         index - *opening_.begin() < settings_.window;
}

void OpenedSource::heard() {
  desk_->bell.silence();
  look_.silence();
  inner_.heard();
}

std::optional<Error> OpenedSource::trouble() const {
  return trouble_ ? trouble_ : inner_.trouble();
}

// One, when inputs wait while every thread waits too.
void OpenedSource::add_thread_if_slow() {
  const auto now = Clock::now();
  const auto slow = [now](const auto& job) { return now - job.second.begun > kSlow; };
  bool all_slow = false;
  {
    const std::lock_guard lock(desk_->mutex);
    if (desk_->waiting.empty()) return;
    all_slow =
        desk_->at_work.size() == threads_.size() && std::ranges::all_of(desk_->at_work, slow);
  }
  if (!all_slow || start_thread()) look_.set(now + kSlow);
}

std::optional<OpenedSource::Waiting> OpenedSource::waiting() const {
  const std::lock_guard lock(desk_->mutex);
  if (!ready_.empty() || !desk_->done.empty() || desk_->at_work.empty()) return std::nullopt;
  const auto oldest = std::ranges::min_element(desk_->at_work, {},
                                               [](const auto& job) { return job.second.begun; });
  return Waiting{.since = oldest->second.begun, .name = oldest->second.input.name};
}

// Takes from the desk what is done, and what will not be.
void OpenedSource::collect() {
  const std::lock_guard lock(desk_->mutex);
  if (settings_.timeout > 0ms) give_up_late();
  for (Input& input : desk_->done) {
    opening_.erase(input.index);
    const std::uint64_t index = input.index;
    ready_.emplace(index, std::move(input));
  }
  desk_->done.clear();
  desk_->starved = !may_go();
  if (desk_->held_back.size() <= kMostLeftBehind) return;
  trouble_ = Error{
      fmt::format("{} inputs could not be opened for {:g} s each ({}): is a disk or a "
                  "network share gone? With --resume it goes on from here",
                  desk_->held_back.size(),
                  std::chrono::duration<double>(settings_.patience).count(), desk_->last_reason)};
}

void OpenedSource::give_up_late() {
  const auto now = Clock::now();
  const auto grace = std::min<Clock::duration>(settings_.timeout, kGrace);
  for (auto at = desk_->at_work.begin(); at != desk_->at_work.end();) {
    Job& job = at->second;
    if (now - job.since <= settings_.timeout) job.found_late.reset();
    // Not at first sight: this whole process may have stood still, and its opens with it.
    else if (!job.found_late)
      job.found_late = now;
    if (!job.found_late || now - *job.found_late < grace) {
      ++at;
      continue;
    }
    Input input = std::move(at->second.input);
    input.unfit = {ItemError::timeout,
                   fmt::format("opening it took longer than {:g} s",
                               std::chrono::duration<double>(settings_.timeout).count())};
    desk_->done.push_back(std::move(input));
    threads_.extract(at->first).mapped().detach();
    at = desk_->at_work.erase(at);
    if (++left_behind_ <= kMostLeftBehind) start_thread();
  }
  if (!threads_.empty()) return;
  trouble_ =
      Error{fmt::format("{} inputs took longer than {:g} s to open and hang still: is a disk or a "
                        "network share gone? "
                        "With --resume it goes on from here",
                        left_behind_, std::chrono::duration<double>(settings_.timeout).count())};
}

// When nothing else is left that could be opened, so that none will succeed.
void OpenedSource::end_holding_back() {
  const bool more = !inner_ended_ && ready_.size() + opening_.size() <= settings_.ahead / 2 &&
                    *open_ < settings_.most_open;
  if (more) return;
  const std::lock_guard lock(desk_->mutex);
  if (desk_->held_back.size() == opening_.size()) desk_->try_once_more();
}

// In lots, so that the threads are not woken for each input.
void OpenedSource::pull() {
  const auto held = [this] { return ready_.size() + opening_.size(); };
  if (held() > settings_.ahead / 2) return;
  std::vector<Job> jobs;
  while (!inner_ended_ && held() < std::max<std::size_t>(settings_.ahead, 1) &&
         *open_ < settings_.most_open) {
    Input input;
    const Pulled pulled = inner_.next(input);
    inner_ended_ = pulled == Pulled::end;
    if (pulled != Pulled::item) break;
    const std::uint64_t index = input.index;
    if (input.unfit || input.answered) {
      ready_.emplace(index, std::move(input));
    } else {
      opening_.insert(index);
      jobs.push_back({.input = std::move(input), .file = count_one()});
    }
  }
  if (jobs.empty()) return;
  const std::lock_guard lock(desk_->mutex);
  std::ranges::move(jobs, std::back_inserter(desk_->waiting));
  desk_->work_to_do.notify_one();
}

std::shared_ptr<sys::Fd> OpenedSource::count_one() const {
  ++*open_;
  return {new sys::Fd, [open = open_](sys::Fd* file) {
            delete file;
            --*open;
          }};
}

}  // namespace headrace::pipeline
