#include "image/webp.h"

#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>

namespace headrace::image {
namespace {

struct FreeDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, FreeDemuxer>;

const std::uint8_t* bytes_of(std::span<const std::byte> encoded) {
  return reinterpret_cast<const std::uint8_t*>(encoded.data());
}

PictureError failure(VP8StatusCode code) {
  switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return {ItemError::too_large, "WebP: out of memory"};
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return corrupt("WebP", "ends early");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return {ItemError::unsupported, "a WebP with a feature that libwebp does not know"};
    default:
      return corrupt("WebP", "bitstream error");
  }
}

// Only the extended format ("VP8X") can hold metadata and frames.
bool is_extended(std::span<const std::byte> encoded) {
  return encoded.size() >= 16 && std::memcmp(encoded.data() + 12, "VP8X", 4) == 0;
}

Turn turn_of(const WebPDemuxer* demuxer) {
  WebPChunkIterator chunk{};
  Turn turn;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
    turn = turn_from_exif(std::as_bytes(std::span(chunk.chunk.bytes, chunk.chunk.size)));
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return turn;
}

// To the planes Y, U and V, of which the latter have half the size, rounded up.
DecodeResult decode_lossy(std::span<const std::byte> encoded, Decoded decoded, Buffer& buffer) {
  decoded.colors = Colors::ycc_studio;
  const Size luma = decoded.size;
  const Size chroma{(luma.width + 1) / 2, (luma.height + 1) / 2};
  const std::size_t luma_bytes = aligned(luma.width) * luma.height;
  const std::size_t chroma_bytes = aligned(chroma.width) * chroma.height;
  std::byte* const base = buffer.at_least(luma_bytes + 2 * chroma_bytes);
  decoded.planes[0] = {base, aligned(luma.width), luma, 1, 1};
  decoded.planes[1] = {base + luma_bytes, aligned(chroma.width), chroma, 0.5, 0.5};
  decoded.planes[2] = {base + luma_bytes + chroma_bytes, aligned(chroma.width), chroma, 0.5, 0.5};

  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return failure(VP8_STATUS_INVALID_PARAM);
  config.output.colorspace = MODE_YUV;
  config.output.is_external_memory = 1;
  WebPYUVABuffer& yuv = config.output.u.YUVA;
  auto* const start = reinterpret_cast<std::uint8_t*>(base);
  yuv.y = start;
  yuv.u = start + luma_bytes;
  yuv.v = start + luma_bytes + chroma_bytes;
  yuv.y_stride = static_cast<int>(aligned(luma.width));
  yuv.u_stride = yuv.v_stride = static_cast<int>(aligned(chroma.width));
  yuv.y_size = luma_bytes;
  yuv.u_size = yuv.v_size = chroma_bytes;
  const VP8StatusCode code = WebPDecode(bytes_of(encoded), encoded.size(), &config);
  if (code != VP8_STATUS_OK) return failure(code);
  return decoded;
}

// Decodes `frame` to RGB with its corner at (left, top) of the picture, black where it does not
// reach.
DecodeResult decode_rgb(std::span<const std::byte> frame, Size frame_size, std::uint32_t left,
                        std::uint32_t top, Decoded decoded, Scratch& scratch) {
  decoded.colors = Colors::rgb;
  const std::size_t stride = std::size_t{3} * decoded.size.width;
  const std::size_t bytes = stride * decoded.size.height;
  std::byte* const packed = scratch.packed.at_least(bytes);
  if (frame_size != decoded.size) std::fill_n(packed, bytes, std::byte{0});

  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return failure(VP8_STATUS_INVALID_PARAM);
  const std::size_t offset = stride * top + std::size_t{3} * left;
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = reinterpret_cast<std::uint8_t*>(packed + offset);
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = bytes - offset;
  const VP8StatusCode code = WebPDecode(bytes_of(frame), frame.size(), &config);
  if (code != VP8_STATUS_OK) return failure(code);
  std::array<std::byte*, 3> rows = lay_out_full_planes(decoded, scratch.planes);
  part_picture(packed, decoded, rows);
  return decoded;
}

DecodeResult decode_first_frame(const WebPDemuxer* demuxer, const Decoded& decoded,
                                Scratch& scratch) {
  WebPIterator frame{};
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> release(
      &frame, &WebPDemuxReleaseIterator);
  if (!WebPDemuxGetFrame(demuxer, 1, &frame)) return corrupt("WebP", "an animation without frames");
  const Size size{static_cast<std::uint32_t>(frame.width),
                  static_cast<std::uint32_t>(frame.height)};
  const auto left = static_cast<std::uint32_t>(frame.x_offset);
  const auto top = static_cast<std::uint32_t>(frame.y_offset);
  const bool inside = frame.x_offset >= 0 && frame.y_offset >= 0 &&
                      std::uint64_t{left} + size.width <= decoded.size.width &&
                      std::uint64_t{top} + size.height <= decoded.size.height;
  WebPBitstreamFeatures features;
  const auto bytes = std::as_bytes(std::span(frame.fragment.bytes, frame.fragment.size));
  const VP8StatusCode code = WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &features);
  if (code != VP8_STATUS_OK) return failure(code);
  if (!inside || features.width != frame.width || features.height != frame.height) {
    return corrupt("WebP", "a frame that does not fit its picture");
  }
  return decode_rgb(bytes, size, left, top, decoded, scratch);
}

}  // namespace

DecodeResult decode_webp(std::span<const std::byte> encoded, std::uint64_t max_pixels,
                         Scratch& scratch) {
  WebPBitstreamFeatures features;
  const VP8StatusCode code = WebPGetFeatures(bytes_of(encoded), encoded.size(), &features);
  if (code != VP8_STATUS_OK) return failure(code);
  Decoded decoded;
  decoded.size = {static_cast<std::uint32_t>(features.width),
                  static_cast<std::uint32_t>(features.height)};
  if (auto fits = check_pixels("WebP", decoded.size, max_pixels); !fits) return fits.error();

  Demuxer demuxer;
  if (is_extended(encoded)) {
    const WebPData data{bytes_of(encoded), encoded.size()};
    demuxer.reset(WebPDemux(&data));
    if (!demuxer) return corrupt("WebP", "ends early, or its chunks do not add up");
    decoded.turn = turn_of(demuxer.get());
  }
  if (features.has_animation) {
    if (!demuxer) return corrupt("WebP", "an animation without frames");
    return decode_first_frame(demuxer.get(), decoded, scratch);
  }
  constexpr int kLossy = 1;
  if (features.format == kLossy) return decode_lossy(encoded, decoded, scratch.planes);
  return decode_rgb(encoded, decoded.size, 0, 0, decoded, scratch);
}

}  // namespace headrace::image
