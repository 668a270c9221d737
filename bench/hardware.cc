// What this machine could do at best for the figures of bench/library.cc: a cache line between two processors, a
// process woken by another, and the copying that shared memory saves.
//
// usage: hardware ROUND_TRIPS
// Prints one line of JSON, times in microseconds; "line" is the p50 of rounds of a thousand.
#include <linux/futex.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "stopwatch.h"

namespace {

using bench::Micros;

void require(bool right, const char* what) {
  if (!right) throw std::runtime_error(what);
}

// The first and the last processor that this process may use.
std::pair<int, int> two_processors() {
  cpu_set_t allowed;
  require(sched_getaffinity(0, sizeof allowed, &allowed) == 0, "sched_getaffinity failed");
  int first = -1;
  int last = -1;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (first < 0) first = cpu;
    last = cpu;
  }
  require(first != last, "it takes two processors");
  return {first, last};
}

void pin(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  require(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity failed");
}

// Two threads that look all the time, each on its own processor: there and back.
double line_round_trip() {
  constexpr unsigned kRounds = 2000;
  constexpr unsigned kTogether = 1000;
  alignas(64) std::atomic<unsigned> there{0};
  alignas(64) std::atomic<unsigned> back{0};
  const auto [one, other] = two_processors();
  std::thread echo([&, cpu = other] {
    pin(cpu);
    for (unsigned i = 1; i <= kRounds * kTogether; ++i) {
      while (there.load(std::memory_order_acquire) != i) continue;
      back.store(i, std::memory_order_release);
    }
  });
  std::vector<std::int64_t> ns;
  std::thread ask([&, cpu = one] {
    pin(cpu);
    for (unsigned i = 1; i <= kRounds * kTogether;) {
      const std::int64_t begin = bench::now_ns();
      for (const unsigned end = i + kTogether; i < end; ++i) {
        there.store(i, std::memory_order_release);
        while (back.load(std::memory_order_acquire) != i) continue;
      }
      ns.push_back(bench::now_ns() - begin);
    }
  });
  ask.join();
  echo.join();
  return bench::percentiles(std::move(ns)).p50 / kTogether;
}

// A way to say something to another process, and to sleep until it is said.
struct Signal {
  virtual ~Signal() = default;
  virtual void give() = 0;
  virtual void take() = 0;
};

class FutexSignal : public Signal {
 public:
  FutexSignal() {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(page != MAP_FAILED, "mmap failed");
    word_ = new (page) std::atomic<unsigned>(0);
  }
  void give() override {
    word_->store(1);
    syscall(SYS_futex, word_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  void take() override {
    while (word_->load() == 0) syscall(SYS_futex, word_, FUTEX_WAIT, 0, nullptr, nullptr, 0);
    word_->store(0);
  }

 private:
  std::atomic<unsigned>* word_ = nullptr;  // the page stays until the program ends
};

class FileSignal : public Signal {
 public:
  FileSignal(int read_end, int write_end) : read_end_(read_end), write_end_(write_end) {}
  void give() override {
    const std::uint64_t one = 1;
    require(write(write_end_, &one, sizeof one) == sizeof one, "write failed");
  }
  void take() override {
    std::uint64_t one = 0;
    require(read(read_end_, &one, sizeof one) == sizeof one, "read failed");
  }

 private:
  int read_end_;
  int write_end_;
};

FileSignal event() {
  const int fd = eventfd(0, EFD_CLOEXEC);
  require(fd >= 0, "eventfd failed");
  return {fd, fd};
}
FileSignal one_pipe() {
  std::array<int, 2> ends{};
  require(pipe(ends.data()) == 0, "pipe failed");
  return {ends[0], ends[1]};
}

// Two processes; each sleeps until the other has said something.
template <class S>
Micros wake_round_trip(S there, S back, std::size_t times) {
  const std::size_t all = times + times / 10 + 1;  // with those of time_each that do not count
  const pid_t child = fork();
  require(child >= 0, "fork failed");
  if (child == 0) {
    for (std::size_t i = 0; i < all; ++i) {
      there.take();
      back.give();
    }
    _exit(0);
  }
  const Micros trip = bench::time_each(times, [&] {
    there.give();
    back.take();
  });
  waitpid(child, nullptr, 0);
  return trip;
}

double copy(std::size_t bytes, std::size_t times) {
  const std::vector<char> from(bytes, 1);
  std::vector<char> to(bytes, 2);
  return bench::time_each(times,
                          [&] {
                            std::memcpy(to.data(), from.data(), bytes);
                            // The copy counts as used.
                            asm volatile("" : : "r"(to.data()) : "memory");
                          })
      .p50;
}

void measure(std::size_t times) {
  const double line = line_round_trip();
  const Micros futex = wake_round_trip(FutexSignal(), FutexSignal(), times);
  const Micros bell = wake_round_trip(event(), event(), times);
  const Micros pipes = wake_round_trip(one_pipe(), one_pipe(), times);
  std::printf(
      "{\"line_p50\":%.4f,\"futex_p50\":%.2f,\"futex_p99\":%.2f,\"eventfd_p50\":%.2f,\"eventfd_"
      "p99\":%.2f,"
      "\"pipe_p50\":%.2f,\"pipe_p99\":%.2f,\"copy_8_p50\":%.1f,\"copy_1024_p50\":%.1f}\n",
      line, futex.p50, futex.p99, bell.p50, bell.p99, pipes.p50, pipes.p99, copy(8UL << 20, 50),
      copy(1UL << 30, 3));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    require(argc == 2, "usage: hardware ROUND_TRIPS");
    measure(std::stoul(argv[1]));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hardware: %s\n", e.what());
    return 1;
  }
}
