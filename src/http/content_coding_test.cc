#include "http/content_coding.h"

#include <gtest/gtest.h>

namespace headrace::http {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string zipped(std::string_view text) {
  Deflater deflater;
  std::string out;
  deflater.add(bytes_of(text), out);
  deflater.finish(out);
  return out;
}

// All of `text` inflated in pieces of `piece` bytes, or the refusal's status.
std::string inflated(std::string_view text, std::size_t piece, const Limits& limits = {}) {
  Inflater inflater(limits);
  std::string out;
  std::vector<std::byte> room(piece);
  for (auto rest = bytes_of(text);;) {
    const auto step = inflater.inflate(rest.first(std::min(rest.size(), piece)), room);
    if (!step) return std::to_string(step.error().status);
    rest = rest.subspan(step->consumed);
    out.append(reinterpret_cast<const char*>(room.data()), step->written);
    if (step->ended) return out;
    if (rest.empty() && step->written == 0) return "unfinished";
  }
}

TEST(ContentCoding, ComesBackWhole) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i * i);
  const auto small = zipped(text);
  EXPECT_LT(small.size(), text.size());
  for (const std::size_t piece : {1u, 7u, 4096u, 1u << 20}) EXPECT_EQ(inflated(small, piece), text);
  EXPECT_EQ(inflated(zipped(""), 16), "");
}

TEST(ContentCoding, ABombIsRefusedByItsRatioAndByItsSize) {
  const auto bomb = zipped(std::string(16 << 20, '\0'));
  EXPECT_EQ(inflated(bomb, 65536), "413");
  Limits limits;
  limits.inflate_ratio = 1'000'000;
  limits.body = 8_MiB;
  EXPECT_EQ(inflated(bomb, 65536, limits), "413");
  limits.body = 16_MiB;
  EXPECT_EQ(inflated(bomb, 65536, limits).size(), 16u << 20);
}

TEST(ContentCoding, ASmallBodyOfZerosIsNoBomb) {
  EXPECT_EQ(inflated(zipped(std::string(1 << 20, '0')), 65536).size(), 1u << 20);
}

TEST(ContentCoding, NonsenseAndCutStreamsAreNoticed) {
  EXPECT_EQ(inflated("this is not compressed", 16), "400");
  auto cut = zipped("a text that will be cut");
  cut.resize(cut.size() - 9);
  EXPECT_EQ(inflated(cut, 64), "unfinished");
  auto bent = zipped("a text that will be bent");
  bent[bent.size() - 6] = static_cast<char>(bent[bent.size() - 6] ^ 1);  // its checksum
  EXPECT_EQ(inflated(bent, 64), "400");
}

TEST(ContentCoding, IsChosenByTheClient) {
  for (const char* yes :
       {"gzip", "deflate, GZIP;q=0.5", "*", "br;q=1.0, x-gzip", "identity,*;q=0.1"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (const char* no : {"", "identity", "gzip;q=0", "*, gzip ; q=0.0", "*;q=0", "gzipped", "br"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

TEST(ContentCoding, PaysForTextOnly) {
  for (const char* yes : {"text/plain", "application/json", "text/html; charset=utf-8", "a/b+json"})
    EXPECT_TRUE(compressible(yes)) << yes;
  for (const char* no : {"", "image/jpeg", "application/octet-stream", "textual"})
    EXPECT_FALSE(compressible(no)) << no;
}

TEST(ContentCoding, UnknownOnesAreRefused) {
  EXPECT_EQ(*coding_of(""), Coding::none);
  EXPECT_EQ(*coding_of("Identity"), Coding::none);
  EXPECT_EQ(*coding_of("GZIP"), Coding::compressed);
  EXPECT_EQ(*coding_of("deflate"), Coding::compressed);
  for (const char* no : {"br", "gzip, gzip", "zstd"}) EXPECT_EQ(coding_of(no).error().status, 415u);
}

}  // namespace
}  // namespace headrace::http
