// Walking JSON that anybody may have written, with simdjson's On-Demand reader: nothing is built in
// memory, and every value is looked at, so that what is no JSON is refused wherever it stands.
//
// Of this folder alone. The first thing found wrong is kept, and ends the walk.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "oip/datatype.h"
#include "oip/refusal.h"

namespace headrace::oip {

class JsonReader {
 protected:
  using Value = simdjson::ondemand::value;
  using Type = simdjson::ondemand::json_type;

  // `what` it is that is no JSON: "the request".
  explicit JsonReader(std::string_view what) : what_(what) {}

  // Every function that reads returns false after a refusal.
  bool refuse(std::string message, Refusal::Kind kind = Refusal::Kind::invalid) {
    if (!refusal_) refusal_ = Refusal{kind, std::move(message)};
    return false;
  }
  bool broken(simdjson::error_code error) {
    return refuse(std::string(what_) + " is no valid JSON: " + simdjson::error_message(error));
  }
  // What was found wrong, if anything was.
  const std::optional<Refusal>& problem() const { return refusal_; }

  // Calls `each(key, value)` for the fields of an object, in their order. The key is valid during
  // the call.
  template <class Each>
  bool fields(simdjson::ondemand::object object, Each each) {
    for (auto field : object) {
      std::string_view key;
      Value value;
      if (const auto error = field.unescaped_key().get(key)) return broken(error);
      if (const auto error = field.value().get(value)) return broken(error);
      if (!each(key, value)) return false;
    }
    return true;
  }
  template <class Each>
  bool fields(Value value, const std::string& name, Each each) {
    simdjson::ondemand::object object;
    if (value.get_object().get(object)) return refuse(name + " must be an object");
    return fields(object, each);
  }
  template <class Each>
  bool elements(Value value, const std::string& name, Each each) {
    simdjson::ondemand::array array;
    if (value.get_array().get(array)) return refuse(name + " must be an array");
    for (auto element : array) {
      Value item;
      if (const auto error = element.get(item)) return broken(error);
      if (!each(item)) return false;
    }
    return true;
  }
  // The whole document, an object, with nothing behind it.
  template <class Each>
  bool document(simdjson::ondemand::parser& parser, simdjson::padded_string_view text, Each each) {
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    if (const auto error = parser.iterate(text).get(document)) return broken(error);
    if (const auto error = document.get_object().get(object)) {
      if (error == simdjson::INCORRECT_TYPE)
        return refuse(std::string(what_) + " must be a JSON object");
      return broken(error);
    }
    if (!fields(object, each)) return false;
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return broken(simdjson::TRAILING_CONTENT);
    return true;
  }

  bool text(Value value, const std::string& name, std::size_t most_bytes, std::string& out) {
    std::string_view content;
    if (const auto error = value.get_string().get(content)) {
      if (error == simdjson::INCORRECT_TYPE) return refuse(name + " must be a string");
      return broken(error);
    }
    if (content.size() > most_bytes)
      return refuse(name + " is longer than " + std::to_string(most_bytes) + " bytes");
    out = content;
    return true;
  }

  // False for anything else, what only begins like a null among it.
  bool is_null(Value value) {
    Type type{};
    return !value.type().get(type) && type == Type::null && is_valid_null(value);
  }

  // Looks at a value that nobody asked for.
  bool pass_over(Value value, int depth) {
    if (depth > kMostJsonDepth) return too_deep();
    Type type{};
    if (const auto error = value.type().get(type)) return broken(error);
    switch (type) {
      case Type::object:
        return fields(value, "it",
                      [&](std::string_view, Value v) { return pass_over(v, depth + 1); });
      case Type::array:
        return elements(value, "it", [&](Value v) { return pass_over(v, depth + 1); });
      case Type::string:
        return accept(value.get_string());
      case Type::number:
        return accept(value.get_double());
      case Type::boolean:
        return accept(value.get_bool());
      case Type::null:
        return is_valid_null(value) || broken(simdjson::N_ATOM_ERROR);
    }
    return broken(simdjson::TAPE_ERROR);
  }
  bool too_deep() {
    return refuse(std::string(what_) + " is nested more than " + std::to_string(kMostJsonDepth) +
                  " deep");
  }

 private:
  template <class T>
  bool accept(simdjson::simdjson_result<T> result) {
    return !result.error() || broken(result.error());
  }
  static bool is_valid_null(Value value) {
    bool null = false;
    return !value.is_null().get(null) && null;
  }

  std::string_view what_;
  std::optional<Refusal> refusal_;
};

}  // namespace headrace::oip
