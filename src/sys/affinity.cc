#include "sys/affinity.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <numeric>
#include <string>

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

std::vector<unsigned long> mask_of(std::span<const unsigned> cpus) {
  std::vector<unsigned long> words(kFirstWords, 0UL);
  for (const unsigned cpu : cpus) {
    if (cpu / kWordBits >= words.size()) words.resize(cpu / kWordBits + 1, 0UL);
    words[cpu / kWordBits] |= 1UL << (cpu % kWordBits);
  }
  return words;
}

Status pin_to(std::span<const unsigned> cpus) {
  if (cpus.empty()) return Error{"no processor to pin to: the list is empty"};
  for (const unsigned cpu : cpus) {
    if (cpu >= kMostWords * kWordBits) {
      return Error{"there is no processor " + std::to_string(cpu)};
    }
  }
  const std::vector<unsigned long> words = mask_of(cpus);
  if (syscall(SYS_sched_setaffinity, 0, words.size() * sizeof(unsigned long), words.data()) != 0) {
    return Error{"cannot pin to " + std::to_string(cpus.size()) +
                 " processors: " + std::strerror(errno)};
  }
  return Ok{};
}

}  // namespace headrace::sys
