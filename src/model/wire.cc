#include "model/wire.h"

#include <algorithm>
#include <utility>

namespace headrace::model {

WireSource::WireSource(std::istream& in) : in_(in) {
  in_.clear();
  in_.seekg(0, std::ios::end);
  const std::streamoff end = in_.tellg();
  if (!in_ || end < 0) {
    fail("its size cannot be read");
  } else {
    size_ = static_cast<std::uint64_t>(end);
  }
}

std::optional<unsigned char> WireSource::byte(std::uint64_t offset) {
  if (!problem_.empty() || offset >= size_) return std::nullopt;
  if (offset < window_begin_ || offset - window_begin_ >= window_size_) {
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(offset));
    in_.read(window_.data(), static_cast<std::streamsize>(window_.size()));
    window_begin_ = offset;
    window_size_ = static_cast<std::size_t>(in_.gcount());
    if (window_size_ == 0) {
      fail("it cannot be read at byte " + std::to_string(offset));
      return std::nullopt;
    }
  }
  return static_cast<unsigned char>(window_[offset - window_begin_]);
}

std::string WireSource::text(std::uint64_t begin, std::uint64_t end) {
  constexpr std::uint64_t kLongest = 4096;
  std::string out;
  if (begin >= end) return out;
  if (end - begin > kLongest || end - begin > text_budget_) {
    fail("the name at byte " + std::to_string(begin) + " is too long, or there are too many names");
    return out;
  }
  text_budget_ -= end - begin;
  out.reserve(end - begin);
  for (std::uint64_t i = begin; i < end; ++i) {
    const auto next = byte(i);
    if (!next) break;
    out += static_cast<char>(*next);
  }
  return out;
}

void WireSource::fail(std::string what) {
  if (problem_.empty()) problem_ = std::move(what);
}

std::optional<std::uint64_t> WireMessage::varint() {
  std::uint64_t value = 0;
  const std::uint64_t start = at_;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    const auto next = at_ < end_ ? source_.byte(at_) : std::nullopt;
    if (!next) {
      if (at_ >= source_.size()) source_.set_cut_short();
      source_.fail("the number at byte " + std::to_string(start) + " has no end");
      return std::nullopt;
    }
    ++at_;
    value |= std::uint64_t{*next & 0x7FU} << std::min(shift, 63U);
    if (*next < 0x80) return value;
  }
  source_.fail("the number at byte " + std::to_string(start) + " is longer than any number");
  return std::nullopt;
}

bool WireMessage::payload(WireField& field, std::uint64_t length) {
  if (length > end_ - at_) {
    if (length > source_.size() - at_) source_.set_cut_short();
    source_.fail("the field at byte " + std::to_string(at_) + " claims " + std::to_string(length) +
                 " bytes where " + std::to_string(end_ - at_) + " are left");
    return false;
  }
  field.begin = at_;
  field.end = at_ + length;
  at_ = field.end;
  return true;
}

std::optional<WireField> WireMessage::next() {
  if (!source_.problem().empty() || at_ >= end_) return std::nullopt;
  const std::uint64_t start = at_;
  const auto key = varint();
  if (!key) return std::nullopt;
  WireField field;
  field.number = static_cast<std::uint32_t>(*key >> 3);
  field.type = static_cast<WireType>(*key & 7U);
  if (*key >> 3 == 0 || *key >> 32 != 0) {
    source_.fail("the field at byte " + std::to_string(start) + " has no valid number");
    return std::nullopt;
  }
  switch (field.type) {
    case WireType::varint:
      if (const auto value = varint()) {
        field.value = *value;
        return field;
      }
      return std::nullopt;
    case WireType::fixed64:
      return payload(field, 8) ? std::optional(field) : std::nullopt;
    case WireType::fixed32:
      return payload(field, 4) ? std::optional(field) : std::nullopt;
    case WireType::bytes:
      if (const auto length = varint(); length && payload(field, *length)) return field;
      return std::nullopt;
  }
  source_.fail("the field at byte " + std::to_string(start) + " is of no known wire type");
  return std::nullopt;
}

}  // namespace headrace::model
