// For fuzz targets: the entry that libFuzzer and src/base/fuzz_driver.cc call, and how a target says
// that something does not hold.
//
// A target takes any bytes at all and aborts when the code it feeds them to breaks a promise; the
// sanitizers see the rest. The same bytes must do the same each time: no clock, no chance, no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace headrace::fuzz {

inline void must(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "does not hold: " << what << '\n';
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Up to the first line feed, which is dropped; `rest` loses both.
inline std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

}  // namespace headrace::fuzz
