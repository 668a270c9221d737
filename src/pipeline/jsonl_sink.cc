#include "pipeline/jsonl_sink.h"

#include <utility>

namespace headrace::pipeline {
namespace {

constexpr std::size_t kHandOverAt = 256 << 10;  // bytes

}  // namespace

Status JsonlSink::write(std::uint64_t index, std::string line) {
  if (order_ == Order::of_inputs && index != next_) {
    early_.emplace(index, std::move(line));
    return Ok{};
  }
  append(line);
  while (!early_.empty() && early_.begin()->first == next_) {
    append(early_.begin()->second);
    early_.erase(early_.begin());
  }
  return pending_.size() < kHandOverAt ? Status(Ok{}) : flush();
}

// Empty: an earlier run wrote it.
void JsonlSink::append(const std::string& line) {
  pending_ += line;
  if (!line.empty()) ++pending_lines_;
  ++next_;
}

bool JsonlSink::accepts(std::uint64_t index) const {
  return (order_ == Order::as_they_come || index < next_ + window_) && writer_.room();
}

Status JsonlSink::flush() {
  hand_over();
  if (auto wrong = writer_.error()) return *std::move(wrong);
  return Ok{};
}

void JsonlSink::hand_over() {
  if (pending_.empty()) return;
  writer_.give(pending_, pending_lines_);
  pending_.clear();
  pending_lines_ = 0;
}

bool JsonlSink::settle() {
  for (const auto& [index, line] : early_) dropped_ += line.empty() ? 0 : 1;
  early_.clear();
  hand_over();
  writer_.end();
  return writer_.over();
}

Status JsonlSink::finish() {
  hand_over();
  return writer_.finish();
}

}  // namespace headrace::pipeline
