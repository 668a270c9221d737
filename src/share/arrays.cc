#include "share/arrays.h"

#include <headrace/codec.h>
#include <headrace/shared_array.h>

#include <limits>

#include "array/blocks.h"
#include "plan/budget.h"
#include "share/registry.h"
#include "sys/cgroup.h"

namespace headrace::share {
namespace {

Bytes memory_left() {
  const auto left = plan::memory_headroom(sys::read_cgroup());
  return left.value_or(Bytes{std::numeric_limits<std::uint64_t>::max()});
}

}  // namespace

array::Holdings& holdings() {
  // Never destroyed, like the registry, for arrays in static objects.
  Registry::here().settle_identity();
  static auto* const holdings = new array::Holdings(Registry::here().self());
  return *holdings;
}

array::ArrayStore& store() {
  Registry::here().settle_identity();
  static auto* const store = new array::ArrayStore(
      {}, {.self = Registry::here().self(),
           .mentions = [](const shm::BlockName& name) { return Registry::here().mentions(name); },
           .announce = [](const auto& segment) { return Registry::here().announce(segment); },
           .retire = [](std::uint64_t id) { Registry::here().retire_segment(id); },
           .memory_left = memory_left});
  return *store;
}

Result<std::shared_ptr<detail::ArrayBlock>> open_known_block(const shm::BlockName& name) {
  const array::FindSegment find = [](std::uint64_t id) {
    return Registry::here().known_segment(id);
  };
  return array::open_block(find, holdings(), name, /*writable=*/false);
}

}  // namespace headrace::share

namespace headrace::detail {

std::shared_ptr<ArrayBlock> new_block(std::size_t bytes, bool zeroed) {
  auto block = array::new_block(share::store(), share::holdings(), Bytes{bytes}, zeroed);
  if (!block) throw std::runtime_error(block.error().message);
  return std::move(*block);
}

std::shared_ptr<ArrayBlock> open_block(std::uint64_t segment, std::uint32_t block,
                                       std::uint32_t generation, bool writable) {
  const array::FindSegment find = [](std::uint64_t id) {
    return share::Registry::here().find_segment(id);
  };
  auto opened = array::open_block(find, share::holdings(), {segment, block, generation}, writable);
  if (!opened) throw DecodeError(opened.error().message);
  return std::move(*opened);
}

}  // namespace headrace::detail
