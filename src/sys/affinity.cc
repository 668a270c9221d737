#include "sys/affinity.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <numeric>

namespace headrace::sys {
namespace {

constexpr std::size_t kWordBits = sizeof(unsigned long) * CHAR_BIT;
constexpr std::size_t kFirstWords = 1024 / kWordBits;
constexpr std::size_t kMostWords = (std::size_t{1} << 20) / kWordBits;  // a million processors

long ask_kernel(std::span<unsigned long> words) {
  const long written = syscall(SYS_sched_getaffinity, 0, words.size_bytes(), words.data());
  return written < 0 ? -errno : written;
}

std::vector<unsigned> bits_of(std::span<const unsigned long> words) {
  std::vector<unsigned> cpus;
  for (std::size_t bit = 0; bit < words.size() * kWordBits; ++bit) {
    if ((words[bit / kWordBits] >> (bit % kWordBits) & 1UL) != 0) {
      cpus.push_back(static_cast<unsigned>(bit));
    }
  }
  return cpus;
}

}  // namespace

std::vector<unsigned> cpus_of(const AffinityCall& call) {
  for (std::size_t size = kFirstWords; size <= kMostWords; size *= 2) {
    std::vector<unsigned long> words(size, 0UL);
    const long written = call(words);
    if (written >= 0) {
      const std::size_t whole = static_cast<std::size_t>(written) / sizeof(unsigned long);
      return bits_of(std::span(words).first(std::min(whole, size)));
    }
    if (written != -EINVAL) break;
  }
  return {};
}

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus = cpus_of(ask_kernel);
  if (cpus.empty()) {
    cpus.resize(static_cast<std::size_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))));
    std::iota(cpus.begin(), cpus.end(), 0U);
  }
  return cpus;
}

}  // namespace headrace::sys
