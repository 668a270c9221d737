#include "image/orientation.h"

#include <cstring>
#include <optional>

namespace headrace::image {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShort = 3;
constexpr std::uint32_t kLong = 4;

// Reads numbers at any offset, in the byte order of the block; nothing when out of bounds.
class Tiff {
 public:
  explicit Tiff(std::span<const std::byte> bytes) : bytes_(bytes) {}
  void set_big_endian() { big_ = true; }

  std::optional<std::uint32_t> number(std::uint64_t offset, unsigned width) const {
    if (offset + width > bytes_.size()) return std::nullopt;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < width; ++i) {
      const auto byte = static_cast<std::uint32_t>(bytes_[offset + i]);
      value |= byte << 8 * (big_ ? width - 1 - i : i);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_ = false;
};

std::span<const std::byte> without_prefix(std::span<const std::byte> exif) {
  const bool prefixed = exif.size() >= 6 && std::memcmp(exif.data(), "Exif\0\0", 6) == 0;
  return prefixed ? exif.subspan(6) : exif;
}

}  // namespace

Turn turn_of(std::uint32_t exif_orientation) {
  switch (exif_orientation) {
    case 2:
      return {.flip_x = true};
    case 3:
      return {.flip_x = true, .flip_y = true};
    case 4:
      return {.flip_y = true};
    case 5:
      return {.transpose = true};
    case 6:
      return {.transpose = true, .flip_y = true};
    case 7:
      return {.transpose = true, .flip_x = true, .flip_y = true};
    case 8:
      return {.transpose = true, .flip_x = true};
    default:
      return {};
  }
}

Turn turn_from_exif(std::span<const std::byte> exif) {
  exif = without_prefix(exif);
  Tiff tiff(exif);
  if (exif.size() < 8) return {};
  if (std::memcmp(exif.data(), "MM\0*", 4) == 0) {
    tiff.set_big_endian();
  } else if (std::memcmp(exif.data(), "II*\0", 4) != 0) {
    return {};
  }
  const auto directory = tiff.number(4, 4);
  if (!directory) return {};
  const auto entries = tiff.number(*directory, 2);
  if (!entries) return {};
  for (std::uint32_t i = 0; i < *entries; ++i) {
    const std::uint64_t entry = std::uint64_t{*directory} + 2 + std::uint64_t{12} * i;
    const auto tag = tiff.number(entry, 2);
    if (!tag) return {};
    if (*tag != kOrientationTag) continue;
    const auto type = tiff.number(entry + 2, 2);
    if (type == kShort) return turn_of(tiff.number(entry + 8, 2).value_or(1));
    if (type == kLong) return turn_of(tiff.number(entry + 8, 4).value_or(1));
    return {};
  }
  return {};
}

}  // namespace headrace::image
