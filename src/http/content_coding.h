// Compressed bodies, both ways.
//
// A kilobyte can inflate to a megabyte, and a megabyte to a gigabyte: what comes out is bounded
// twice, by a size and by a ratio. Pure arithmetic on memory of the caller; one thread.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/limits.h"
#include "http/request.h"

namespace headrace::http {

// How a body is encoded, by its Content-Encoding. "deflate" means what it means in HTTP: zlib.
enum class Coding : unsigned char { none, compressed };
Result<Coding, Refusal> coding_of(std::string_view content_encoding);

class Inflater {
 public:
  explicit Inflater(const Limits& limits);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  struct Step {
    std::size_t consumed = 0;
    std::size_t written = 0;
    bool ended = false;  // the compressed stream is complete
  };
  // Goes on until `in` is used up or `out` is full.
  Result<Step, Refusal> inflate(std::span<const std::byte> in, std::span<std::byte> out);

 private:
  const Limits& limits_;
  z_stream stream_{};
  std::uint64_t consumed_ = 0;
  std::uint64_t written_ = 0;
};

// Makes gzip, piece by piece.
class Deflater {
 public:
  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  void add(std::span<const std::byte> in, std::string& out);
  void finish(std::string& out);

 private:
  void run(std::span<const std::byte> in, int flush, std::string& out);
  z_stream stream_{};
};

// Whether an Accept-Encoding allows gzip.
bool accepts_gzip(std::string_view accept_encoding);
// Whether it is worth while: text, JSON and what is built on it.
bool compressible(std::string_view content_type);

}  // namespace headrace::http
