// The life of a model that is served, from being asked for to being gone.
#pragma once

#include <string_view>

namespace headrace::server {

enum class ModelState : unsigned char {
  waiting,   // for the change before it to be over
  reading,   // its files are read
  loading,   // its workers start, beside those of the one that it replaces
  serving,   // requests go to it
  retiring,  // no new requests; those that it has are answered
  leaving,   // its workers leave
  gone,
};

// "is loading": what to say of it.
std::string_view phrase(ModelState state);
bool legal(ModelState from, ModelState to);
// Throws std::logic_error when that is no legal move.
void move(ModelState& state, ModelState to);

}  // namespace headrace::server
