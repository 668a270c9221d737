#include "worker/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "base/text.h"

namespace headrace::worker {
namespace {

template <class T>
std::string_view digits(T value, std::array<char, 32>& buffer) {
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

}  // namespace

JsonText& JsonText::raw(std::string_view text) {
  if (overflowed_ || text.size() > room_.size() - used_) {
    overflowed_ = true;
    return *this;
  }
  std::copy(text.begin(), text.end(), room_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ += text.size();
  return *this;
}

JsonText& JsonText::string(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  return raw(quoted);
}

JsonText& JsonText::number(double value) {
  std::array<char, 32> buffer;
  return raw(std::isfinite(value) ? digits(value, buffer) : "null");
}

JsonText& JsonText::number(float value) {
  std::array<char, 32> buffer;
  return raw(std::isfinite(value) ? digits(value, buffer) : "null");
}

JsonText& JsonText::number(std::int64_t value) {
  std::array<char, 32> buffer;
  return raw(digits(value, buffer));
}

JsonText& JsonText::number(std::uint64_t value) {
  std::array<char, 32> buffer;
  return raw(digits(value, buffer));
}

}  // namespace headrace::worker
