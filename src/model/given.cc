#include "model/given.h"

namespace headrace::model {

std::string Given::at(Place place) const {
  if (place.line == 0) return file_ + ": ";
  return file_ + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": ";
}

std::string Given::at(std::string_view key) const {
  while (!key.empty()) {
    if (const auto found = places_.find(key); found != places_.end()) return at(found->second);
    const std::size_t dot = key.rfind('.');
    key = dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
  }
  return at(Place{});
}

}  // namespace headrace::model
