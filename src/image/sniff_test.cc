#include "image/sniff.h"

#include <gtest/gtest.h>

#include "image/sample_pictures.h"

namespace headrace::image {
namespace {

using namespace std::string_view_literals;

Sniffed sniff_text(std::string_view text) {
  return sniff(std::as_bytes(std::span(text)));
}

TEST(Sniff, TellsTheKindsThatAreTakenByTheirContent) {
  const Pixels pixels = slopes(8, 8);
  EXPECT_EQ(sniff(encode_jpeg(pixels)).kind, Kind::jpeg);
  EXPECT_EQ(sniff(encode_png(pixels)).kind, Kind::png);
  EXPECT_EQ(sniff(encode_webp(pixels)).kind, Kind::webp);
}

TEST(Sniff, NamesWhatItDoesNotTake) {
  EXPECT_EQ(sniff_text("").looks_like, "empty file");
  EXPECT_EQ(sniff_text("GIF89a...").looks_like, "GIF picture");
  EXPECT_EQ(sniff_text("II*\0...."sv).looks_like, "TIFF picture");
  EXPECT_EQ(sniff_text("\0\0\0\x1c"
                       "ftypavif"sv)
                .looks_like,
            "AVIF picture");
  EXPECT_EQ(sniff_text("RIFF\1\0\0\0WAVE"sv).looks_like, "RIFF file that is no WebP");
  EXPECT_EQ(sniff_text("%PDF-1.7").looks_like, "PDF document");
  EXPECT_EQ(sniff_text("hello, world\n").looks_like, "text");
  EXPECT_EQ(sniff_text("gr\xc3\xbc\xc3\x9f dich").looks_like, "text");
  EXPECT_EQ(sniff_text("\0\0\0\0"sv).looks_like, "file of zero bytes");
  EXPECT_EQ(sniff_text("\1\2\3\4"sv).looks_like, "file of unknown content");
}

TEST(Sniff, TakesAFileThatEndsInItsSignatureForABrokenOne) {
  EXPECT_EQ(sniff_text("\xff\xd8").kind, Kind::jpeg);
  EXPECT_EQ(sniff_text("\x89PNG").kind, Kind::png);
  EXPECT_EQ(sniff_text("\x89PNX\r\n").kind, Kind::other);
}

}  // namespace
}  // namespace headrace::image
