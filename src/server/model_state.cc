#include "server/model_state.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace headrace::server {
namespace {

using enum ModelState;

constexpr std::pair<ModelState, ModelState> kMoves[] = {
    {waiting, reading},   // its turn has come
    {waiting, gone},      // nobody wants it any more
    {reading, loading},   // it is a model, and has room
    {reading, gone},      // it is none, or has no room
    {loading, serving},   // its workers are ready
    {loading, leaving},   // they cannot become ready, or nobody wants it any more
    {serving, retiring},  // another has taken its place, or it was unloaded
    {retiring, leaving},  // every request is answered, or the grace is over
    {leaving, gone},      // its workers are reaped, and nobody holds it
};

}  // namespace

std::string_view phrase(ModelState state) {
  switch (state) {
    case waiting:
      return "waits for another change";
    case reading:
      return "is being read";
    case loading:
      return "is loading";
    case serving:
      return "takes requests";
    case retiring:
      return "answers its last requests";
    case leaving:
      return "lets its workers go";
    case gone:
      return "is gone";
  }
  return "is lost";
}

bool legal(ModelState from, ModelState to) {
  for (const auto& [a, b] : kMoves) {
    if (a == from && b == to) return true;
  }
  return false;
}

void move(ModelState& state, ModelState to) {
  if (!legal(state, to)) {
    throw std::logic_error("a model that " + std::string(phrase(state)) +
                           " cannot become one that " + std::string(phrase(to)));
  }
  state = to;
}

}  // namespace headrace::server
