#include "image/png.h"

#include <spng.h>

#include <array>
#include <memory>

namespace headrace::image {
namespace {

// What text, profiles and the like may take, one by one and together. None of it is used but EXIF.
constexpr std::size_t kMaxChunk = std::size_t{16} << 20;
constexpr std::size_t kMaxChunks = std::size_t{32} << 20;

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, FreeContext>;

PictureError failure(int code) {
  if (code == SPNG_IO_EOF || code == SPNG_EIDAT_TOO_SHORT) return corrupt("PNG", "ends early");
  if (code == SPNG_EMEM || code == SPNG_EOVERFLOW || code == SPNG_ECHUNK_LIMITS) {
    return {ItemError::too_large, "PNG: " + std::string(spng_strerror(code))};
  }
  return corrupt("PNG", spng_strerror(code));
}

Turn turn_of(spng_ctx* context) {
  spng_decode_chunks(context);  // those behind the pixels too; broken ones there harm no pixel
  spng_exif exif{};
  if (spng_get_exif(context, &exif) != SPNG_OK) return {};
  return turn_from_exif(std::as_bytes(std::span(exif.data, exif.length)));
}

bool is_plain_gray(const spng_ihdr& header) {
  return header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth <= 8;
}

}  // namespace

DecodeResult decode_png(std::span<const std::byte> encoded, std::uint64_t max_pixels,
                        Scratch& scratch) {
  const Context context(spng_ctx_new(0));
  if (!context) return failure(SPNG_EMEM);
  spng_set_chunk_limits(context.get(), kMaxChunk, kMaxChunks);
  spng_set_png_buffer(context.get(), encoded.data(), encoded.size());
  spng_ihdr header{};
  if (const int code = spng_get_ihdr(context.get(), &header); code != SPNG_OK) return failure(code);

  Decoded decoded;
  decoded.size = {header.width, header.height};
  if (auto fits = check_pixels("PNG", decoded.size, max_pixels); !fits) return fits.error();
  const bool gray = is_plain_gray(header);
  decoded.colors = gray ? Colors::gray : Colors::rgb;

  const int format = gray ? SPNG_FMT_G8 : SPNG_FMT_RGB8;
  std::size_t bytes = 0;
  if (const int code = spng_decoded_image_size(context.get(), format, &bytes); code != SPNG_OK) {
    return failure(code);
  }
  std::byte* const packed = scratch.packed.at_least(bytes);
  if (const int code = spng_decode_image(context.get(), packed, bytes, format, 0);
      code != SPNG_OK) {
    return failure(code);
  }
  std::array<std::byte*, 3> rows = lay_out_full_planes(decoded, scratch.planes);
  part_picture(packed, decoded, rows);
  decoded.turn = turn_of(context.get());
  return decoded;
}

}  // namespace headrace::image
