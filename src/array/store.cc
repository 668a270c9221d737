#include "array/store.h"

#include <algorithm>
#include <cstdio>

namespace headrace::array {
namespace {

std::string mib(Bytes bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", bytes.mib());
  return text;
}

}  // namespace

ArrayStore::ArrayStore(StoreSettings settings, StoreWorld world)
    : settings_(settings), world_(std::move(world)) {}

Result<ArrayStore::Loan> ArrayStore::allocate(Bytes bytes) {
  const std::lock_guard lock(mutex_);
  if (std::optional<Loan> loan = from_existing(bytes)) return std::move(*loan);
  if (collect_all() > 0) {
    if (std::optional<Loan> loan = from_existing(bytes)) return std::move(*loan);
  }
  if (Status added = add_segment(bytes); !added) return added.error();
  if (std::optional<Loan> loan = from_existing(bytes)) return std::move(*loan);
  return Error{"no room for an array in a segment made for it"};
}

std::optional<ArrayStore::Loan> ArrayStore::from_existing(Bytes bytes) {
  for (OwnSegment& own : segments_) {
    if (const auto made = own.allocate(bytes.value)) {
      return Loan{.segment = own.segment(),
                  .name = made->name,
                  .extent = {.offset = made->offset, .bytes = bytes.value},
                  .fresh = made->fresh};
    }
  }
  return std::nullopt;
}

Result<Bytes> ArrayStore::size_of_next(Bytes bytes) {
  const Bytes usual =
      std::min(settings_.segment, std::max(settings_.first_segment, reserved_now()));
  const Bytes table{settings_.blocks * sizeof(BlockEntry) + kTableOffset + 2 * kDataAlignment};
  Bytes left;
  // First as it is, then without the segments that are empty and do not fit the request.
  for (const bool dropped : {false, true}) {
    if (dropped) drop_empty_segments();
    const Bytes used = reserved_now();
    left = Bytes{settings_.limit.value - std::min(settings_.limit, used).value};
    if (world_.memory_left) left = std::min(left, world_.memory_left());
    for (const Bytes size : {std::max(bytes, usual), std::max(bytes, Bytes{kDataAlignment})}) {
      if (left >= table && left.value - table.value >= size.value) return size;
    }
  }
  return Error{"no memory for an array of " + mib(bytes) + ": the arrays of this process have " +
               mib(reserved_now()) + ", and may take " + mib(left) +
               " more; let go of arrays, or raise the limit"};
}

Status ArrayStore::add_segment(Bytes bytes) {
  const Result<Bytes> size = size_of_next(bytes);
  if (!size) return size.error();
  Result<OwnSegment> made = OwnSegment::create(world_.self, *size, settings_.blocks);
  if (!made) return made.error();
  if (Status announced = world_.announce(made->segment()); !announced) return announced.error();
  segments_.push_back(std::move(*made));
  return Ok{};
}

void ArrayStore::drop_empty_segments() {
  std::erase_if(segments_, [&](const OwnSegment& own) {
    if (own.used_blocks() > 0) return false;
    if (world_.retire) world_.retire(own.segment()->id());
    return true;
  });
}

std::size_t ArrayStore::collect() {
  const std::lock_guard lock(mutex_);
  return collect_all();
}

void ArrayStore::trim() {
  const std::lock_guard lock(mutex_);
  collect_all();
  drop_empty_segments();
}

std::size_t ArrayStore::collect_all() {
  std::size_t freed = 0;
  for (OwnSegment& own : segments_) freed += own.collect(world_.mentions);
  return freed;
}

std::vector<std::shared_ptr<Segment>> ArrayStore::segments() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Segment>> all;
  all.reserve(segments_.size());
  for (const OwnSegment& own : segments_) all.push_back(own.segment());
  return all;
}

Bytes ArrayStore::reserved() const {
  const std::lock_guard lock(mutex_);
  return reserved_now();
}

Bytes ArrayStore::reserved_now() const {
  Bytes sum;
  for (const OwnSegment& own : segments_) sum = sum + own.segment()->total_bytes();
  return sum;
}

std::size_t ArrayStore::used_blocks() const {
  const std::lock_guard lock(mutex_);
  std::size_t used = 0;
  for (const OwnSegment& own : segments_) used += own.used_blocks();
  return used;
}

}  // namespace headrace::array
