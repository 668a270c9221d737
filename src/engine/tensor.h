// Tensors as the worker sees them: a type, a shape of at most eight dimensions, and bytes that
// someone else owns.
//
// Plain values without allocation, made for the path that every batch takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "engine/engine_api.h"

namespace headrace::engine {

using DType = hr_dtype;

// Bytes of one element; 0 for anything that is not one of the element types.
std::size_t size_of(DType type);
// The word for messages, "f32"; "?" for anything that is not one of the element types.
std::string_view name_of(DType type);

// Dimensions, the batch first. -1 stands for a dimension that is not fixed.
class Shape {
 public:
  Shape() = default;
  // Nothing if there are more than HR_MAX_RANK dimensions, or one below -1.
  static std::optional<Shape> of(std::span<const std::int64_t> dims);

  std::span<const std::int64_t> dims() const { return {dims_.data(), rank_}; }
  std::size_t rank() const { return rank_; }
  // The product of the dimensions (1 for none); nothing if a dimension is not fixed or the product
  // overflows.
  std::optional<std::size_t> elements() const;
  // Same rank, and equal wherever both are fixed.
  bool fits(const Shape& other) const;
  // "[1, 3, ?, ?]"
  std::string to_string() const;
  bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, HR_MAX_RANK> dims_{};
  std::size_t rank_ = 0;
};

// What a model says of one of its inputs or outputs.
struct TensorInfo {
  std::string name;
  DType type = HR_DTYPE_NONE;
  Shape shape;
};

// Elements in memory: dense, row-major, owned by whoever the function that hands them over says.
struct Tensor {
  DType type = HR_DTYPE_NONE;
  Shape shape;  // every dimension fixed
  std::span<const std::byte> data;
};

// Bytes of a dense tensor; nothing if the type is unknown, a dimension is not fixed, or the product
// overflows.
std::optional<std::size_t> bytes_of(DType type, const Shape& shape);

}  // namespace headrace::engine
