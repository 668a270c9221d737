// Small ONNX files for tests, written by hand: just what a header needs, with weights of any size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::model::onnx_writer {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7F) | 0x80);
  return out + static_cast<char>(value);
}
inline std::string number(std::uint32_t field, std::uint64_t value) {
  return varint(std::uint64_t{field} << 3) + varint(value);
}
inline std::string bytes(std::uint32_t field, std::string_view value) {
  return varint((std::uint64_t{field} << 3) | 2U) + varint(value.size()) + std::string(value);
}

inline constexpr std::uint64_t kF32 = 1, kU8 = 2, kI32 = 6, kI64 = 7, kString = 8, kF16 = 10;

struct Value {
  std::string name;
  std::uint64_t type = kF32;
  std::vector<std::int64_t> dims = {};  // -1: the symbol "N"; -2: neither number nor symbol
  bool ranked = true;
};

inline std::string value_info(const Value& value) {
  std::string shape;
  for (const std::int64_t dim : value.dims) {
    shape += bytes(1, dim >= 0    ? number(1, static_cast<std::uint64_t>(dim))
                      : dim == -1 ? bytes(2, "N")
                                  : std::string());
  }
  std::string tensor = number(1, value.type);
  if (value.ranked) tensor += bytes(2, shape);
  return bytes(1, value.name) + bytes(2, bytes(1, tensor));
}

struct Node {
  std::string type;
  std::vector<std::string> inputs;
  std::string output;
};

struct File {
  std::vector<Value> inputs;
  std::vector<Value> outputs;
  std::vector<std::string> initializers = {};  // names
  std::string weights = {};                    // raw data of each initializer
  std::string external = {};                   // where it is instead
  std::vector<Node> nodes = {{"Relu", {"x"}, "y"}};

  std::string graph() const {
    std::string out;
    for (const Node& node : nodes) {
      std::string text;
      for (const std::string& input : node.inputs) text += bytes(1, input);
      out += bytes(1, text + bytes(2, node.output) + bytes(4, node.type));
    }
    out += bytes(2, "graph");
    for (const std::string& name : initializers) {
      std::string tensor = number(1, 4) + number(2, kF32) + bytes(8, name);
      if (!weights.empty()) tensor += bytes(9, weights);
      if (!external.empty()) {
        tensor += bytes(13, bytes(1, "location") + bytes(2, external));
        tensor += bytes(13, bytes(1, "offset") + bytes(2, "0")) + number(14, 1);
      }
      out += bytes(5, tensor);
    }
    for (const Value& value : inputs) out += bytes(11, value_info(value));
    for (const Value& value : outputs) out += bytes(12, value_info(value));
    return out;
  }
  std::string text() const {
    return number(1, 8) + bytes(2, "a test") + bytes(7, graph()) + bytes(8, number(2, 13));
  }
};

// INPUT0 + INPUT1 -> OUTPUT0, INPUT0 - INPUT1 -> OUTPUT1, all i32 [N, 16]. An engine runs it.
inline File sum_and_difference() {
  const auto row = [](const char* name) {
    return Value{.name = name, .type = kI32, .dims = {-1, 16}};
  };
  return {.inputs = {row("INPUT0"), row("INPUT1")},
          .outputs = {row("OUTPUT0"), row("OUTPUT1")},
          .nodes = {{"Add", {"INPUT0", "INPUT1"}, "OUTPUT0"},
                    {"Sub", {"INPUT0", "INPUT1"}, "OUTPUT1"}}};
}

// image[N,3,224,224] f32 -> logits[N,classes]
inline File classifier(std::int64_t classes = 4) {
  return {.inputs = {{.name = "image", .dims = {-1, 3, 224, 224}}},
          .outputs = {{.name = "logits", .dims = {-1, classes}}}};
}

}  // namespace headrace::model::onnx_writer
