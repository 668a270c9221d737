// Units that must not be mixed up. Time is std::chrono.
#pragma once

#include <compare>
#include <cstdint>

namespace headrace {

struct Bytes {
  std::uint64_t value = 0;
  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr double mib() const { return static_cast<double>(value) / (1024.0 * 1024.0); }
};
constexpr Bytes operator+(Bytes a, Bytes b) {
  return {a.value + b.value};
}
constexpr Bytes operator*(Bytes a, std::uint64_t n) {
  return {a.value * n};
}
constexpr Bytes operator""_KiB(unsigned long long n) {
  return {n << 10};
}
constexpr Bytes operator""_MiB(unsigned long long n) {
  return {n << 20};
}

// A budget of processors, kept as a fraction (a quota of 1.5 is 1.5) and rounded as late as
// possible.
struct Cpus {
  double value = 0;
  constexpr auto operator<=>(const Cpus&) const = default;
};

}  // namespace headrace
