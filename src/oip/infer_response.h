// The answer to an infer request: JSON, and behind it the outputs that were wanted in binary.
//
// Large outputs are not copied: the binary ones are named as spans for the caller to send after the
// JSON, and numbers in JSON are written without a tree of values in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oip/datatype.h"

namespace headrace::oip {

struct OutputTensor {
  std::string_view name;
  Datatype datatype = Datatype::fp32;
  engine::Shape shape;
  std::span<const std::byte> bytes;  // in binary form; whoever made them is not believed
  bool binary = false;
  std::uint32_t classes = 0;              // as WantedOutput::classes
  std::span<const std::string> labels{};  // of the classes, may be fewer than they
};

struct ResponseHead {
  std::string_view model;
  std::string_view version{};  // empty: none, and not mentioned
  std::string_view id{};       // empty: none was given
};

// Moved, never copied: the tail may point into it.
struct InferResponse {
  InferResponse() = default;
  InferResponse(InferResponse&&) = default;
  InferResponse& operator=(InferResponse&&) = default;
  InferResponse(const InferResponse&) = delete;
  InferResponse& operator=(const InferResponse&) = delete;
  ~InferResponse() = default;

  std::string json;
  std::vector<std::span<const std::byte>> tail;  // to send behind the JSON, in this order
  std::size_t tail_bytes = 0;
  // Whether any output is binary: then Inference-Header-Content-Length is the length of the JSON,
  // and the content is application/octet-stream.
  bool binary = false;
  std::vector<std::vector<std::byte>> made;  // what of the tail is nobody else's
};

// Fails if the bytes of an output do not fit its type and shape, or if JSON cannot carry it: that is
// the model's fault, since the request was checked.
//
// JSON has no words for what is not a finite number: those become null, which every client can
// parse, and which numpy takes for NaN. (The tokens NaN and Infinity break every parser but
// Python's.) Bytes of a string that are no UTF-8 become U+FFFD. Whoever needs either as it is asks
// for binary data.
Result<InferResponse> write_infer_response(const ResponseHead& head,
                                           std::span<const OutputTensor> outputs);

}  // namespace headrace::oip
