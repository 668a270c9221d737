#include "pipeline/jsonl_sink.h"

#include <utility>

namespace headrace::pipeline {
namespace {

constexpr std::size_t kWriteAt = 256 << 10;  // bytes

}  // namespace

Status JsonlSink::write(std::uint64_t index, std::string line) {
  if (order_ == Order::of_inputs && index != next_) {
    early_.emplace(index, std::move(line));
    return Ok{};
  }
  pending_ += line;
  ++next_;
  while (!early_.empty() && early_.begin()->first == next_) {
    pending_ += early_.begin()->second;
    early_.erase(early_.begin());
    ++next_;
  }
  return pending_.size() < kWriteAt ? Status(Ok{}) : flush();
}

bool JsonlSink::accepts(std::uint64_t index) const {
  return order_ == Order::as_they_come || index < next_ + window_;
}

Status JsonlSink::flush() {
  if (pending_.empty()) return Ok{};
  Status written = file_.append(pending_);
  pending_.clear();
  return written;
}

Status JsonlSink::finish() {
  early_.clear();
  if (Status flushed = flush(); !flushed) return flushed;
  return file_.finish();
}

}  // namespace headrace::pipeline
