// Reading a TOML document strictly: every key is known, every value has the right type and range.
//
// All problems of a document are gathered, each with its place, and reported together in the order
// of the lines. Nothing here knows what the keys mean.
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/given.h"
#include "model/toml.h"
#include "model/wording.h"
#include "model/words.h"

namespace headrace::model {

// A section that may stand in the document, and its keys. The one without a name is the top of the
// file.
struct SectionKeys {
  std::string_view name;
  std::span<const std::string_view> keys;
};

// A section that does stand there.
struct Section {
  SectionKeys known;
  const toml::table* table = nullptr;

  const toml::node* get(std::string_view key) const { return table->get(key); }
  std::string key(std::string_view word) const;  // dotted
  std::string title() const;                     // "in [input]"
};

class TomlReader {
 public:
  // `sections` are all that may stand in the document, the top first; `file` is how the user knows
  // it.
  TomlReader(std::span<const SectionKeys> sections, const std::string& file)
      : sections_(sections), given_(file) {}

  // Checks the keys of `table` and remembers their places.
  Section top(const toml::table& table);
  // The named section; nothing when it is not there.
  std::optional<Section> section(const toml::table& top, std::string_view name);

  // Each returns nothing when the key is not there, or after noting what is wrong with its value.
  std::optional<std::string> text(const Section& in, std::string_view key);
  std::optional<bool> flag(const Section& in, std::string_view key);
  std::optional<std::uint32_t> whole(const Section& in, std::string_view key, std::uint32_t most);
  std::optional<std::uint32_t> whole(const toml::node& node, const std::string& key,
                                     std::uint32_t most);
  // One number or an array of them; `divisor` forbids zero.
  std::optional<std::vector<float>> numbers(const Section& in, std::string_view key, bool divisor);
  std::optional<std::vector<std::string>> texts(const toml::array& list, const std::string& key);
  template <class E, std::size_t N>
  std::optional<E> word(const Section& in, std::string_view key, const Words<E, N>& words) {
    const auto given = text(in, key);
    if (!given) return std::nullopt;
    const auto value = words.value(*given);
    if (!value) not_a_word(in, key, *given, words.words);
    return value;
  }

  // Keys that would be passed over in silence are a problem: the user believes that they do
  // something. `rest` says when they have no effect, and what to do.
  void no_effect(const Section& in, std::initializer_list<std::string_view> keys,
                 const std::string& rest);
  void not_a_word(const Section& in, std::string_view key, std::string_view word,
                  std::span<const std::string_view> valid);
  void wrong_type(const toml::node& node, const std::string& key, std::string_view wanted);
  void problem(const toml::node& node, std::string what);

  const Given& given() const { return given_; }
  // All problems, a line each; nothing when there are none.
  std::optional<Error> error();

 private:
  struct Problem {
    Place place;
    std::string what;
  };
  void check_keys(const Section& in);
  void unknown_key(const Section& in, const toml::key& key, const toml::node& node);
  std::optional<float> number(const toml::node& node, const std::string& key, bool divisor);

  std::span<const SectionKeys> sections_;
  Given given_;
  std::vector<Problem> problems_;
};

Place place(const toml::source_region& region);

}  // namespace headrace::model
