#include "plan/words.h"

#include <fmt/core.h>

namespace headrace::plan {

std::string decimal(double value) {
  std::string text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string mib(Bytes bytes) {
  if (bytes < 100_KiB) return decimal(static_cast<double>(bytes.value) / 1024.0) + " KiB";
  const double value = bytes.mib();
  return value >= 10 ? fmt::format("{:.0f} MiB", value) : decimal(value) + " MiB";
}

std::string count(std::uint64_t number, std::string_view thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

}  // namespace headrace::plan
