// For fuzz targets: models that requests are held against.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "oip/signature.h"

namespace headrace::oip {

inline Signature model_of(std::string_view inputs, std::string_view outputs) {
  return *read_signature(R"({"inputs":[)" + std::string(inputs) + R"(],"outputs":[)" +
                         std::string(outputs) + "]}");
}

inline const std::array<Signature, 4>& fuzz_models() {
  static const std::array<Signature, 4> all = {
      model_of(R"({"name":"x","datatype":"FP32","shape":[-1,3]})",
               R"({"name":"y","datatype":"FP32","shape":[-1]})"),
      model_of(R"({"name":"x","datatype":"BYTES","shape":[-1]})",
               R"({"name":"y","datatype":"BYTES","shape":[-1]})"),
      model_of(R"({"name":"a","datatype":"INT32","shape":[-1,16]},)"
               R"({"name":"b","datatype":"BOOL","shape":[-1]})",
               R"({"name":"y","datatype":"FP16","shape":[2,2]},)"
               R"({"name":"z","datatype":"INT64","shape":[-1]})"),
      model_of(R"({"name":"x","datatype":"UINT64","shape":[]},)"
               R"({"name":"w","datatype":"FP64","shape":[-1,-1,2]})",
               R"({"name":"y","datatype":"UINT8","shape":[1]})")};
  return all;
}

// The model of one input `x` of the first type that the request names, in any shape of `rank`, so that
// every type's conversion is reached; nothing when it names none.
inline std::optional<Signature> model_as_named(std::string_view request, std::size_t rank) {
  std::string_view first;
  std::size_t place = std::string_view::npos;
  for (int type = 0; type <= static_cast<int>(Datatype::bf16); ++type) {
    const std::string_view name = name_of(static_cast<Datatype>(type));
    const std::size_t found = request.find(name);
    if (found > place || found == std::string_view::npos) continue;
    if (found == place && name.size() <= first.size()) continue;
    first = name;
    place = found;
  }
  if (first.empty()) return std::nullopt;
  std::string shape;
  for (std::size_t i = 0; i < rank; ++i) shape += i == 0 ? "-1" : ",-1";
  const std::string rest =
      R"(","datatype":")" + std::string(first) + R"(","shape":[)" + shape + "]}";
  return model_of(R"({"name":"x)" + rest, R"({"name":"y)" + rest);
}

}  // namespace headrace::oip
