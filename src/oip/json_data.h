// The `data` of an input, from JSON to the binary form that everything behind the doors takes.
//
// Of this folder alone. The request was read before, and the input found in it; its values are
// looked at here for the first time.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <span>
#include <string_view>

#include "oip/infer_request.h"

namespace headrace::oip {

inline simdjson::padded_string_view padded(const InferRequest& request) {
  return simdjson::padded_string_view(request.json.data(), request.json_bytes, request.json.size());
}

// Bytes that the strings of a BYTES input need in binary form; refused unless there are exactly
// input.elements of them.
Answer<std::size_t> size_of_strings(simdjson::ondemand::parser& parser,
                                    simdjson::padded_string_view json, std::string_view name,
                                    const InferInput& input);

// Writes exactly input.elements values into `out`, which has exactly input.bytes.
Answer<Ok> fill_from_json(simdjson::ondemand::parser& parser, simdjson::padded_string_view json,
                          std::string_view name, const InferInput& input, std::span<std::byte> out);

}  // namespace headrace::oip
