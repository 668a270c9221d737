// The list of functions that this program can be told to run (headrace/task.h).
#include <headrace/task.h>

#include <cstdint>

#include "sys/plugin_library.h"

namespace headrace::detail {
namespace {

// Entered into before main() begins, and when a library is loaded; never left.
constinit const Function* first = nullptr;

}  // namespace

Function::Function(decltype(run) run_, decltype(make_state) make_state_,
                   const std::type_info* state_, bool plain_result_)
    : run(run_), make_state(make_state_), plain_result(plain_result_), state(state_), next(first) {
  first = this;
}

const Function* functions() {
  return first;
}

std::uint64_t key_of(const Function& function) {
  if (const std::uint64_t known = function.key.load(std::memory_order_relaxed)) return known;
  const sys::Place place = sys::place_of(&function);
  // FNV-1a over the module's name, then where in it: two functions never share a place, and modules
  // are few.
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : place.module) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  const std::uint64_t key = hash << 40 ^ place.offset;
  function.key.store(key, std::memory_order_relaxed);
  return key;
}

}  // namespace headrace::detail
