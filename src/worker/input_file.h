// Reading the file that an item's name stands for: by that name, or through a descriptor that came with
// the item.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/units.h"
#include "sys/fd.h"
#include "worker/body.h"

namespace headrace::worker {

// The whole file, in `buffer`, which is grown but never beyond `limit`. Otherwise the item has
// failed, as not_found, unreadable or too_large. Errors that may pass (a network share that is away) are
// tried again for 20 s.
std::optional<std::span<const std::byte>> read_input(Item& item, Bytes limit,
                                                     std::vector<std::byte>& buffer);
// The same through `file`, from its beginning; without one the item has failed as well.
std::optional<std::span<const std::byte>> read_input(Item& item, const sys::Fd& file, Bytes limit,
                                                     std::vector<std::byte>& buffer);

}  // namespace headrace::worker
