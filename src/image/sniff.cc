#include "image/sniff.h"

#include <algorithm>
#include <array>

namespace headrace::image {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  std::string_view looks_like;
};

// Kinds that are not taken, but deserve their name in the message. The first match wins.
constexpr std::array kForeign = {
    Signature{0, "GIF8"sv, "GIF picture"},
    Signature{0, "BM"sv, "BMP picture"},
    Signature{0, "II*\0"sv, "TIFF picture"},
    Signature{0, "MM\0*"sv, "TIFF picture"},
    Signature{4, "ftypavif"sv, "AVIF picture"},
    Signature{4, "ftyphei"sv, "HEIC picture"},
    Signature{4, "ftypmif1"sv, "HEIF picture"},
    Signature{4, "ftyp"sv, "MP4 video"},
    Signature{0, "\xff\x0a"sv, "JPEG XL picture"},
    Signature{4, "JXL \r\n\x87\n"sv, "JPEG XL picture"},
    Signature{4, "jP  \r\n\x87\n"sv, "JPEG 2000 picture"},
    Signature{0, "\xff\x4f\xff\x51"sv, "JPEG 2000 picture"},
    Signature{0, "8BPS"sv, "Photoshop picture"},
    Signature{0, "qoif"sv, "QOI picture"},
    Signature{0, "\0\0\1\0"sv, "icon"},
    Signature{0, "RIFF"sv, "RIFF file that is no WebP"},
    Signature{0, "%PDF"sv, "PDF document"},
    Signature{0, "PK\3\4"sv, "ZIP archive"},
    Signature{0, "\x1f\x8b"sv, "gzip file"},
    Signature{0,
              "\x7f"
              "ELF"sv,
              "ELF program"},
    Signature{0, "<svg"sv, "SVG picture"},
    Signature{0, "<?xml"sv, "XML text"},
    Signature{0, "<!DOCTYPE html"sv, "HTML text"},
    Signature{0, "<html"sv, "HTML text"},
};

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";

bool has(std::string_view content, std::size_t offset, std::string_view bytes) {
  return content.size() >= offset && content.substr(offset).starts_with(bytes);
}

bool is_text(std::string_view content) {
  return std::all_of(content.begin(), content.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\r' || c == '\t' || c == '\f';
  });
}

}  // namespace

Sniffed sniff(std::span<const std::byte> content) {
  const std::string_view head(reinterpret_cast<const char*>(content.data()),
                              std::min<std::size_t>(content.size(), 512));
  if (head.empty()) return {Kind::other, "empty file"};
  if (head.starts_with("\xff\xd8\xff"sv) || head == "\xff\xd8"sv)
    return {Kind::jpeg, "JPEG picture"};
  if (head.size() >= 4 && head.starts_with(kPng.substr(0, head.size()))) {
    return {Kind::png, "PNG picture"};
  }
  if (has(head, 0, "RIFF") && has(head, 8, "WEBP")) return {Kind::webp, "WebP picture"};
  for (const Signature& foreign : kForeign) {
    if (has(head, foreign.offset, foreign.bytes)) return {Kind::other, foreign.looks_like};
  }
  if (is_text(head)) return {Kind::other, "text"};
  if (std::all_of(head.begin(), head.end(), [](char c) { return c == 0; })) {
    return {Kind::other, "file of zero bytes"};
  }
  return {Kind::other, "file of unknown content"};
}

}  // namespace headrace::image
