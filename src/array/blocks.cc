#include "array/blocks.h"

#include <cstring>

namespace headrace::array {
namespace {

using detail::ArrayBlock;

static_assert(detail::kWriterInTransit == kInTransit && detail::kWriterParts == kParts &&
              detail::kWriterFrozen == kFrozen);

Result<std::shared_ptr<ArrayBlock>> block_of(const std::shared_ptr<const Held>& held,
                                             shm::Participant self, bool writable) {
  Segment& segment = *held->segment();
  const Result<Extent> extent = segment.find(held->name());
  if (!extent) return extent.error();
  const Result<std::byte*> data = segment.data(writable ? sys::Access::write : sys::Access::read);
  if (!data) return data.error();
  return std::make_shared<ArrayBlock>(ArrayBlock{.data = *data + extent->offset,
                                                 .bytes = extent->bytes,
                                                 .segment = held->name().segment,
                                                 .block = held->name().block,
                                                 .generation = held->name().generation,
                                                 .writable = writable,
                                                 .writer = &segment.writer(held->name().block),
                                                 .self = self.word,
                                                 .held = held});
}

}  // namespace

Result<std::shared_ptr<ArrayBlock>> new_block(ArrayStore& store, Holdings& holdings, Bytes bytes,
                                              bool zeroed) {
  Result<ArrayStore::Loan> loan = store.allocate(bytes);
  if (!loan) return loan.error();
  const Result<std::shared_ptr<const Held>> held = holdings.hold(loan->segment, loan->name);
  if (!held) {
    loan->segment->drop(holdings.self(), loan->name);
    return held.error();
  }
  Result<std::shared_ptr<ArrayBlock>> block = block_of(*held, holdings.self(), true);
  if (block && zeroed && !loan->fresh) std::memset((*block)->data, 0, (*block)->bytes);
  return block;
}

Result<std::shared_ptr<ArrayBlock>> open_block(const FindSegment& find, Holdings& holdings,
                                               const shm::BlockName& name, bool writable) {
  const Result<std::shared_ptr<Segment>> segment = find(name.segment);
  if (!segment) return segment.error();
  const Result<std::shared_ptr<const Held>> held = holdings.hold(*segment, name);
  if (!held) return held.error();
  return block_of(*held, holdings.self(), writable);
}

}  // namespace headrace::array
