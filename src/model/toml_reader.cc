#include "model/toml_reader.h"

#include <cmath>
#include <utility>

namespace headrace::model {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a section";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

Place place(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line),
          static_cast<std::uint32_t>(region.begin.column)};
}

std::string Section::key(std::string_view word) const {
  return known.name.empty() ? std::string(word) : std::string(known.name) + "." + std::string(word);
}

std::string Section::title() const {
  return known.name.empty() ? "at the top of the file" : "in [" + std::string(known.name) + "]";
}

Section TomlReader::top(const toml::table& table) {
  const Section found{sections_.front(), &table};
  check_keys(found);
  return found;
}

std::optional<Section> TomlReader::section(const toml::table& top, std::string_view name) {
  const toml::node* node = top.get(name);
  if (node == nullptr) return std::nullopt;
  if (!node->is_table()) {
    problem(*node, std::string(name) + " must be one section: write [" + std::string(name) +
                       "] on a line of its own, and its keys below");
    return std::nullopt;
  }
  const auto known = std::ranges::find(sections_, name, &SectionKeys::name);
  if (known == sections_.end()) return std::nullopt;
  const Section found{*known, node->as_table()};
  check_keys(found);
  return found;
}

void TomlReader::check_keys(const Section& in) {
  for (auto&& [key, node] : *in.table) {
    if (contains(in.known.keys, key.str())) {
      given_.add(in.key(key.str()), place(node.source()));
    } else {
      unknown_key(in, key, node);
    }
  }
}

void TomlReader::unknown_key(const Section& in, const toml::key& key, const toml::node& node) {
  const std::string_view word = key.str();
  const Place where = place(key.source());
  if (in.known.name.empty() && (node.is_table() || node.is_array_of_tables())) {
    std::vector<std::string_view> names;
    for (const SectionKeys& section : sections_.subspan(1)) names.push_back(section.name);
    problems_.push_back(
        {where, "unknown section " + in_quotes(word) + ": " + suggestion(word, names)});
    return;
  }
  for (const SectionKeys& section : sections_) {
    if (!contains(section.keys, word)) continue;
    problems_.push_back(
        {where, in_quotes(word) + " does not belong " + in.title() + ": move it " +
                    (section.name.empty() ? "to the top of the file, before the first [section]"
                                          : "into [" + std::string(section.name) + "]")});
    return;
  }
  problems_.push_back({where, "unknown key " + in_quotes(word) + " " + in.title() + ": " +
                                  suggestion(word, in.known.keys)});
}

void TomlReader::no_effect(const Section& in, std::initializer_list<std::string_view> keys,
                           const std::string& rest) {
  for (const std::string_view key : keys) {
    if (const toml::node* node = in.get(key)) {
      problem(*node, in.key(key) + " has no effect " + rest);
    }
  }
}

void TomlReader::not_a_word(const Section& in, std::string_view key, std::string_view word,
                            std::span<const std::string_view> valid) {
  problem(*in.get(key),
          in.key(key) + " cannot be " + in_quotes(word) + ": " + suggestion(word, valid));
}

void TomlReader::wrong_type(const toml::node& node, const std::string& key,
                            std::string_view wanted) {
  problem(node,
          key + " must be " + std::string(wanted) + ", but is " + std::string(type_name(node)));
}

void TomlReader::problem(const toml::node& node, std::string what) {
  problems_.push_back({place(node.source()), std::move(what)});
}

std::optional<std::string> TomlReader::text(const Section& in, std::string_view key) {
  const toml::node* node = in.get(key);
  if (node == nullptr) return std::nullopt;
  auto value = node->value_exact<std::string>();
  if (!value) {
    wrong_type(*node, in.key(key), "a text in quotes");
  } else if (value->empty()) {
    problem(*node, in.key(key) + " is empty: give it a value, or remove the line");
  } else if (value->find('\0') != std::string::npos) {
    problem(*node, in.key(key) + " holds a NUL character: remove it");
  } else {
    return value;
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> TomlReader::texts(const toml::array& list,
                                                          const std::string& key) {
  std::vector<std::string> found;
  if (list.empty()) problem(list, key + " is empty: write at least one, or remove the line");
  for (const toml::node& entry : list) {
    const auto value = entry.value_exact<std::string>();
    if (!value) {
      wrong_type(entry, "each of " + key, "a text in quotes");
      return std::nullopt;
    }
    found.push_back(*value);
  }
  return found;
}

std::optional<bool> TomlReader::flag(const Section& in, std::string_view key) {
  const toml::node* node = in.get(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->value_exact<bool>();
  if (!value) wrong_type(*node, in.key(key), "true or false, without quotes");
  return value;
}

std::optional<std::uint32_t> TomlReader::whole(const Section& in, std::string_view key,
                                               std::uint32_t most) {
  const toml::node* node = in.get(key);
  return node == nullptr ? std::nullopt : whole(*node, in.key(key), most);
}

std::optional<std::uint32_t> TomlReader::whole(const toml::node& node, const std::string& key,
                                               std::uint32_t most) {
  const auto value = node.value_exact<std::int64_t>();
  if (!value) {
    wrong_type(node, key, "a whole number");
  } else if (*value < 1 || *value > most) {
    problem(node, key + " is " + std::to_string(*value) + ", but must be from 1 to " +
                      std::to_string(most));
  } else {
    return static_cast<std::uint32_t>(*value);
  }
  return std::nullopt;
}

std::optional<float> TomlReader::number(const toml::node& node, const std::string& key,
                                        bool divisor) {
  if (!node.is_number()) {
    wrong_type(node, key, "a number or an array of numbers");
    return std::nullopt;
  }
  const auto value = static_cast<float>(node.value<double>().value_or(NAN));
  if (!std::isfinite(value)) {
    problem(node, key + " must be a finite number");
  } else if (divisor && !std::isnormal(value)) {
    problem(node,
            key + " must not be 0, since pixels are divided by it: 1 leaves them as they are");
  } else {
    return value;
  }
  return std::nullopt;
}

std::optional<std::vector<float>> TomlReader::numbers(const Section& in, std::string_view key,
                                                      bool divisor) {
  const toml::node* node = in.get(key);
  if (node == nullptr) return std::nullopt;
  std::vector<float> found;
  const toml::array* list = node->as_array();
  if (list == nullptr) {
    const auto value = number(*node, in.key(key), divisor);
    if (!value) return std::nullopt;
    found.push_back(*value);
    return found;
  }
  for (const toml::node& entry : *list) {
    const auto value = number(entry, in.key(key), divisor);
    if (!value) return std::nullopt;
    found.push_back(*value);
  }
  return found;
}

std::optional<Error> TomlReader::error() {
  if (problems_.empty()) return std::nullopt;
  std::ranges::stable_sort(problems_, {}, &Problem::place);
  std::string message;
  for (const Problem& problem : problems_) {
    if (!message.empty()) message += '\n';
    message += given_.at(problem.place) + problem.what;
  }
  return Error{std::move(message)};
}

}  // namespace headrace::model
