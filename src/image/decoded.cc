#include "image/decoded.h"

#include <cstring>

namespace headrace::image {

PictureError corrupt(std::string_view kind, std::string_view what) {
  return {ItemError::corrupt, "broken " + std::string(kind) + ": " + std::string(what)};
}

Result<Ok, PictureError> check_pixels(std::string_view kind, Size size, std::uint64_t max_pixels) {
  if (std::uint64_t{size.width} * size.height <= max_pixels) return Ok{};
  return PictureError{ItemError::too_large,
                      std::string(kind) + " of " + std::to_string(size.width) + " x " +
                          std::to_string(size.height) + " pixels, over the cap of " +
                          std::to_string(max_pixels) + " pixels"};
}

std::array<std::byte*, 3> lay_out_full_planes(Decoded& decoded, Buffer& buffer) {
  const std::size_t stride = aligned(decoded.size.width);
  const std::size_t bytes = stride * decoded.size.height;
  std::byte* next = buffer.at_least(bytes * decoded.plane_count());
  std::array<std::byte*, 3> starts{};
  for (unsigned i = 0; i < decoded.plane_count(); ++i, next += bytes) {
    starts[i] = next;
    decoded.planes[i] = {next, stride, decoded.size, 1, 1};
  }
  return starts;
}

namespace {

template <unsigned step>
void part(const std::byte* __restrict packed, std::size_t pixels, std::byte* __restrict red,
          std::byte* __restrict green, std::byte* __restrict blue) {
  for (std::size_t x = 0; x < pixels; ++x) {
    red[x] = packed[step * x];
    green[x] = packed[step * x + 1];
    blue[x] = packed[step * x + 2];
  }
}

}  // namespace

void part_rgb(const std::byte* packed, std::size_t pixels, const std::array<std::byte*, 3>& rgb) {
  part<3>(packed, pixels, rgb[0], rgb[1], rgb[2]);
}

void part_rgbx(const std::byte* packed, std::size_t pixels, const std::array<std::byte*, 3>& rgb) {
  part<4>(packed, pixels, rgb[0], rgb[1], rgb[2]);
}

void part_picture(const std::byte* packed, const Decoded& decoded,
                  std::array<std::byte*, 3> starts) {
  const auto [width, height] = decoded.size;
  const bool gray = decoded.colors == Colors::gray;
  for (std::uint32_t y = 0; y < height; ++y) {
    if (gray) {
      std::memcpy(starts[0], packed, width);
    } else {
      part_rgb(packed, width, starts);
    }
    packed += std::size_t{width} * (gray ? 1 : 3);
    for (unsigned i = 0; i < decoded.plane_count(); ++i) starts[i] += decoded.planes[i].stride;
  }
}

}  // namespace headrace::image
