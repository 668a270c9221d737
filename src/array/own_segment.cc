#include "array/own_segment.h"

#include <algorithm>

namespace headrace::array {
namespace {

constexpr std::uint64_t kLine = 64;
constexpr std::uint64_t kPage = 4096;

}  // namespace

Result<OwnSegment> OwnSegment::create(shm::Participant self, Bytes data, std::uint32_t blocks) {
  Result<std::shared_ptr<Segment>> segment = Segment::create(self, data, blocks);
  if (!segment) return segment.error();
  return OwnSegment(self, std::move(*segment));
}

OwnSegment::OwnSegment(shm::Participant self, std::shared_ptr<Segment> segment)
    : self_(self),
      segment_(std::move(segment)),
      free_ranges_(segment_->data_bytes().value),
      blocks_(segment_->blocks()) {
  free_blocks_.reserve(blocks_.size());
  for (std::uint32_t i = segment_->blocks(); i > 0; --i) free_blocks_.push_back(i - 1);
}

std::optional<OwnSegment::Allocation> OwnSegment::allocate(std::uint64_t bytes) {
  if (free_blocks_.empty() || bytes > segment_->data_bytes().value) return std::nullopt;
  const std::uint64_t step = bytes < kPage ? kLine : kPage;
  const std::uint64_t taken = std::max(kLine, (bytes + step - 1) / step * step);
  const std::optional<std::uint64_t> offset = free_ranges_.take(taken, step);
  if (!offset) return std::nullopt;

  const std::uint32_t index = free_blocks_.back();
  free_blocks_.pop_back();
  Block& block = blocks_[index];
  block.offset = *offset;
  block.bytes = taken;
  ++used_;

  BlockEntry& entry = segment_->entry(index);
  entry.offset.store(*offset);
  entry.bytes.store(bytes);
  entry.writer.store(self_.word);
  entry.generation.store(block.generation);
  for (auto& word : entry.holders) word.store(0);
  entry.holders[self_.place() / 64].store(std::uint64_t{1} << self_.place() % 64);
  entry.touched.fetch_add(1);
  entry.state.store(kUsed);

  const bool fresh = *offset >= fresh_from_;
  fresh_from_ = std::max(fresh_from_, *offset + taken);
  return Allocation{
      .name = {.segment = segment_->id(), .block = index, .generation = block.generation},
      .offset = *offset,
      .fresh = fresh};
}

std::size_t OwnSegment::collect(const Mentions& mentions) {
  std::size_t freed = 0;
  for (std::uint32_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].bytes == 0) continue;
    const shm::BlockName name{
        .segment = segment_->id(), .block = i, .generation = blocks_[i].generation};
    if (!segment_->unreferenced(name, mentions)) continue;
    release(i);
    ++freed;
  }
  return freed;
}

void OwnSegment::release(std::uint32_t index) {
  Block& block = blocks_[index];
  if (++block.generation == 0) block.generation = 1;
  BlockEntry& entry = segment_->entry(index);
  entry.state.store(kFree);
  entry.generation.store(block.generation);
  free_ranges_.give_back(block.offset, block.bytes);
  block.bytes = 0;
  free_blocks_.push_back(index);
  --used_;
}

}  // namespace headrace::array
