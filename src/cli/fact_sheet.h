// What was found out, as headings with facts under them: for people, for a paste, for machines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace headrace::cli {

struct Fact {
  std::string key;
  std::string value;  // one line
};

struct Section {
  std::string heading;
  std::vector<Fact> facts{};

  void add(std::string key, const std::string& value);
  // Notes why there is no value: one fact that cannot be had never costs the others.
  void add(std::string key, const Result<std::string>& value);
};

// "== heading", then a line "key: value" a fact.
std::string to_text(const std::vector<Section>& sections);
// The same with values in one column.
std::string to_table(const std::vector<Section>& sections);
// {"heading": [{"key": ..., "value": ...}]}: a list, for a key may come twice.
nlohmann::ordered_json to_json(const std::vector<Section>& sections);

}  // namespace headrace::cli
