#include "pipeline/file_source.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "pipeline/walk.h"
#include "sys/files.h"
#include "sys/poller.h"

namespace headrace::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadAhead = 4096;  // names

// A list that is a pipe gives each name but once.
bool can_be_read_twice(const std::string& argument) {
  if (argument == "-") return false;
  if (!argument.starts_with('@')) return true;
  return sys::path_kind(argument.substr(1)) == sys::PathKind::regular;
}

}  // namespace

// What the threads share with the source, and what is left to one that hangs.
struct FileSource::Desk {
  std::vector<std::string> arguments;
  std::chrono::milliseconds patience;
  sys::Bell news{};  // for the supervisor
  sys::Bell stop{};  // for the threads
  std::atomic<bool> stopping = false;

  std::mutex mutex{};
  std::condition_variable room{};
  // Guarded by the mutex:
  std::deque<Input> ahead{};
  std::uint64_t read = 0;
  Clock::time_point emptied = Clock::now();  // when the last name was fetched
  bool ended = false;
  std::optional<Error> trouble{};
  std::optional<std::uint64_t> total{};

  Desk(std::vector<std::string> given, std::chrono::milliseconds given_patience)
      : arguments(std::move(given)), patience(given_patience) {}
  bool take(std::string name, std::optional<Input::Unfit> unfit);
  void read_ahead();
  void count();
};

FileSource::FileSource(std::vector<std::string> arguments, bool count_ahead,
                       std::chrono::milliseconds patience)
    : desk_(std::make_shared<Desk>(std::move(arguments), patience)) {
  // Nobody joins them: a dead share would keep the whole program from ending.
  std::thread([desk = desk_] { desk->read_ahead(); }).detach();
  if (count_ahead) std::thread([desk = desk_] { desk->count(); }).detach();
}

FileSource::~FileSource() {
  {
    const std::lock_guard lock(desk_->mutex);
    desk_->stopping = true;
  }
  desk_->stop.ring();
  desk_->room.notify_all();
}

int FileSource::fd() const {
  return desk_->news.fd();
}

void FileSource::heard() {
  desk_->news.silence();
}

Source::Pulled FileSource::next(Input& input) {
  if (taken_.empty()) {
    const std::lock_guard lock(desk_->mutex);
    if (desk_->ahead.empty()) return desk_->ended ? Pulled::end : Pulled::not_yet;
    std::swap(taken_, desk_->ahead);
    desk_->emptied = Clock::now();
    desk_->room.notify_one();
  }
  input = std::move(taken_.front());
  taken_.pop_front();
  return Pulled::item;
}

std::optional<std::uint64_t> FileSource::total() const {
  const std::lock_guard lock(desk_->mutex);
  if (desk_->ended) return desk_->read;
  return desk_->total;
}

std::optional<Error> FileSource::trouble() const {
  const std::lock_guard lock(desk_->mutex);
  return desk_->trouble;
}

std::optional<Clock::time_point> FileSource::waiting_since() const {
  const std::lock_guard lock(desk_->mutex);
  if (!taken_.empty() || !desk_->ahead.empty() || desk_->ended) return std::nullopt;
  return desk_->emptied;
}

bool FileSource::Desk::take(std::string name, std::optional<Input::Unfit> unfit) {
  std::unique_lock lock(mutex);
  room.wait(lock, [this] { return ahead.size() < kReadAhead || stopping; });
  if (stopping) return false;
  ahead.push_back({.index = read++, .name = std::move(name), .unfit = std::move(unfit)});
  if (ahead.size() == 1) news.ring();
  return true;
}

void FileSource::Desk::read_ahead() {
  Status walked = walk(arguments, {.stop = stop.fd(), .patience = patience},
                       [this](std::string name, std::optional<Input::Unfit> unfit) {
                         return take(std::move(name), std::move(unfit));
                       });
  const std::lock_guard lock(mutex);
  ended = true;
  if (!walked) trouble = std::move(walked).error();
  news.ring();
}

void FileSource::Desk::count() {
  if (!std::ranges::all_of(arguments, can_be_read_twice)) return;
  std::uint64_t sum = 0;
  const Status walked = walk(arguments, {.stop = stop.fd(), .patience = patience},
                             [&](const std::string&, const auto&) {
                               ++sum;
                               return !stopping;
                             });
  if (!walked || stopping) return;
  const std::lock_guard lock(mutex);
  total = sum;
}

}  // namespace headrace::pipeline
