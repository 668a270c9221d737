#include "http/content_coding.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace headrace::http {
namespace {

constexpr std::uint64_t kRatioFrom = 1 << 20;  // a small body of zeros is no attack
constexpr int kEither = 32 + MAX_WBITS;        // zlib or gzip, by its first bytes
constexpr int kGzip = 16 + MAX_WBITS;
constexpr int kFast = 1;  // the next levels cost twice as much for a tenth less

uInt clamped(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

Bytef* input(std::span<const std::byte> bytes) {  // zlib only reads it
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

// The next element of a comma-separated list; `rest` loses it.
std::string_view next_element(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto element = trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return element;
}

// Whether the parameters of an element say "q=0".
bool refused(std::string_view parameters) {
  while (!parameters.empty()) {
    const auto parameter = next_element(parameters, ';');
    if (parameter.size() < 3 || !same_word(parameter.substr(0, 2), "q=")) continue;
    return parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
  }
  return false;
}

}  // namespace

Result<Coding, Refusal> coding_of(std::string_view content_encoding) {
  if (content_encoding.empty() || same_word(content_encoding, "identity")) return Coding::none;
  for (const std::string_view known : {"gzip", "x-gzip", "deflate"}) {
    if (same_word(content_encoding, known)) return Coding::compressed;
  }
  return Refusal{415, "Content-Encoding must be gzip or deflate, or be left out"};
}

Inflater::Inflater(const Limits& limits) : limits_(limits) {
  if (inflateInit2(&stream_, kEither) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() {
  inflateEnd(&stream_);
}

Result<Inflater::Step, Refusal> Inflater::inflate(std::span<const std::byte> in,
                                                  std::span<std::byte> out) {
  stream_.next_in = input(in);
  stream_.avail_in = clamped(in.size());
  stream_.next_out = reinterpret_cast<Bytef*>(out.data());
  stream_.avail_out = clamped(out.size());
  const int code = ::inflate(&stream_, Z_NO_FLUSH);
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
    return Refusal{400, "the body is not what its Content-Encoding says"};

  const Step step{clamped(in.size()) - stream_.avail_in, clamped(out.size()) - stream_.avail_out,
                  code == Z_STREAM_END};
  consumed_ += step.consumed;
  written_ += step.written;
  if (written_ > limits_.body.value)
    return Refusal{
        413, "the body is too large once it is inflated: " + std::to_string(limits_.body.value) +
                 " bytes are the most that this server takes"};
  if (written_ > kRatioFrom && written_ / limits_.inflate_ratio > consumed_)
    return Refusal{413, "the body grows too much when it is inflated"};
  return step;
}

Deflater::Deflater() {
  if (deflateInit2(&stream_, kFast, Z_DEFLATED, kGzip, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw std::bad_alloc();
}

Deflater::~Deflater() {
  deflateEnd(&stream_);
}

void Deflater::add(std::span<const std::byte> in, std::string& out) {
  run(in, Z_NO_FLUSH, out);
}

void Deflater::finish(std::string& out) {
  run({}, Z_FINISH, out);
}

void Deflater::run(std::span<const std::byte> in, int flush, std::string& out) {
  std::array<char, 16384> piece;
  do {
    stream_.next_in = input(in);
    stream_.avail_in = clamped(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_out = static_cast<uInt>(piece.size());
    ::deflate(&stream_, flush);
    in = in.last(in.size() - (clamped(in.size()) - stream_.avail_in));
    out.append(piece.data(), piece.size() - stream_.avail_out);
  } while (!in.empty() || stream_.avail_out == 0);
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    auto parameters = next_element(accept_encoding, ',');
    const auto coding = next_element(parameters, ';');
    if (same_word(coding, "gzip") || same_word(coding, "x-gzip")) return !refused(parameters);
    if (coding == "*") any = !refused(parameters);
  }
  return any;
}

bool compressible(std::string_view content_type) {
  const auto type = trimmed(content_type.substr(0, content_type.find(';')));
  return same_word(type.substr(0, 5), "text/") || same_word(type, "application/json") ||
         same_word(type, "application/x-ndjson") || type.ends_with("+json");
}

}  // namespace headrace::http
