#include <array>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "image/decoded.h"
#include "image/geometry.h"
#include "image/jpeg.h"
#include "image/picture.h"
#include "image/png.h"
#include "image/resize.h"
#include "image/sniff.h"
#include "image/tensor.h"
#include "image/webp.h"

namespace headrace::image {
namespace {

// Room for a picture of some 20 megapixels is kept for the next one; what a larger one took is
// given back.
constexpr std::size_t kKeep = std::size_t{64} << 20;

Region in_samples(const Region& region, const Plane& plane) {
  return {region.left * plane.scale_x, region.top * plane.scale_y, region.width * plane.scale_x,
          region.height * plane.scale_y};
}

}  // namespace

struct Preprocessor::Impl {
  Impl(const Recipe& recipe_, std::uint64_t max_pixels_)
      : recipe(recipe_), max_pixels(max_pixels_), resizer(recipe_.filter) {}

  DecodeResult decode(std::span<const std::byte> encoded);
  Result<Ok, PictureError> fill(const Decoded& decoded, std::span<std::byte> tensor);

  Recipe recipe;
  std::uint64_t max_pixels;
  JpegDecoder jpeg;
  Scratch scratch;
  Resizer resizer;
  Buffer small_planes;
  Buffer small_channels;
};

DecodeResult Preprocessor::Impl::decode(std::span<const std::byte> encoded) {
  const Sniffed sniffed = sniff(encoded);
  switch (sniffed.kind) {
    case Kind::jpeg:
      return jpeg.decode(encoded, recipe, max_pixels, scratch);
    case Kind::png:
      return decode_png(encoded, max_pixels, scratch);
    case Kind::webp:
      return decode_webp(encoded, max_pixels, scratch);
    case Kind::other:
      break;
  }
  return PictureError{ItemError::unsupported, "looks like: " + std::string(sniffed.looks_like) +
                                                  "; JPEG, PNG and WebP pictures are taken"};
}

Result<Ok, PictureError> Preprocessor::Impl::fill(const Decoded& decoded,
                                                  std::span<std::byte> tensor) {
  const Placement placement = place(recipe, turned(decoded.size, decoded.turn));
  const Region source = unturned(placement.source, decoded.turn, decoded.size);
  Resized resized;
  resized.size =
      turned(placement.size, decoded.turn);  // turning back swaps the sides just the same
  resized.stride = Resizer::stride(resized.size.width);
  const std::size_t samples = resized.stride * resized.size.height;
  auto* next =
      reinterpret_cast<std::uint16_t*>(small_planes.at_least(3 * samples * sizeof(std::uint16_t)));
  for (unsigned i = 0; i < decoded.plane_count(); ++i, next += samples) {
    const Plane& plane = decoded.planes[i];
    resized.planes[i] = next;
    auto done = resizer.resize(plane, in_samples(source, plane), resized.size, next);
    if (!done) {
      return PictureError{ItemError::unsupported, "a picture of " +
                                                      std::to_string(decoded.size.width) + " x " +
                                                      std::to_string(decoded.size.height) +
                                                      " pixels cannot be resized: " + done.error()};
    }
  }
  auto* const colors =
      reinterpret_cast<float*>(small_channels.at_least(3 * samples * sizeof(float)));
  Channels channels{{colors, colors + samples, colors + 2 * samples}, 0, {}};
  to_colors(decoded.colors, resized, recipe.color, channels);
  write_tensor(recipe, placement, decoded.turn, channels, tensor);
  return Ok{};
}

Preprocessor::Preprocessor(const Recipe& recipe, std::uint64_t max_pixels)
    : impl_(std::make_unique<Impl>(recipe, max_pixels)) {}
Preprocessor::~Preprocessor() = default;
Preprocessor::Preprocessor(Preprocessor&&) noexcept = default;
Preprocessor& Preprocessor::operator=(Preprocessor&&) noexcept = default;

Result<Ok, PictureError> Preprocessor::run(std::span<const std::byte> encoded,
                                           std::span<std::byte> tensor) {
  if (tensor.size() != impl_->recipe.tensor_bytes()) {
    throw std::invalid_argument("the tensor has not the size of the recipe");
  }
  try {
    DecodeResult decoded = impl_->decode(encoded);
    if (!decoded) return std::move(decoded.error());
    auto done = impl_->fill(*decoded, tensor);
    impl_->scratch.planes.release_over(kKeep);
    impl_->scratch.packed.release_over(kKeep);
    return done;
  } catch (const std::bad_alloc&) {
    return PictureError{ItemError::too_large, "not enough memory for this picture"};
  }
}

}  // namespace headrace::image
