// The arithmetic of shapes, strides and parts.
#include <headrace/shared_array.h>

#include <algorithm>

namespace headrace::detail {
namespace {

// The k-th of `parts` ranges of 0..n begins here; the first n % parts of them are one longer.
std::size_t cut(std::size_t n, std::size_t parts, std::size_t k) {
  return k * (n / parts) + std::min(k, n % parts);
}

}  // namespace

std::string describe(std::span<const std::size_t> numbers) {
  std::string text = "[";
  for (const std::size_t number : numbers) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(number);
  }
  return text + "]";
}

Layout Layout::row_major(std::span<const std::size_t> shape, std::size_t element_bytes) {
  if (shape.empty() || shape.size() > kMaxDimensions) {
    throw std::invalid_argument("an array has 1 to 8 dimensions, not " +
                                std::to_string(shape.size()));
  }
  Layout layout;
  layout.dimensions = shape.size();
  std::copy(shape.begin(), shape.end(), layout.shape.begin());
  std::size_t stride = 1;
  std::size_t bytes = element_bytes;  // without the dimensions of 0, so that these hide nothing
  for (std::size_t d = shape.size(); d-- > 0;) {
    layout.strides[d] = stride;
    stride *= shape[d];
    if (shape[d] > 0 && (__builtin_mul_overflow(bytes, shape[d], &bytes) || bytes >> 62 != 0)) {
      throw std::invalid_argument("an array of shape " + headrace::detail::describe(shape) +
                                  " has more bytes than there are addresses");
    }
  }
  return layout;
}

bool Layout::contiguous() const {
  std::size_t expected = 1;
  if (size() == 0) return true;
  for (std::size_t d = dimensions; d-- > 0;) {
    if (shape[d] > 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

Layout Layout::slice(std::size_t dimension, std::size_t from, std::size_t to) const {
  if (dimension >= dimensions || from > to || to > shape[dimension]) {
    throw std::out_of_range("slice " + std::to_string(from) + ".." + std::to_string(to) +
                            " of dimension " + std::to_string(dimension) + " is outside of shape " +
                            describe(std::span(shape).first(dimensions)));
  }
  Layout part = *this;
  part.shape[dimension] = to - from;
  return part;
}

Layout Layout::row(std::size_t index) const {
  if (dimensions == 0 || index >= shape[0]) {
    throw std::out_of_range("row " + std::to_string(index) + " is outside of shape " +
                            describe(std::span(shape).first(dimensions)));
  }
  Layout part = *this;
  if (dimensions == 1) {
    part.shape[0] = 1;
    return part;
  }
  std::copy(shape.begin() + 1, shape.end(), part.shape.begin());
  std::copy(strides.begin() + 1, strides.end(), part.strides.begin());
  part.dimensions = dimensions - 1;
  part.shape[part.dimensions] = part.strides[part.dimensions] = 0;
  return part;
}

void Layout::check(std::span<const std::size_t> index) const {
  bool inside = index.size() == dimensions;
  for (std::size_t d = 0; inside && d < dimensions; ++d) inside = index[d] < shape[d];
  if (inside) return;
  throw std::out_of_range("index " + describe(index) + " is outside of shape " +
                          describe(std::span(shape).first(dimensions)));
}

Region region(const Layout& whole, const PartOf& part) {
  Region region{.layout = whole};
  const std::array<std::size_t, 2> count{part.rows, part.columns};
  const std::array<std::size_t, 2> at{part.index / part.columns, part.index % part.columns};
  for (std::size_t d = 0; d < std::min<std::size_t>(2, whole.dimensions); ++d) {
    region.first[d] = cut(whole.shape[d], count[d], at[d]);
    region.layout.shape[d] = cut(whole.shape[d], count[d], at[d] + 1) - region.first[d];
  }
  return region;
}

void check_grid(const Layout& whole, std::size_t rows, std::size_t columns) {
  if (rows == 0 || columns == 0 || rows > kMaxParts || columns > kMaxParts / rows) {
    throw std::invalid_argument("an array is cut into 1 to " + std::to_string(kMaxParts) +
                                " parts, not " + std::to_string(rows) + " x " +
                                std::to_string(columns));
  }
  if (columns > 1 && whole.dimensions < 2) {
    throw std::invalid_argument("only an array of two dimensions or more can be cut into tiles");
  }
}

void check_complete(std::span<const PartName> parts) {
  const auto refuse = [](std::size_t i, const char* why) {
    throw std::invalid_argument("join: part " + std::to_string(i) + " " + why);
  };
  if (parts.empty()) throw std::invalid_argument("join: there are no parts");
  const PartName& first = parts.front();
  if (first.block == nullptr) refuse(0, "was given away or moved from");
  std::vector<bool> seen(first.part.count());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const PartName& part = parts[i];
    if (part.block == nullptr) refuse(i, "was given away or moved from");
    const bool same = part.block->segment == first.block->segment &&
                      part.block->block == first.block->block &&
                      part.block->generation == first.block->generation &&
                      part.offset == first.offset && *part.whole == *first.whole &&
                      part.part.rows == first.part.rows && part.part.columns == first.part.columns;
    if (!same) refuse(i, "is of another array than the first");
    if (seen[part.part.index]) refuse(i, "is there twice");
    seen[part.part.index] = true;
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]) {
      throw std::invalid_argument("join: part " + std::to_string(i) + " of " +
                                  std::to_string(seen.size()) + " is missing");
    }
  }
}

}  // namespace headrace::detail
