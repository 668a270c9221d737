#include "array/segment.h"

#include <cstring>
#include <new>
#include <random>

namespace headrace::array {
namespace {

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) / step * step;
}

std::uint64_t data_offset_of(std::uint32_t blocks) {
  return round_up(kTableOffset + blocks * sizeof(BlockEntry), kDataAlignment);
}

std::uint64_t random_id() {
  std::random_device random;
  std::uint64_t id = 0;
  while (id == 0) id = std::uint64_t{random()} << 32 | random();
  return id;
}

// Whether the header describes a segment of `size` bytes that this build understands.
bool plausible(const SegmentFormat& format, Bytes size) {
  return format.magic == kSegmentMagic && format.version == kSegmentVersion && format.id != 0 &&
         format.blocks >= 1 && format.blocks <= kMaxBlocks &&
         format.data_offset == data_offset_of(format.blocks) && size.value >= format.data_offset &&
         format.data_bytes == size.value - format.data_offset && format.data_bytes > 0;
}

std::uint64_t bit_of(shm::Participant participant) {
  return std::uint64_t{1} << participant.place() % 64;
}
std::atomic<std::uint64_t>& word_of(BlockEntry& entry, shm::Participant participant) {
  static_assert(shm::kMaxParticipants == 256, "place() is below 256, so this is in range");
  return entry.holders[participant.place() / 64];
}

}  // namespace

Segment::Segment(sys::Fd fd, sys::Mapping head, const SegmentFormat& format)
    : fd_(std::move(fd)),
      head_(std::move(head)),
      table_(std::launder(reinterpret_cast<BlockEntry*>(head_.bytes().data() + kTableOffset)),
             format.blocks),
      id_(format.id),
      creator_{format.creator},
      blocks_(format.blocks),
      data_offset_{format.data_offset},
      data_bytes_{format.data_bytes} {}

Result<std::shared_ptr<Segment>> Segment::create(shm::Participant creator, Bytes data,
                                                 std::uint32_t blocks) {
  if (blocks == 0 || blocks > kMaxBlocks || data.value == 0 || data.value > (1ULL << 46)) {
    return Error{"a segment of arrays cannot have " + std::to_string(data.value) + " bytes and " +
                 std::to_string(blocks) + " blocks"};
  }
  SegmentFormat format{};
  format.magic = kSegmentMagic;
  format.version = kSegmentVersion;
  format.blocks = blocks;
  format.id = random_id();
  format.data_offset = data_offset_of(blocks);
  format.data_bytes = round_up(data.value, kDataAlignment);
  format.creator = creator.word;
  Result<sys::Fd> fd =
      sys::sealed_memory("headrace-arrays", Bytes{format.data_offset + format.data_bytes});
  if (!fd) return fd.error();
  Result<sys::Mapping> head = sys::Mapping::of(fd->get(), Bytes{0}, Bytes{format.data_offset},
                                               sys::Access::write, /*populate=*/true);
  if (!head) return head.error();
  std::memcpy(head->bytes().data(), &format, sizeof format);
  for (std::uint32_t i = 0; i < blocks; ++i) {
    new (head->bytes().data() + kTableOffset + i * sizeof(BlockEntry)) BlockEntry{};
  }
  Result<sys::Mapping> mapped =
      sys::Mapping::of(fd->get(), Bytes{format.data_offset}, Bytes{format.data_bytes},
                       sys::Access::write, /*populate=*/true);
  if (!mapped) return mapped.error();
  std::shared_ptr<Segment> segment(new Segment(std::move(*fd), std::move(*head), format));
  segment->writable_ = std::move(*mapped);
  return segment;
}

