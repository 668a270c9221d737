#include "queue/queue_memory.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace headrace::queue {
namespace {

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
  return (value + to - 1) / to * to;
}

constexpr std::uint64_t kPage = 4096;  // payload pages begin at a page of the machine

struct Offsets {
  explicit Offsets(const QueueSettings& s)
      : references(round_up(sizeof(RecordFormat) + s.inline_bytes, sizeof(std::uint64_t))),
        stride(round_up(references + s.references * sizeof(ReferenceFormat), kLine)),
        // At least twice the records, so that push() never meets a full ring.
        ring_slots(std::max(1024U, std::bit_ceil(2 * s.records))),
        ring(sizeof(QueueHeader) + s.records * stride),
        table(ring + ring_slots * sizeof(std::uint64_t)),
        pages(round_up(table + s.pages * sizeof(PageFormat), kPage)),
        total(pages + std::uint64_t{s.pages} * s.page_bytes) {}
  std::uint64_t references;
  std::uint64_t stride;
  std::uint32_t ring_slots;
  std::uint64_t ring;
  std::uint64_t table;
  std::uint64_t pages;
  std::uint64_t total;
};

bool within(std::uint32_t value, std::uint32_t least, std::uint32_t most) {
  return value >= least && value <= most;
}

}  // namespace

Status QueueSettings::check() const {
  const auto range = [](const char* what, std::uint64_t most) {
    return Error{"a queue's " + std::string(what) + " are 1 to " + std::to_string(most)};
  };
  if (!within(records, 1, kMaxRecords)) return range("records", kMaxRecords);
  if (!within(attempts, 1, 255)) return range("attempts", 255);
  if (inline_bytes > kMaxInlineBytes) return range("inline bytes", kMaxInlineBytes);
  if (pages > kMaxPages) return range("pages", kMaxPages);
  if (references > kMaxReferences) return range("references", kMaxReferences);
  if (!within(page_bytes, 64, kMaxPageBytes) || page_bytes % 64 != 0) {
    return Error{"the pages of a queue have 64 bytes or a multiple of it, at most " +
                 std::to_string(kMaxPageBytes)};
  }
  return Ok{};
}

Bytes QueueSettings::total() const {
  return {Offsets(*this).total};
}

QueueMemory::QueueMemory(sys::SharedMemory memory, const QueueSettings& settings)
    : memory_(std::move(memory)), settings_(settings), base_(memory_.bytes().data()) {
  const Offsets offsets(settings);
  record_stride_ = offsets.stride;
  references_offset_ = offsets.references;
  ring_offset_ = offsets.ring;
  table_offset_ = offsets.table;
  pages_offset_ = offsets.pages;
  ring_mask_ = offsets.ring_slots - 1;
  ring_shift_ = static_cast<std::uint32_t>(std::countr_zero(offsets.ring_slots));
}

Result<QueueMemory> QueueMemory::create(const QueueSettings& settings) {
  if (Status good = settings.check(); !good) return good.error();
  const Bytes total = settings.total();
  Result<sys::SharedMemory> memory = sys::SharedMemory::create("headrace-queue", total);
  if (!memory) return memory.error();
  QueueMemory made(std::move(*memory), settings);
  // The memory is all zeros: records FREE, slots empty for lap 0, pages nobody's, the queue open.
  QueueHeader& header = made.header();
  header.version = kQueueVersion;
  header.header_bytes = sizeof(QueueHeader);
  header.records = settings.records;
  header.inline_bytes = settings.inline_bytes;
  header.page_bytes = settings.page_bytes;
  header.pages = settings.pages;
  header.attempts = settings.attempts;
  header.references = settings.references;
  header.total_bytes = total.value;
  header.magic = kQueueMagic;
  return made;
}

Result<QueueMemory> QueueMemory::attach(sys::Fd fd) {
  Result<sys::SharedMemory> memory =
      sys::SharedMemory::attach(std::move(fd), Bytes{sizeof(QueueHeader)});
  if (!memory) return memory.error();
  const auto& header = *reinterpret_cast<const QueueHeader*>(memory->bytes().data());
  const QueueSettings settings{.records = header.records,
                               .inline_bytes = header.inline_bytes,
                               .page_bytes = header.page_bytes,
                               .pages = header.pages,
                               .attempts = header.attempts,
                               .references = header.references};
  if (header.magic != kQueueMagic || header.version != kQueueVersion ||
      header.header_bytes != sizeof(QueueHeader)) {
    return Error{"the queue is of another version of headrace"};
  }
  if (Status good = settings.check(); !good) return good.error();
  const std::uint64_t total = settings.total().value;
  if (header.total_bytes != total || memory->bytes().size() < total) {
    return Error{"the queue's memory is smaller than its settings say"};
  }
  return QueueMemory(std::move(*memory), settings);
}

}  // namespace headrace::queue
