#include "pipeline/file_source.h"

#include <algorithm>
#include <utility>

#include "pipeline/walk.h"
#include "sys/files.h"

namespace headrace::pipeline {
namespace {

constexpr std::size_t kReadAhead = 4096;  // names

// A list that is a pipe gives each name but once.
bool can_be_read_twice(const std::string& argument) {
  if (argument == "-") return false;
  if (!argument.starts_with('@')) return true;
  return sys::path_kind(argument.substr(1)) == sys::PathKind::regular;
}

}  // namespace

FileSource::FileSource(std::vector<std::string> arguments, bool count_ahead)
    : arguments_(std::move(arguments)) {
  const bool twice = std::all_of(arguments_.begin(), arguments_.end(), can_be_read_twice);
  threads_.emplace_back([this] { read_ahead(); });
  if (count_ahead && twice) threads_.emplace_back([this] { count(); });
}

FileSource::~FileSource() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.ring();
  room_.notify_all();
}

Source::Pulled FileSource::next(Input& input) {
  if (taken_.empty()) {
    const std::lock_guard lock(mutex_);
    if (ahead_.empty()) return ended_ ? Pulled::end : Pulled::not_yet;
    std::swap(taken_, ahead_);
    room_.notify_one();
  }
  input = std::move(taken_.front());
  taken_.pop_front();
  return Pulled::item;
}

std::optional<std::uint64_t> FileSource::total() const {
  const std::lock_guard lock(mutex_);
  if (ended_) return read_;
  return total_;
}

std::optional<Error> FileSource::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

bool FileSource::take(std::string name, std::optional<Input::Unfit> unfit) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return ahead_.size() < kReadAhead || stopping_; });
  if (stopping_) return false;
  ahead_.push_back({.index = read_++, .name = std::move(name), .unfit = std::move(unfit)});
  if (ahead_.size() == 1) news_.ring();
  return true;
}

void FileSource::read_ahead() {
  std::optional<Error> trouble;
  for (const std::string& argument : arguments_) {
    if (stopping_) return;
    Status walked =
        walk(argument, stop_.fd(), [this](std::string name, std::optional<Input::Unfit> unfit) {
          return take(std::move(name), std::move(unfit));
        });
    if (!walked) trouble = std::move(walked).error();
    if (trouble) break;
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  trouble_ = std::move(trouble);
  news_.ring();
}

void FileSource::count() {
  std::uint64_t sum = 0;
  for (const std::string& argument : arguments_) {
    const Status walked = walk(argument, stop_.fd(), [&](const std::string&, const auto&) {
      ++sum;
      return !stopping_;
    });
    if (!walked || stopping_) return;
  }
  const std::lock_guard lock(mutex_);
  total_ = sum;
}

}  // namespace headrace::pipeline
