// From a store and the process's holdings to the blocks that the public arrays stand on.
#pragma once

#include <headrace/shared_array.h>

#include <functional>
#include <memory>

#include "array/holdings.h"
#include "array/store.h"

namespace headrace::array {

// The segment of that id, attached if need be; an error when nobody knows it.
using FindSegment = std::function<Result<std::shared_ptr<Segment>>(std::uint64_t id)>;

// A new block of the store, writable by this process alone.
Result<std::shared_ptr<detail::ArrayBlock>> new_block(ArrayStore& store, Holdings& holdings,
                                                      Bytes bytes, bool zeroed);
// A block that a handle names. The bytes of the handle, or what carries them, mention the block
// until this returns.
Result<std::shared_ptr<detail::ArrayBlock>> open_block(const FindSegment& find, Holdings& holdings,
                                                       const shm::BlockName& name, bool writable);

}  // namespace headrace::array
