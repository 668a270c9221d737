// What travels instead of an array, and who may write what it names.
//
//   mode u8 | kind u8 | dimensions u8 | 0 | element_bytes u32
//   segment u64 | block u32 | generation u32 | offset u64           not for an empty one, as all below
//   (shape u64 | stride u64) x dimensions
//   index u32 | rows u32 | columns u32 | owners_block u32 | owners_segment u64 | owners_generation
//   u32 | 0 u32                                                       only for a part
#include <headrace/shared_array.h>

#include <cstdio>

#include "shm/participant.h"

namespace headrace::detail {
namespace {

static_assert(sizeof(std::size_t) == sizeof(std::uint64_t));

constexpr std::array kModes{"empty", "exclusive", "frozen", "partitioned"};

template <class T>
void append(Encoder& to, T value) {
  to.raw(&value, sizeof value);
}

// The number of elements, or an error when it does not fit the address space.
std::size_t checked_size(const Layout& layout) {
  std::size_t size = 1;
  bool empty = false;
  for (std::size_t d = 0; d < layout.dimensions; ++d) {
    if (layout.shape[d] == 0)
      empty = true;
    else if (__builtin_mul_overflow(size, layout.shape[d], &size) || size >> 62 != 0) {
      throw DecodeError("the handle of an array has an impossible shape");
    }
  }
  return empty ? 0 : size;
}

void read_layout(Decoder& from, ArrayHandle& handle, std::size_t dimensions) {
  Layout& layout = handle.layout;
  layout.dimensions = dimensions;
  for (std::size_t d = 0; d < dimensions; ++d) {
    layout.shape[d] = from.operator()<std::uint64_t>();
    layout.strides[d] = from.operator()<std::uint64_t>();
  }
  const std::size_t size = checked_size(layout);
  if (handle.mode == ArrayMode::frozen) return;  // may be a slice
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(size, handle.element_bytes, &bytes) || bytes >> 62 != 0) {
    throw DecodeError("the handle of an array has an impossible shape");
  }
  bool row_major = true;
  std::size_t stride = 1;
  for (std::size_t d = dimensions; d-- > 0; stride *= layout.shape[d]) {
    row_major = row_major && layout.strides[d] == stride;
  }
  if (!row_major) throw DecodeError("the handle of an array has impossible strides");
}

void read_part(Decoder& from, ArrayHandle& handle) {
  handle.part.index = from.operator()<std::uint32_t>();
  handle.part.rows = from.operator()<std::uint32_t>();
  handle.part.columns = from.operator()<std::uint32_t>();
  handle.owners_block = from.operator()<std::uint32_t>();
  handle.owners_segment = from.operator()<std::uint64_t>();
  handle.owners_generation = from.operator()<std::uint32_t>();
  from.operator()<std::uint32_t>();
  const PartOf& part = handle.part;
  if (part.rows == 0 || part.columns == 0 || part.rows > kMaxParts ||
      part.columns > kMaxParts / part.rows || part.index >= part.count() ||
      (part.columns > 1 && handle.layout.dimensions < 2)) {
    throw DecodeError("the handle of an array names an impossible part");
  }
}

// Every element lies in the block.
void check_extent(const ArrayHandle& handle, const ArrayBlock& block) {
  const std::size_t room = block.bytes / handle.element_bytes;
  const std::size_t size = checked_size(handle.layout);
  std::size_t last = handle.offset;
  bool outside = handle.offset > room || size > room;
  for (std::size_t d = 0; size > 0 && !outside && d < handle.layout.dimensions; ++d) {
    std::size_t reach = 0;
    outside =
        __builtin_mul_overflow(handle.layout.shape[d] - 1, handle.layout.strides[d], &reach) ||
        __builtin_add_overflow(last, reach, &last);
  }
  if (outside || (size > 0 && last >= room)) {
    throw DecodeError("the handle of an array reaches beyond the array's memory");
  }
}

std::string name_of(const ArrayBlock& block) {
  char text[48];
  std::snprintf(text, sizeof text, "array %016llx/%u",
                static_cast<unsigned long long>(block.segment), block.block);
  return text;
}

std::string describe_owner(std::uint32_t word) {
  if (word == kWriterInTransit) return "nobody: it was given away and not taken yet";
  if (word == kWriterParts) return "the owners of its parts";
  if (word == kWriterFrozen) return "nobody: it is frozen";
  const shm::Participant owner{word};
  return "participant " + std::to_string(owner.place()) + "." + std::to_string(owner.tenant());
}

}  // namespace

void write_handle(Encoder& to, const ArrayHandle& handle) {
  append(to, static_cast<std::uint8_t>(handle.mode));
  append(to, handle.kind);
  append(to, static_cast<std::uint8_t>(handle.layout.dimensions));
  append(to, std::uint8_t{0});
  append(to, handle.element_bytes);
  if (handle.mode == ArrayMode::empty) return;
  append(to, handle.segment);
  append(to, handle.block);
  append(to, handle.generation);
  append(to, handle.offset);
  for (std::size_t d = 0; d < handle.layout.dimensions; ++d) {
    append(to, std::uint64_t{handle.layout.shape[d]});
    append(to, std::uint64_t{handle.layout.strides[d]});
  }
  if (handle.mode != ArrayMode::part) return;
  append(to, handle.part.index);
  append(to, handle.part.rows);
  append(to, handle.part.columns);
  append(to, handle.owners_block);
  append(to, handle.owners_segment);
  append(to, handle.owners_generation);
  append(to, std::uint32_t{0});
}

