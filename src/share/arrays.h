// Where this process makes and holds its arrays: the environment of the public SharedArray.
#pragma once

#include <headrace/shared_array.h>

#include <memory>

#include "array/holdings.h"
#include "array/store.h"
#include "base/result.h"
#include "shm/participant.h"

namespace headrace::share {

// What this process holds. Made at first use, after Registry::become_worker().
array::Holdings& holdings();
array::ArrayStore& store();
// Like detail::open_block(), for those who must not wait.
Result<std::shared_ptr<detail::ArrayBlock>> open_known_block(const shm::BlockName& name);

}  // namespace headrace::share
