#include "oip/json_data.h"

#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>

#include "oip/json_reader.h"

namespace headrace::oip {
namespace {

class DataReader : private JsonReader {
 public:
  DataReader(simdjson::ondemand::parser& parser, std::string_view name, const InferInput& input)
      : JsonReader("the request"), parser_(parser), name_(name), input_(input) {}

  // Calls `each(value)` for every value of the data, nested or flat, in row-major order.
  template <class Each>
  bool values(simdjson::padded_string_view json, Each each) {
    return document(parser_, json,
                    [&](std::string_view key, Value value) {
                      return key != "inputs" || inputs(value, each);
                    }) &&
           counted();
  }

  template <class T>
  bool fill(simdjson::padded_string_view json, std::span<std::byte> out) {
    std::byte* at = out.data();
    return values(json, [&](Value value) {
      T number{};
      if (!read(value, number)) return no_value(value);
      std::memcpy(at, &number, sizeof number);
      at += sizeof number;
      return true;
    });
  }

  bool fill_strings(simdjson::padded_string_view json, std::span<std::byte> out) {
    return values(json, [&](Value value) {
      std::string_view text;
      if (!string(value, text)) return false;
      const auto size = static_cast<std::uint32_t>(text.size());
      if (out.size() < sizeof size + text.size()) return refuse("the request changed");
      std::memcpy(out.data(), &size, sizeof size);
      std::memcpy(out.data() + sizeof size, text.data(), text.size());
      out = out.subspan(sizeof size + text.size());
      return true;
    });
  }

  bool size_strings(simdjson::padded_string_view json, std::size_t& bytes) {
    return values(json, [&](Value value) {
      std::string_view text;
      if (!string(value, text)) return false;
      bytes += sizeof(std::uint32_t) + text.size();
      return true;
    });
  }

  Refusal why() const { return problem().value_or(Refusal{}); }

 private:
  template <class Each>
  bool inputs(Value value, Each each) {
    std::size_t place = 0;
    return elements(value, "'inputs'", [&](Value item) {
      if (place++ != input_.place) return true;
      return fields(item, "an input", [&](std::string_view key, Value field) {
        return key != "data" || level(field, 1, each);
      });
    });
  }

  template <class Each>
  bool level(Value value, int depth, Each& each) {
    // Three levels of the document are around the data.
    if (depth + 3 > kMostJsonDepth) return too_deep();
    return elements(value, "the data of an input", [&](Value item) {
      Type type{};
      const bool unknown = item.type().get(type) != simdjson::SUCCESS;
      if (!unknown && type == Type::array) return level(item, depth + 1, each);
      if (!unknown && count_ == input_.elements)
        return refuse(who() + " has more than the " + std::to_string(input_.elements) +
                      " values of its shape " + input_.shape.to_string());
      ++count_;
      return unknown ? no_value(item) : each(item);
    });
  }

  bool counted() {
    return count_ == input_.elements ||
           refuse(who() + " has " + std::to_string(count_) + " values, but its shape " +
                  input_.shape.to_string() + " has " + std::to_string(input_.elements));
  }

  // Some clients know only one kind of number: they write 3 as 3.0, and true as 1.0.
  static bool read(Value& value, bool& out) {
    if (!value.get_bool().get(out)) return true;
    std::uint8_t number = 0;
    if (!read(value, number) || number > 1) return false;
    out = number == 1;
    return true;
  }
  template <std::signed_integral T>
  static bool read(Value& value, T& out) {
    std::int64_t number = 0;
    if (value.get_int64().get(number) && !read_whole(value, number)) return false;
    out = static_cast<T>(number);
    return out == number;
  }
  template <std::unsigned_integral T>
  static bool read(Value& value, T& out) {
    std::uint64_t number = 0;
    if (value.get_uint64().get(number)) {
      std::int64_t whole = 0;
      if (!read_whole(value, whole) || whole < 0) return false;
      number = static_cast<std::uint64_t>(whole);
    }
    out = static_cast<T>(number);
    return out == number;
  }
  // Written with a fraction or an exponent. Beyond 2^53 whoever wrote it may have meant another number.
  static bool read_whole(Value& value, std::int64_t& out) {
    double number = 0;
    if (value.get_double().get(number) || std::abs(number) > 0x1p53) return false;
    out = static_cast<std::int64_t>(number);
    return static_cast<double>(out) == number;
  }
  template <std::floating_point T>
  static bool read(Value& value, T& out) {
    double number = 0;
    if (value.get_double().get(number)) return false;
    out = static_cast<T>(number);
    return std::isfinite(out);
  }

