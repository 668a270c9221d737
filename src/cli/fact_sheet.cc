#include "cli/fact_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace headrace::cli {
namespace {

// A line a fact, whatever a file held.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "; ";
    } else {
      out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return to_utf8(out);
}

}  // namespace

void Section::add(std::string key, const std::string& value) {
  facts.push_back({std::move(key), one_line(value)});
}

void Section::add(std::string key, const Result<std::string>& value) {
  add(std::move(key), value ? *value : "unreadable: " + value.error().message);
}

std::string to_text(const std::vector<Section>& sections) {
  std::string text;
  for (const Section& section : sections) {
    text += "== " + section.heading + "\n";
    for (const Fact& fact : section.facts) text += fact.key + ": " + fact.value + "\n";
  }
  return text;
}

std::string to_table(const std::vector<Section>& sections) {
  std::size_t width = 0;
  for (const Section& section : sections) {
    for (const Fact& fact : section.facts) width = std::max(width, fact.key.size());
  }
  std::string text;
  for (const Section& section : sections) {
    text += section.heading + "\n";
    for (const Fact& fact : section.facts)
      text += fmt::format("  {:<{}}  {}\n", fact.key, width, fact.value);
  }
  return text;
}

nlohmann::ordered_json to_json(const std::vector<Section>& sections) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const Section& section : sections) {
    nlohmann::ordered_json& facts = json[section.heading] = nlohmann::ordered_json::array();
    for (const Fact& fact : section.facts)
      facts.push_back({{"key", fact.key}, {"value", fact.value}});
  }
  return json;
}

}  // namespace headrace::cli
