#include "oip/datatype.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace headrace::oip {
namespace {

struct Row {
  Datatype type;
  std::string_view name;
  std::size_t size;
  engine::DType engine;
};

// In the order of the enum.
constexpr std::array<Row, 14> kRows = {{
    {Datatype::boolean, "BOOL", 1, HR_BOOL},
    {Datatype::uint8, "UINT8", 1, HR_U8},
    {Datatype::uint16, "UINT16", 2, HR_U16},
    {Datatype::uint32, "UINT32", 4, HR_U32},
    {Datatype::uint64, "UINT64", 8, HR_U64},
    {Datatype::int8, "INT8", 1, HR_I8},
    {Datatype::int16, "INT16", 2, HR_I16},
    {Datatype::int32, "INT32", 4, HR_I32},
    {Datatype::int64, "INT64", 8, HR_I64},
    {Datatype::fp16, "FP16", 2, HR_F16},
    {Datatype::fp32, "FP32", 4, HR_F32},
    {Datatype::fp64, "FP64", 8, HR_F64},
    {Datatype::bytes, "BYTES", 0, HR_DTYPE_NONE},
    {Datatype::bf16, "BF16", 2, HR_DTYPE_NONE},
}};

constexpr const Row& row(Datatype type) {
  return kRows[static_cast<std::size_t>(type)];
}

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].type) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::string_view name_of(Datatype type) {
  return row(type).name;
}

std::optional<Datatype> datatype_from(std::string_view name) {
  const auto* found = std::ranges::find(kRows, name, &Row::name);
  if (found == kRows.end()) return std::nullopt;
  return found->type;
}

std::size_t size_of(Datatype type) {
  return row(type).size;
}

engine::DType engine_type(Datatype type) {
  return row(type).engine;
}

std::optional<Datatype> datatype_from(engine::DType type) {
  if (type == HR_DTYPE_NONE) return std::nullopt;
  const auto* found = std::ranges::find(kRows, type, &Row::engine);
  if (found == kRows.end()) return std::nullopt;
  return found->type;
}

std::optional<std::size_t> bytes_of(Datatype type, const engine::Shape& shape) {
  const std::optional<std::size_t> elements = shape.elements();
  std::size_t bytes = 0;
  if (type == Datatype::bytes || !elements) return std::nullopt;
  if (__builtin_mul_overflow(*elements, size_of(type), &bytes)) return std::nullopt;
  return bytes;
}

std::optional<std::size_t> count_elements(std::span<const std::byte> tensor) {
  std::size_t count = 0;
  while (!tensor.empty()) {
    std::uint32_t size = 0;
    if (tensor.size() < sizeof size) return std::nullopt;
    std::memcpy(&size, tensor.data(), sizeof size);
    tensor = tensor.subspan(sizeof size);
    if (tensor.size() < size) return std::nullopt;
    tensor = tensor.subspan(size);
    ++count;
  }
  return count;
}

}  // namespace headrace::oip
