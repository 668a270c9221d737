// Everything: pools of worker processes, queues between processes, arrays in shared memory.
//
// The guide is docs/library.md; each of these headers is the contract of what it declares.
#pragma once

#include "headrace/codec.h"
#include "headrace/init.h"
#include "headrace/outcome.h"
#include "headrace/pool.h"
#include "headrace/queue.h"
#include "headrace/shared_array.h"