ArrayHandle read_handle(Decoder& from, ArrayMode expected, char kind, std::size_t element_bytes) {
  const auto mode = from.operator()<std::uint8_t>();
  ArrayHandle handle;
  handle.kind = from.operator()<char>();
  const std::size_t dimensions = from.operator()<std::uint8_t>();
  from.operator()<std::uint8_t>();
  handle.element_bytes = from.operator()<std::uint32_t>();
  if (mode == static_cast<std::uint8_t>(ArrayMode::empty)) return {};
  if (mode >= kModes.size()) throw DecodeError("these bytes are not the handle of an array");
  handle.mode = static_cast<ArrayMode>(mode);
  if (handle.mode != expected) {
    throw DecodeError(std::string("the bytes hold the handle of an array that is ") + kModes[mode] +
                      ", not " + kModes[static_cast<std::size_t>(expected)]);
  }
  if (handle.kind != kind || handle.element_bytes != element_bytes) {
    throw DecodeError("the elements of the array are of another type than is expected");
  }
  if (dimensions == 0 || dimensions > kMaxDimensions) {
    throw DecodeError("the handle of an array has an impossible number of dimensions");
  }
  handle.segment = from.operator()<std::uint64_t>();
  handle.block = from.operator()<std::uint32_t>();
  handle.generation = from.operator()<std::uint32_t>();
  handle.offset = from.operator()<std::uint64_t>();
  read_layout(from, handle, dimensions);
  if (handle.mode == ArrayMode::part) read_part(from, handle);
  return handle;
}

std::shared_ptr<ArrayBlock> open_handle(const ArrayHandle& handle) {
  const bool writable = handle.mode != ArrayMode::frozen;
  std::shared_ptr<ArrayBlock> block =
      open_block(handle.segment, handle.block, handle.generation, writable);
  check_extent(handle, *block);
  const std::uint32_t writer = block->writer->load();
  if (handle.mode == ArrayMode::frozen && writer != kWriterFrozen) {
    throw DecodeError("the array is not frozen, although its handle says so");
  }
  if (handle.mode != ArrayMode::frozen && writer == kWriterFrozen) {
    throw DecodeError("the array was frozen meanwhile: nobody may write it any more");
  }
  if (handle.mode == ArrayMode::part && writer != kWriterParts) {
    throw DecodeError("the array is not cut into parts any more");
  }
  // Not only from "in transit": a task that is run again finds the claim of the one that failed.
  if (handle.mode == ArrayMode::exclusive) block->writer->store(block->self);
  return block;
}

std::shared_ptr<ArrayBlock> open_owners(const ArrayHandle& handle) {
  if (handle.owners_segment == 0) return nullptr;
  std::shared_ptr<ArrayBlock> owners = open_block(handle.owners_segment, handle.owners_block,
                                                  handle.owners_generation, /*writable=*/true);
  if (owners->bytes / sizeof(std::uint32_t) < handle.part.count()) {
    throw DecodeError("the handle of an array names impossible owners");
  }
  return owners;
}

Reference reference_to(const std::shared_ptr<ArrayBlock>& block) {
  return {.segment = block->segment,
          .block = block->block,
          .generation = block->generation,
          .holder = block};
}

void give_away(ArrayBlock& block) {
  block.writer->store(kWriterInTransit);
}

void throw_empty() {
  throw std::logic_error("this array is empty: it was moved from, or given away in a task or item");
}

void throw_given_away() {
  throw std::logic_error(
      "this array was given away before, or moved from; freeze() an array to send it to several");
}

void throw_not_contiguous(const Layout& layout) {
  throw std::logic_error("the elements do not lie in a row: shape " +
                         describe(std::span(layout.shape).first(layout.dimensions)) + ", strides " +
                         describe(std::span(layout.strides).first(layout.dimensions)));
}

void check_owner(const ArrayBlock& block, const std::atomic<std::uint32_t>* owner) {
  const std::uint32_t word = owner == nullptr ? block.self : owner->load();
  if (word == block.self) return;
  throw std::logic_error(name_of(block) + ": " + describe_owner(block.self) +
                         " uses what it does not own; the owner is " + describe_owner(word));
}

void check_access(const ArrayBlock& block, const std::atomic<std::uint32_t>* owner,
                  const Layout& layout, std::span<const std::size_t> index) {
  try {
    layout.check(index);
    check_owner(block, owner);
  } catch (const std::out_of_range& error) {
    throw std::logic_error(name_of(block) + ": " + error.what());
  } catch (const std::logic_error& error) {
    throw std::logic_error(std::string(error.what()) + ", at index " + describe(index));
  }
}

}  // namespace headrace::detail
