// Hostile bytes never crash a worker: each picture is decoded, or refused with a reason. Worth most
// under the address and undefined-behaviour sanitizers.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

#include "image/picture.h"
#include "image/sample_pictures.h"

namespace headrace::image {
namespace {

constexpr std::uint64_t kMaxPixels = 100'000;

Recipe recipe() {
  return {.width = 24, .height = 24, .resize_to = 32};
}

std::vector<std::pair<std::string, Bytes>> samples() {
  const Pixels pixels = slopes(61, 47);
  return {
      {"jpeg", encode_jpeg(pixels)},
      {"jpeg with exif", encode_jpeg(pixels, {.orientation = 6})},
      {"jpeg progressive", encode_jpeg(pixels, {.progressive = true})},
      {"jpeg arithmetic", encode_jpeg(pixels, {.arithmetic = true})},
      {"jpeg gray", encode_jpeg(pixels, {.colors = JpegColors::gray})},
      {"jpeg ycck", encode_jpeg(pixels, {.colors = JpegColors::ycck})},
      {"jpeg from planes", encode_jpeg(slopes(150, 100), {.chroma_y = 1})},
      {"png", encode_png(pixels)},
      {"png palette", encode_png(pixels, {.color_type = 3, .bit_depth = 4})},
      {"png interlaced 16 bit",
       encode_png(pixels, {.bit_depth = 16, .interlaced = true, .orientation = 5})},
      {"webp lossy", encode_webp(pixels)},
      {"webp lossless", encode_webp(pixels, {.lossless = true})},
      {"webp with exif", encode_webp(pixels, {.orientation = 3})},
  };
}

class Broken : public testing::Test {
 protected:
  Result<Ok, PictureError> run(std::span<const std::byte> encoded) {
    // A copy of exactly this size, so that a sanitizer sees the first byte read beyond it.
    const Bytes exact(encoded.begin(), encoded.end());
    return preprocessor_.run(exact, tensor_);
  }

 private:
  Preprocessor preprocessor_{recipe(), kMaxPixels};
  std::vector<std::byte> tensor_ = std::vector<std::byte>(recipe().tensor_bytes());
};

TEST_F(Broken, APictureCutShortAnywhereIsRefused) {
  for (const auto& [name, whole] : samples()) {
    ASSERT_TRUE(run(whole)) << name;
    // The last bytes of a file may be missing without harm: markers and chunks that end it, a byte
    // of padding.
    for (std::size_t size = 0; size + 24 < whole.size(); size += size < 64 ? 1 : 7) {
      const auto done = run(std::span(whole).first(size));
      if (done) {
        ADD_FAILURE() << name << " cut to " << size << " of " << whole.size() << " bytes passed";
        break;
      }
      const ItemError expected = size < 12 ? done.error().code : ItemError::corrupt;
      EXPECT_EQ(done.error().code, expected) << name << ' ' << size << ' ' << done.error().message;
      EXPECT_FALSE(done.error().message.empty());
    }
  }
}

TEST_F(Broken, FlippedBytesAreDecodedOrRefused) {
  std::mt19937 random(20240607);
  std::size_t refused = 0;
  std::size_t runs = 0;
  for (const auto& [name, whole] : samples()) {
    for (int round = 0; round < 400; ++round, ++runs) {
      Bytes bytes = whole;
      const std::size_t flips = 1 + random() % 4;
      // Every second time in the first bytes, where sizes and tables stand.
      const std::size_t range =
          round % 2 == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 200);
      for (std::size_t i = 0; i < flips; ++i)
        bytes[random() % range] ^= static_cast<std::byte>(1 + random() % 255);
      const auto done = run(bytes);
      if (done) continue;
      ++refused;
      EXPECT_FALSE(done.error().message.empty()) << name;
    }
    EXPECT_TRUE(run(whole)) << name << ": a broken picture left something behind";
  }
  EXPECT_GT(refused, runs / 4);
}

TEST_F(Broken, GarbageBehindASignatureIsRefused) {
  std::mt19937 random(7);
  for (const auto& [name, whole] : samples()) {
    for (int round = 0; round < 20; ++round) {
      Bytes bytes(whole.begin(), whole.begin() + 16);
      for (int i = 0; i < 500; ++i) bytes.push_back(static_cast<std::byte>(random()));
      EXPECT_FALSE(run(bytes)) << name;
    }
  }
}

TEST_F(Broken, AJpegWithGarbageBetweenItsMarkersIsWhole) {
  Bytes jpeg = encode_jpeg(slopes(61, 47));
  jpeg.insert(jpeg.begin() + 20, {std::byte{1}, std::byte{2}, std::byte{3}});  // behind APP0
  const auto done = run(jpeg);
  EXPECT_TRUE(done) << done.error().message;
}

TEST_F(Broken, AJpegWithoutItsLastMarkerIsWhole) {
  const Bytes jpeg = encode_jpeg(slopes(61, 47));
  EXPECT_TRUE(run(std::span(jpeg).first(jpeg.size() - 2)));
}

TEST_F(Broken, AJpegOfThousandsOfScansIsRefused) {
  // The last scan of a progressive file, again and again: each would cost a pass over the picture.
  const Bytes whole = encode_jpeg(slopes(61, 47), {.progressive = true});
  std::size_t scan = whole.size() - 2;
  while (whole[scan] != std::byte{0xff} || whole[scan + 1] != std::byte{0xda}) --scan;
  Bytes jpeg(whole.begin(), whole.end() - 2);
  for (int i = 0; i < 600; ++i)
    jpeg.insert(jpeg.end(), whole.begin() + static_cast<std::ptrdiff_t>(scan), whole.end() - 2);
  jpeg.insert(jpeg.end(), {std::byte{0xff}, std::byte{0xd9}});
  const auto done = run(jpeg);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "broken JPEG: more than 500 scans");
}

TEST_F(Broken, SaysWhatIsBroken) {
  const Bytes jpeg = encode_jpeg(slopes(61, 47));
  EXPECT_EQ(run(std::span(jpeg).first(jpeg.size() / 2)).error().message.substr(0, 23),
            "broken JPEG: ends early");
  const Bytes png = encode_png(slopes(61, 47));
  EXPECT_EQ(run(std::span(png).first(png.size() / 2)).error().message, "broken PNG: ends early");
  const Bytes webp = encode_webp(slopes(61, 47));
  EXPECT_EQ(run(std::span(webp).first(webp.size() / 2)).error().message, "broken WebP: ends early");
}

}  // namespace
}  // namespace headrace::image
