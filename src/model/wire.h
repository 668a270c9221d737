// The protobuf wire format, read from a stream in bounded pieces.
//
// A model file may hold gigabytes of weights and may be cut short or broken anywhere. No length in
// it is trusted: a field must end inside its message, and payloads are passed over by seeking, so
// that nothing is read or allocated for weights. Nothing here knows what the fields mean.
#pragma once

#include <array>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>

namespace headrace::model {

// The bytes of a file through a small window. After the first problem every read fails.
class WireSource {
 public:
  explicit WireSource(std::istream& in);

  std::uint64_t size() const { return size_; }
  // The byte at `offset`, nothing past the end or when reading fails.
  std::optional<unsigned char> byte(std::uint64_t offset);
  // Bytes [begin, end). Too much text in one file is a problem, so that a broken file cannot fill
  // memory.
  std::string text(std::uint64_t begin, std::uint64_t end);

  void fail(std::string what);
  // Empty while all is well.
  const std::string& problem() const { return problem_; }
  bool cut_short() const { return cut_short_; }
  void set_cut_short() { cut_short_ = true; }

 private:
  std::istream& in_;
  std::uint64_t size_ = 0;
  std::array<char, 8192> window_{};
  std::uint64_t window_begin_ = 0;
  std::size_t window_size_ = 0;
  std::uint64_t text_budget_ = std::uint64_t{64} << 20;
  std::string problem_;
  bool cut_short_ = false;
};

enum class WireType : unsigned char { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t value = 0;  // of a varint
  std::uint64_t begin = 0;  // of the payload
  std::uint64_t end = 0;

  bool bytes(std::uint32_t wanted) const { return number == wanted && type == WireType::bytes; }
  bool varint(std::uint32_t wanted) const { return number == wanted && type == WireType::varint; }
};

// The fields of one message, in file order.
class WireMessage {
 public:
  explicit WireMessage(WireSource& source) : WireMessage(source, 0, source.size()) {}
  WireMessage(WireSource& source, const WireField& field)
      : WireMessage(source, field.begin, field.end) {}

  // The next field; nothing at the end of the message or after a problem (see WireSource::problem).
  std::optional<WireField> next();

 private:
  WireMessage(WireSource& source, std::uint64_t begin, std::uint64_t end)
      : source_(source), at_(begin), end_(end) {}
  std::optional<std::uint64_t> varint();
  bool payload(WireField& field, std::uint64_t length);

  WireSource& source_;
  std::uint64_t at_;
  std::uint64_t end_;
};

}  // namespace headrace::model
