// What it costs to hand over an array, as a table: array_bench [MIB...], 8 and 1024 unless told.
//
// The receiver is a second mapping of the same memory, as another process has it.
#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "array/blocks.h"

namespace headrace::array {
namespace {

using shm::BlockName;
using shm::Participant;

template <class F>
double microseconds(F&& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

void print(const char* what, double value) {
  std::printf("    %-58s %12.1f us\n", what, value);
}

// Reads a byte of each page.
unsigned touch(const std::byte* data, std::size_t bytes) {
  unsigned sum = 0;
  for (std::size_t at = 0; at < bytes; at += 4096) sum += std::to_integer<unsigned>(data[at]);
  return sum;
}

int measure(Bytes size) {
  std::printf("%.0f MiB\n", size.mib());
  std::vector<std::shared_ptr<Segment>> announced;
  const StoreWorld world{.self = Participant::of(1, 1),
                         .mentions = [](const BlockName&) { return false; },
                         .announce = [&](const std::shared_ptr<Segment>& segment) -> Status {
                           announced.push_back(segment);
                           return Ok{};
                         },
                         .retire = {},
                         .memory_left = {}};
  ArrayStore store({}, world);
  Holdings mine(world.self);
  Holdings theirs(Participant::of(2, 1));

  std::shared_ptr<detail::ArrayBlock> block;
  bool good = true;
  const auto allocate = [&](bool zeroed) {
    block.reset();
    auto made = new_block(store, mine, size, zeroed);
    good = good && made;
    if (made) block = std::move(*made);
  };
  print("a new block in a new segment, zeros", microseconds([&] { allocate(true); }));
  if (!good) return std::puts("no memory for it"), 1;
  print("the first fill of it", microseconds([&] { std::memset(block->data, 1, block->bytes); }));
  print("the second fill", microseconds([&] { std::memset(block->data, 2, block->bytes); }));
  while (store.collect() == 0) block.reset();
  print("a block again, contents as they are", microseconds([&] { allocate(false); }));

  std::shared_ptr<Segment> view;
  print("receiver: attach the segment", microseconds([&] {
          view = *Segment::attach(sys::Fd(::fcntl(announced.back()->fd(), F_DUPFD_CLOEXEC, 3)));
        }));
  const FindSegment find = [&](std::uint64_t) -> Result<std::shared_ptr<Segment>> { return view; };
  const BlockName name{
      .segment = block->segment, .block = block->block, .generation = block->generation};
  for (const bool writable : {true, false}) {
    std::shared_ptr<detail::ArrayBlock> opened;
    const auto open = [&] {
      opened.reset();
      opened = *open_block(find, theirs, name, writable);
    };
    std::printf("  %s\n", writable ? "to write" : "to read");
    print("receiver: open the block, first time (maps the segment)", microseconds(open));
    unsigned sum = 0;
    print("receiver: read a byte of each page, first time",
          microseconds([&] { sum = touch(opened->data, opened->bytes); }));
    print("receiver: read a byte of each page, second time",
          microseconds([&] { sum -= touch(opened->data, opened->bytes); }));
    good = good && sum == 0;
    std::vector<double> times(2000);
    for (double& time : times) time = microseconds(open);
    std::sort(times.begin(), times.end());
    print("receiver: let go and open again, median of 2000", times[times.size() / 2]);
    print("receiver: the same, 99 of 100 take less than", times[times.size() * 99 / 100]);
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace headrace::array

int main(int argc, char** argv) {
  std::vector<std::uint64_t> sizes;
  for (int i = 1; i < argc; ++i) {
    std::uint64_t mib = 0;
    const char* end = argv[i] + std::strlen(argv[i]);
    if (std::from_chars(argv[i], end, mib).ptr != end || mib == 0 || mib > 1 << 20) {
      std::fprintf(stderr, "array_bench [MIB...]\n");
      return 2;
    }
    sizes.push_back(mib);
  }
  if (sizes.empty()) sizes = {8, 1024};
  int result = 0;
  for (const std::uint64_t mib : sizes) {
    result |= headrace::array::measure(headrace::Bytes{mib << 20});
  }
  return result;
}
