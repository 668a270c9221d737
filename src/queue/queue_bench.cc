// How many messages a second go through one queue: one line for each form.
//
//   queue_bench [SECONDS]
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "queue/queue.h"

namespace {

using headrace::queue::SharedQueue;
using headrace::shm::Participant;
using Clock = SharedQueue::Clock;

struct Form {
  const char* name = "";
  std::size_t bytes = 16;
  std::size_t batch = 1;
  std::uint32_t producers = 1;
  std::uint32_t consumers = 1;
};

void produce(SharedQueue& queue, const Form& form, Participant who) {
  const std::vector<std::byte> payload(form.bytes);
  const std::vector<SharedQueue::Item> items(form.batch, {.payload = payload});
  std::size_t count = 0;
  while (queue.put_many(who, items, count, SharedQueue::kForever) == SharedQueue::Put::done) {
  }
}

std::uint64_t consume(SharedQueue& queue, const Form& form, Participant who) {
  std::vector<SharedQueue::Taken> taken(form.batch);
  std::vector<SharedQueue::Lease> leases(form.batch);
  std::uint64_t total = 0;
  std::size_t count = 0;
  while (queue.get_many(who, taken, count, SharedQueue::kForever) == SharedQueue::Get::item) {
    for (std::size_t i = 0; i < count; ++i) leases[i] = taken[i].lease;
    total += queue.acknowledge(who, std::span(leases).first(count));
  }
  return total;
}

void measure(const Form& form, double seconds) {
  auto queue = SharedQueue::create({.records = 1024, .pages = 4096});
  if (!queue) std::abort();
  int totals[2] = {};
  if (::pipe(totals) != 0) std::abort();
  const auto begin = Clock::now();
  for (std::uint32_t i = 0; i < form.producers + form.consumers; ++i) {
    if (::fork() != 0) continue;
    const Participant who = Participant::of(i + 1, 1);
    std::uint64_t total = 0;
    if (i < form.producers) {
      produce(*queue, form, who);
    } else {
      total = consume(*queue, form, who);
    }
    ::_exit(::write(totals[1], &total, sizeof(total)) == sizeof(total) ? 0 : 1);
  }
  ::usleep(static_cast<unsigned>(seconds * 1e6));
  queue->close();
  std::uint64_t items = 0;
  for (std::uint32_t i = 0; i < form.producers + form.consumers; ++i) {
    std::uint64_t total = 0;
    if (::read(totals[0], &total, sizeof(total)) != sizeof(total)) std::abort();
    items += total;
  }
  while (::wait(nullptr) > 0) {
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  std::printf("%-28s %7zu bytes  %8.3f M/s\n", form.name, form.bytes,
              static_cast<double>(items) / took.count() / 1e6);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  for (const Form& form :
       {Form{"1 to 1, one by one", 16, 1, 1, 1}, Form{"1 to 1, batches of 64", 16, 64, 1, 1},
        Form{"1 to 1, batches of 64", 192, 64, 1, 1}, Form{"1 to 1, one by one", 65536, 1, 1, 1},
        Form{"2 to 2, batches of 64", 16, 64, 2, 2}, Form{"2 to 2, one by one", 16, 1, 2, 2},
        Form{"1 to 8, one by one", 16, 1, 1, 8}, Form{"8 to 8, batches of 64", 16, 64, 8, 8}}) {
    measure(form, seconds);
  }
}
