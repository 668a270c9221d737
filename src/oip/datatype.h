// The element types of the Open Inference Protocol, and the limits on what a request may hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/tensor.h"

namespace headrace::oip {

enum class Datatype : unsigned char {
  boolean,
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  fp16,
  fp32,
  fp64,
  bytes,  // strings of any length: in binary form each is its length, 4 bytes, and its bytes
  bf16,
};

// What a request, or a worker that says what its model takes, may hold at most. The rank is bounded
// by HR_MAX_RANK.
inline constexpr std::size_t kMostTensors = 256;  // inputs, and outputs
inline constexpr std::size_t kMostNameBytes = HR_NAME_SIZE - 1;
inline constexpr std::size_t kMostIdBytes = 1024;
inline constexpr int kMostJsonDepth = 64;
inline constexpr std::uint32_t kMostClasses = 1'000'000;

// "FP32"
std::string_view name_of(Datatype type);
// The reverse; nothing for anything that is not one of the words, in exactly that spelling.
std::optional<Datatype> datatype_from(std::string_view name);
// Bytes of one element; 0 for BYTES, whose elements have any size.
std::size_t size_of(Datatype type);

// The engine's word for it; HR_DTYPE_NONE for BYTES and BF16, which engines do not take.
engine::DType engine_type(Datatype type);
// Nothing for HR_DTYPE_NONE and for what is no element type.
std::optional<Datatype> datatype_from(engine::DType type);

// Bytes of a dense tensor of a fixed-size type; nothing for BYTES, if a dimension is not fixed, or
// if the product overflows.
std::optional<std::size_t> bytes_of(Datatype type, const engine::Shape& shape);

// How many elements a BYTES tensor in binary form has; nothing if it is cut off in the middle of
// one.
std::optional<std::size_t> count_elements(std::span<const std::byte> tensor);

}  // namespace headrace::oip
