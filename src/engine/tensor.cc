#include "engine/tensor.h"

#include <algorithm>

namespace headrace::engine {

std::size_t size_of(DType type) {
  switch (type) {
    case HR_BOOL:
    case HR_U8:
    case HR_I8:
      return 1;
    case HR_U16:
    case HR_I16:
    case HR_F16:
      return 2;
    case HR_U32:
    case HR_I32:
    case HR_F32:
      return 4;
    case HR_U64:
    case HR_I64:
    case HR_F64:
      return 8;
    case HR_DTYPE_NONE:
      break;
  }
  return 0;
}

std::string_view name_of(DType type) {
  constexpr std::array<std::string_view, 13> kNames = {
      "?", "bool", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f16", "f32", "f64"};
  const auto index = static_cast<std::size_t>(type);
  return index < kNames.size() ? kNames[index] : kNames[0];
}

std::optional<Shape> Shape::of(std::span<const std::int64_t> dims) {
  if (dims.size() > HR_MAX_RANK) return std::nullopt;
  if (std::ranges::any_of(dims, [](std::int64_t d) { return d < -1; })) return std::nullopt;
  Shape shape;
  std::ranges::copy(dims, shape.dims_.begin());
  shape.rank_ = dims.size();
  return shape;
}

std::optional<std::size_t> Shape::elements() const {
  std::size_t product = 1;
  for (const std::int64_t dim : dims()) {
    if (dim < 0) return std::nullopt;
    if (__builtin_mul_overflow(product, static_cast<std::size_t>(dim), &product))
      return std::nullopt;
  }
  return product;
}

bool Shape::fits(const Shape& other) const {
  return std::ranges::equal(dims(), other.dims(), [](std::int64_t a, std::int64_t b) {
    return a == b || a == -1 || b == -1;
  });
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (const std::int64_t dim : dims()) {
    if (text.size() > 1) text += ", ";
    text += dim < 0 ? "?" : std::to_string(dim);
  }
  return text + "]";
}

std::optional<std::size_t> bytes_of(DType type, const Shape& shape) {
  const std::optional<std::size_t> elements = shape.elements();
  const std::size_t size = size_of(type);
  std::size_t bytes = 0;
  if (size == 0 || !elements || __builtin_mul_overflow(*elements, size, &bytes))
    return std::nullopt;
  return bytes;
}

}  // namespace headrace::engine
