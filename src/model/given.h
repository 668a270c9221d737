// Which keys of a model.toml the user gave and where each stands, so that an error found much
// later, against the model file, still points at the line to change.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace headrace::model {

struct Place {
  std::uint32_t line = 0;  // from 1; 0: no place known
  std::uint32_t column = 0;
  auto operator<=>(const Place&) const = default;
};

class Given {
 public:
  explicit Given(std::string file) : file_(std::move(file)) {}

  // Keys are dotted: "input.size".
  void add(std::string key, Place place) { places_.insert_or_assign(std::move(key), place); }
  bool has(std::string_view key) const { return places_.contains(key); }

  // The start of an error's sentence: "lite0/model.toml:7:8: ". For a key that was not given the
  // place of its section, or none.
  std::string at(std::string_view key) const;
  std::string at(Place place) const;

 private:
  std::string file_;  // as the user knows it
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace headrace::model
