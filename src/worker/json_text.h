// JSON written straight into a bounded piece of memory: results are made in the slot, not copied
// there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace headrace::worker {

// Appends to `room`; once something did not fit, everything after it is dropped and overflowed()
// says so.
class JsonText {
 public:
  explicit JsonText(std::span<char> room) : room_(room) {}

  JsonText& raw(std::string_view text);     // as it is
  JsonText& string(std::string_view text);  // quoted and escaped
  JsonText& number(double value);           // NaN and infinities become null, as JSON has none
  JsonText& number(float value);            // the shortest digits that give the same float
  JsonText& number(std::int64_t value);
  JsonText& number(std::uint64_t value);

  bool overflowed() const { return overflowed_; }
  std::size_t size() const { return used_; }

 private:
  std::span<char> room_;
  std::size_t used_ = 0;
  bool overflowed_ = false;
};

}  // namespace headrace::worker
