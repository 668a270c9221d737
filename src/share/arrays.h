// Where this process makes and holds its arrays: the environment of the public SharedArray.
#pragma once

#include <cstddef>
#include <memory>

#include "array/holdings.h"
#include "array/store.h"
#include "shm/participant.h"

namespace headrace::share {

// What this process holds. Made at first use, after Registry::become_worker().
array::Holdings& holdings();
array::ArrayStore& store();

}  // namespace headrace::share
