// The process-wide functions of the public arrays, for whichever stand-in is the current one.
#include "array/fake_processes.h"

#include <stdexcept>

namespace headrace::detail {

std::shared_ptr<ArrayBlock> new_block(std::size_t bytes, bool zeroed) {
  array::FakeProcess& process = *array::FakeWorld::current;
  auto block = array::new_block(process.store(), process.holdings(), Bytes{bytes}, zeroed);
  if (!block) throw std::runtime_error(block.error().message);
  return *block;
}

std::shared_ptr<ArrayBlock> open_block(std::uint64_t segment, std::uint32_t block,
                                       std::uint32_t generation, bool writable) {
  array::FakeProcess& process = *array::FakeWorld::current;
  auto opened =
      array::open_block([&](std::uint64_t id) { return process.find(id); }, process.holdings(),
                        {.segment = segment, .block = block, .generation = generation}, writable);
  if (!opened) throw DecodeError(opened.error().message);
  return *opened;
}

}  // namespace headrace::detail