Result<std::shared_ptr<Segment>> Segment::attach(sys::Fd fd) {
  const Result<Bytes> size = sys::sealed_size(fd.get());
  if (!size) return size.error();
  if (size->value < kTableOffset) return Error{"this is no segment of arrays: it is too small"};
  SegmentFormat format;
  {
    const Result<sys::Mapping> page =
        sys::Mapping::of(fd.get(), Bytes{0}, Bytes{kTableOffset}, sys::Access::read);
    if (!page) return page.error();
    std::memcpy(&format, page->bytes().data(), sizeof format);
  }
  if (!plausible(format, *size)) {
    return Error{"this is no segment of arrays, or one of another version of headrace"};
  }
  Result<sys::Mapping> head =
      sys::Mapping::of(fd.get(), Bytes{0}, Bytes{format.data_offset}, sys::Access::write);
  if (!head) return head.error();
  return std::shared_ptr<Segment>(new Segment(std::move(fd), std::move(*head), format));
}

Result<std::byte*> Segment::data(sys::Access access) {
  const std::lock_guard lock(mapping_);
  sys::Mapping& mapping = access == sys::Access::write ? writable_ : readable_;
  if (!mapping) {
    Result<sys::Mapping> made = sys::Mapping::of(fd_.get(), data_offset_, data_bytes_, access);
    if (!made) return made.error();
    mapping = std::move(*made);
  }
  return mapping.bytes().data();
}

bool Segment::is(const shm::BlockName& name) const {
  return name.segment == id_ && name.block < blocks_ && entry(name.block).state.load() == kUsed &&
         entry(name.block).generation.load() == name.generation;
}

Result<Extent> Segment::find(const shm::BlockName& name) const {
  if (!is(name)) return Error{"the array that a handle names does not exist (any more)"};
  const Extent extent{.offset = entry(name.block).offset.load(),
                      .bytes = entry(name.block).bytes.load()};
  if (extent.offset % 64 != 0 || extent.offset > data_bytes_.value ||
      extent.bytes > data_bytes_.value - extent.offset) {
    return Error{"the table of a segment of arrays is broken"};
  }
  return extent;
}

Status Segment::hold(shm::Participant me, const shm::BlockName& name) {
  if (!is(name)) return Error{"the array that a handle names does not exist (any more)"};
  BlockEntry& block = entry(name.block);
  const std::uint64_t before = word_of(block, me).fetch_or(bit_of(me));
  block.touched.fetch_add(1);
  // It was freed meanwhile, so nothing had mentioned it: the caller broke the rule.
  if (!is(name)) {
    if ((before & bit_of(me)) == 0) word_of(block, me).fetch_and(~bit_of(me));
    return Error{"the array that a handle names does not exist (any more)"};
  }
  return Ok{};
}

void Segment::drop(shm::Participant me, const shm::BlockName& name) {
  if (!is(name)) return;
  BlockEntry& block = entry(name.block);
  std::uint32_t writer = me.word;
  block.writer.compare_exchange_strong(writer, kInTransit);
  block.touched.fetch_add(1);
  word_of(block, me).fetch_and(~bit_of(me));
}

void Segment::touch(const shm::BlockName& name) {
  if (is(name)) entry(name.block).touched.fetch_add(1);
}

bool Segment::unreferenced(const shm::BlockName& name, const Mentions& mentions) const {
  const BlockEntry& block = entry(name.block);
  const std::uint64_t touched = block.touched.load();
  for (const std::atomic<std::uint64_t>& word : block.holders) {
    if (word.load() != 0) return false;
  }
  if (mentions(name)) return false;
  return block.touched.load() == touched;
}

void Segment::forget(shm::Participant dead) {
  for (BlockEntry& block : table_) {
    std::uint32_t writer = dead.word;
    block.writer.compare_exchange_strong(writer, kInTransit);
    if ((word_of(block, dead).load() & bit_of(dead)) == 0) continue;
    block.touched.fetch_add(1);
    word_of(block, dead).fetch_and(~bit_of(dead));
  }
}

bool Segment::empty(const Mentions& mentions) const {
  for (std::uint32_t i = 0; i < blocks_; ++i) {
    if (entry(i).state.load() == kFree) continue;
    const shm::BlockName name{.segment = id_, .block = i, .generation = entry(i).generation.load()};
    if (!unreferenced(name, mentions)) return false;
  }
  return true;
}

}  // namespace headrace::array