  bool string(Value& value, std::string_view& out) {
    if (const auto error = value.get_string().get(out))
      return error == simdjson::INCORRECT_TYPE ? no_value(value) : broken(error);
    return out.size() <= std::numeric_limits<std::uint32_t>::max() || no_value(value);
  }

  // The value as it stands in the request is quoted, not what was made of it.
  bool no_value(Value value) {
    std::string_view token = value.raw_json_token();
    token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
    return refuse(who() + ": " + in_quotes(token) + ", number " + std::to_string(count_) +
                  " of its values, is no " + std::string(name_of(input_.datatype)) + wanted());
  }
  std::string wanted() const {
    switch (input_.datatype) {
      case Datatype::boolean:
        return ": true or false, or 1 or 0";
      case Datatype::bytes:
        return ": a string";
      case Datatype::fp32:
      case Datatype::fp64:
        return ": a finite number of its range; others can be sent as binary data";
      default:
        return ": a whole number of its range";
    }
  }
  std::string who() const { return "input " + in_quotes(name_); }

  simdjson::ondemand::parser& parser_;
  std::string_view name_;
  const InferInput& input_;
  std::size_t count_ = 0;
};

bool fill(DataReader& reader, Datatype type, simdjson::padded_string_view json,
          std::span<std::byte> out) {
  switch (type) {
    case Datatype::boolean:
      return reader.fill<bool>(json, out);
    case Datatype::uint8:
      return reader.fill<std::uint8_t>(json, out);
    case Datatype::uint16:
      return reader.fill<std::uint16_t>(json, out);
    case Datatype::uint32:
      return reader.fill<std::uint32_t>(json, out);
    case Datatype::uint64:
      return reader.fill<std::uint64_t>(json, out);
    case Datatype::int8:
      return reader.fill<std::int8_t>(json, out);
    case Datatype::int16:
      return reader.fill<std::int16_t>(json, out);
    case Datatype::int32:
      return reader.fill<std::int32_t>(json, out);
    case Datatype::int64:
      return reader.fill<std::int64_t>(json, out);
    case Datatype::fp32:
      return reader.fill<float>(json, out);
    case Datatype::fp64:
      return reader.fill<double>(json, out);
    case Datatype::bytes:
      return reader.fill_strings(json, out);
    case Datatype::fp16:
    case Datatype::bf16:
      break;
  }
  return false;
}

}  // namespace

Answer<std::size_t> size_of_strings(simdjson::ondemand::parser& parser,
                                    simdjson::padded_string_view json, std::string_view name,
                                    const InferInput& input) {
  DataReader reader(parser, name, input);
  std::size_t bytes = 0;
  if (!reader.size_strings(json, bytes)) return reader.why();
  return bytes;
}

Answer<Ok> fill_from_json(simdjson::ondemand::parser& parser, simdjson::padded_string_view json,
                          std::string_view name, const InferInput& input,
                          std::span<std::byte> out) {
  if (input.source != InferInput::Source::json || out.size() != input.bytes)
    return Refusal{.message = "input " + in_quotes(name) + " has no such data in JSON"};
  DataReader reader(parser, name, input);
  if (!fill(reader, input.datatype, json, out)) return reader.why();
  return Ok{};
}

}  // namespace headrace::oip
