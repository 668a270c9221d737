#include "oip/classification.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <numeric>
#include <type_traits>

namespace headrace::oip {
namespace {

constexpr std::size_t kMostElements = 1'000'000;

struct Half {
  std::uint16_t bits;
};
struct Brain {
  std::uint16_t bits;
};

float widened(Half half) {
  const float sign = (half.bits & 0x8000U) != 0 ? -1.0F : 1.0F;
  const int exponent = half.bits >> 10 & 31;
  const auto fraction = static_cast<float>(half.bits & 1023U);
  if (exponent == 31) return fraction == 0 ? sign * HUGE_VALF : std::nanf("");
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024.0F + fraction, exponent - 25);
}
float widened(Brain brain) {
  return std::bit_cast<float>(std::uint32_t{brain.bits} << 16);
}
template <class T>
T widened(T number) {
  return number;
}

template <class T>
auto value_at(std::span<const std::byte> row, std::size_t index) {
  T value{};
  std::memcpy(&value, &row[index * sizeof(T)], sizeof value);
  return widened(value);
}

template <class T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(value);
  return false;
}

void append_string(std::vector<std::byte>& out, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  const auto* length = reinterpret_cast<const std::byte*>(&size);
  const auto* content = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), length, length + sizeof size);
  out.insert(out.end(), content, content + text.size());
}

template <class T>
std::string described(T value, std::size_t index, std::span<const std::string> labels) {
  std::array<char, 32> number{};
  char* const end = std::to_chars(number.data(), number.data() + number.size(), value).ptr;
  std::string text(number.data(), end);
  text += ':' + std::to_string(index);
  if (index < labels.size()) text += ':' + labels[index];
  return text;
}

template <class T>
void append_best(std::vector<std::byte>& out, std::span<const std::byte> row, std::size_t classes,
                 std::span<const std::string> labels) {
  std::vector<std::uint32_t> order(row.size() / sizeof(T));
  std::iota(order.begin(), order.end(), 0U);
  const auto best = order.begin() + static_cast<std::ptrdiff_t>(classes);
  std::partial_sort(order.begin(), best, order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto left = value_at<T>(row, a);
    const auto right = value_at<T>(row, b);
    if (is_nan(left) || is_nan(right)) return is_nan(left) == is_nan(right) ? a < b : is_nan(right);
    return left == right ? a < b : left > right;
  });
  for (auto index = order.begin(); index != best; ++index)
    append_string(out, described(value_at<T>(row, *index), *index, labels));
}

using Append = void (*)(std::vector<std::byte>&, std::span<const std::byte>, std::size_t,
                        std::span<const std::string>);

Append appender(Datatype type) {
  switch (type) {
    case Datatype::boolean:
    case Datatype::uint8:
      return append_best<std::uint8_t>;
    case Datatype::uint16:
      return append_best<std::uint16_t>;
    case Datatype::uint32:
      return append_best<std::uint32_t>;
    case Datatype::uint64:
      return append_best<std::uint64_t>;
    case Datatype::int8:
      return append_best<std::int8_t>;
    case Datatype::int16:
      return append_best<std::int16_t>;
    case Datatype::int32:
      return append_best<std::int32_t>;
    case Datatype::int64:
      return append_best<std::int64_t>;
    case Datatype::fp16:
      return append_best<Half>;
    case Datatype::bf16:
      return append_best<Brain>;
    case Datatype::fp32:
      return append_best<float>;
    case Datatype::fp64:
      return append_best<double>;
    case Datatype::bytes:
      break;
  }
  return nullptr;
}

}  // namespace

Result<Classification> classify(Datatype type, const engine::Shape& shape,
                                std::span<const std::byte> bytes, std::uint32_t classes,
                                std::span<const std::string> labels) {
  const Append append = appender(type);
  if (append == nullptr) return Error{"BYTES cannot be had as a classification"};
  const std::size_t elements = shape.elements().value_or(0);
  if (elements == 0 || elements > kMostElements)
    return Error{"a classification is over 1 to " + std::to_string(kMostElements) +
                 " elements, and it has " + std::to_string(elements)};
  const std::size_t rows = shape.rank() < 2 ? 1 : static_cast<std::size_t>(shape.dims()[0]);
  const std::size_t row_elements = elements / rows;
  const std::size_t taken = std::min<std::size_t>(classes, row_elements);
  const std::size_t row_bytes = row_elements * size_of(type);

  Classification result;
  const std::array<std::int64_t, 2> dims = {static_cast<std::int64_t>(rows),
                                            static_cast<std::int64_t>(taken)};
  const bool batched = shape.rank() >= 2;
  result.shape = engine::Shape::of(std::span(dims).subspan(batched ? 0 : 1)).value_or(shape);
  for (std::size_t row = 0; row < rows; ++row)
    append(result.strings, bytes.subspan(row * row_bytes, row_bytes), taken, labels);
  return result;
}

}  // namespace headrace::oip
