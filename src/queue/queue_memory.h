// Where everything lies in the mapping of a shared queue.
//
// The sizes are checked when the queue is attached and kept in private memory from then on: whatever
// is scribbled over the header later, no index that passes the checks below leads out of the mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "queue/queue_format.h"
#include "queue/queue_settings.h"
#include "sys/fd.h"
#include "sys/memory.h"

namespace headrace::queue {

// Any thread. The accessors' indices must be below the sizes in settings() and ring_slots().
class QueueMemory {
 public:
  static Result<QueueMemory> create(const QueueSettings& settings);
  static Result<QueueMemory> attach(sys::Fd fd);

  int fd() const { return memory_.fd(); }
  const QueueSettings& settings() const { return settings_; }
  std::uint32_t ring_slots() const { return ring_mask_ + 1; }  // a power of two

  QueueHeader& header() const { return *at<QueueHeader>(0); }
  RecordFormat& record(std::uint32_t index) const {
    return *at<RecordFormat>(sizeof(QueueHeader) + index * record_stride_);
  }
  std::byte* inline_payload(std::uint32_t index) const {
    return base_ + sizeof(QueueHeader) + index * record_stride_ + sizeof(RecordFormat);
  }
  ReferenceFormat* references(std::uint32_t index) const {
    return at<ReferenceFormat>(sizeof(QueueHeader) + index * record_stride_ + references_offset_);
  }
  std::atomic<std::uint64_t>& slot(std::uint64_t position) const {
    return at<std::atomic<std::uint64_t>>(ring_offset_)[position & ring_mask_];
  }
  // The lap on which a position fills its slot.
  std::uint32_t lap(std::uint64_t position) const {
    return static_cast<std::uint32_t>(position >> ring_shift_) % RingWord::kLaps;
  }
  PageFormat& page_entry(std::uint32_t page) const { return at<PageFormat>(table_offset_)[page]; }
  std::byte* page(std::uint32_t page) const {
    return base_ + pages_offset_ + std::uint64_t{page} * settings_.page_bytes;
  }

 private:
  QueueMemory(sys::SharedMemory memory, const QueueSettings& settings);
  template <class T>
  T* at(std::uint64_t offset) const {
    return reinterpret_cast<T*>(base_ + offset);
  }

  sys::SharedMemory memory_;
  QueueSettings settings_;
  std::byte* base_ = nullptr;
  std::uint64_t record_stride_ = 0;
  std::uint64_t references_offset_ = 0;  // within a record
  std::uint64_t ring_offset_ = 0;
  std::uint64_t table_offset_ = 0;
  std::uint64_t pages_offset_ = 0;
  std::uint32_t ring_mask_ = 0;
  std::uint32_t ring_shift_ = 0;
};

}  // namespace headrace::queue
