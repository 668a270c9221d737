// What a program gets from the library: tasks that do nothing, messages, arrays handed over, memory.
//
// Everything goes through the public headers, with the library's own worker processes at the other end. Workers
// are started, and have done something, before a clock starts.
//
// usage: library tasks WORKERS TASKS ROUND_TRIPS       map, imap; then submit().get(), one after the other
//        library messages MESSAGES ROUND_TRIPS         one process puts, one takes; then there and back
//        library arrays BYTES TIMES                    from the sender's call to the receiver's first element
//        library memory WORKERS BYTES shared|private   all workers read all of it, then memory is added up
// Prints one line of JSON, all of it numbers; rates are a second, times are microseconds.
#include <headrace/headrace.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "stopwatch.h"

namespace {

using bench::Micros;
using bench::now_ns;
using bench::seconds_since;
using headrace::Pool;
using headrace::Queue;
using headrace::SharedArray;

// From 0 on.
template <class T>
std::vector<T> first_numbers(std::size_t count) {
  std::vector<T> numbers(count);
  std::iota(numbers.begin(), numbers.end(), T{0});
  return numbers;
}

void require(bool right, const char* what) {
  if (!right) throw std::runtime_error(what);
}

// ---- tasks

int same(int x) {
  return x;
}

double rate_of_map(Pool& pool, std::size_t tasks, std::size_t chunk) {
  const auto inputs = first_numbers<int>(tasks);
  const std::int64_t begin = now_ns();
  const auto all = pool.map<same>(inputs, {.chunk = chunk});
  const double seconds = seconds_since(begin);
  require(all.size() == tasks && *all.back() == inputs.back(), "map lost a task");
  return static_cast<double>(tasks) / seconds;
}

double rate_of_imap(Pool& pool, std::size_t tasks, std::size_t chunk) {
  const auto inputs = first_numbers<int>(tasks);
  const std::int64_t begin = now_ns();
  std::size_t count = 0;
  for (const auto& result : pool.imap<same>(inputs, {.chunk = chunk})) {
    require(*result == inputs[count++], "imap lost a task");
  }
  const double seconds = seconds_since(begin);
  require(count == tasks, "imap lost a task");
  return static_cast<double>(tasks) / seconds;
}

void tasks(unsigned workers, std::size_t count, std::size_t round_trips) {
  Pool pool({.workers = workers});
  rate_of_imap(pool, 20'000, 1);          // all workers have worked
  const std::size_t single = count / 10;  // of those that travel alone
  const double map_auto = rate_of_map(pool, count, 0);
  const double imap_auto = rate_of_imap(pool, count, 0);
  const double map_1 = rate_of_map(pool, single, 1);
  const double imap_1 = rate_of_imap(pool, single, 1);
  const Micros call = bench::time_each(round_trips, [&] { pool.submit<same>(1).get(); });
  std::printf(
      "{\"map_auto\":%.0f,\"imap_auto\":%.0f,\"map_1\":%.0f,\"imap_1\":%.0f,\"call_p50\":%.2f,"
      "\"call_p99\":%.2f}\n",
      map_auto, imap_auto, map_1, imap_1, call.p50, call.p99);
}

// ---- messages

long drain(Queue<long> messages, Queue<long> ready, std::size_t together) {
  ready.put(1);
  long count = 0;
  if (together == 1) {
    while (messages.take()) ++count;
  } else {
    for (auto some = messages.take_some(together); !some.empty();
         some = messages.take_some(together)) {
      count += static_cast<long>(some.size());
    }
  }
  return count;
}

void echo(Queue<long> there, Queue<long> back) {
  while (auto message = there.take()) back.put(*message);
}

double rate_one_way(Pool& pool, long count, std::size_t together) {
  const auto numbers = first_numbers<long>(static_cast<std::size_t>(count));
  Queue<long> messages;
  Queue<long> ready;
  auto taken = pool.submit<drain>(messages, ready, together);
  ready.take();
  const std::int64_t begin = now_ns();
  if (together == 1) {
    for (const long number : numbers) messages.put(number);
  } else {
    messages.put_all(numbers);
  }
  messages.close();
  require(taken.get() == count, "the queue lost a message");
  return static_cast<double>(count) / seconds_since(begin);
}

void messages(long count, std::size_t round_trips) {
  Pool pool({.workers = 1});
  const double one = rate_one_way(pool, count, 1);
  const double many = rate_one_way(pool, count, 64);
  Queue<long> there;
  Queue<long> back;
  auto echoing = pool.submit<echo>(there, back);
  const Micros trip = bench::time_each(round_trips, [&] {
    there.put(1);
    back.take();
  });
  there.close();
  echoing.get();
  std::printf(
      "{\"one_by_one\":%.0f,\"by_64\":%.0f,\"round_trip_p50\":%.2f,\"round_trip_p99\":%.2f}\n", one,
      many, trip.p50, trip.p99);
}

// ---- arrays

using Array = SharedArray<double>;
using Frozen = SharedArray<const double>;

struct Parcel {
  std::int64_t ns = 0;  // there: when it was sent; back: how long it took
  Array array;
  auto headrace_members() { return std::tie(ns, array); }
};

// Touches the first element, so that "usable" is not a promise.
template <class A>
std::int64_t age(std::int64_t sent, const A& array) {
  if (array) require(array.data()[0] == 1, "the array arrived without its contents");
  return now_ns() - sent;
}

std::int64_t arrive(std::int64_t sent, const Frozen& array) {
  return age(sent, array);
}

void send_back(Queue<Parcel> there, Queue<Parcel> back) {
  while (auto parcel = there.get()) {
    const std::int64_t took = age(parcel->ns, parcel->array);
    back.put({took, std::move(parcel->array)});
  }
}

long receive(Queue<Frozen> arrays, Queue<long> ready) {
  ready.put(1);
  long count = 0;
  while (const auto array = arrays.take()) {
    age(0, *array);
    ++count;
  }
  return count;
}

Array filled(std::size_t bytes) {
  Array array({bytes / sizeof(double)}, headrace::uninitialized);
  std::ranges::fill(array.span(), 1.0);
  return array;
}

struct HandOver {
  double first = 0;
  Micros later{};
};

// An exclusive array goes to a worker and comes back, again and again; the way there counts.
HandOver through_queue(Array array, std::size_t times) {
  Pool pool({.workers = 1});
  Queue<Parcel> there;
  Queue<Parcel> back;
  auto worker = pool.submit<send_back>(there, back);
  const auto send = [&](Array&& what) {
    there.put(Parcel{now_ns(), std::move(what)});
    return *back.take();
  };
  send(Array());  // both queues are open
  Parcel parcel = send(std::move(array));
  HandOver result{.first = static_cast<double>(parcel.ns) / 1e3};
  std::vector<std::int64_t> ns;
  for (std::size_t i = 0; i < times; ++i) {
    parcel = send(std::move(parcel.array));
    ns.push_back(parcel.ns);
  }
  there.close();
  worker.get();
  result.later = bench::percentiles(std::move(ns));
  return result;
}

// The same frozen array as the argument of one task after the other.
HandOver through_submit(const Frozen& array, std::size_t times) {
  Pool pool({.workers = 1});
  const auto send = [&](const Frozen& what) { return pool.submit<arrive>(now_ns(), what).get(); };
  send(Frozen());  // the worker has worked
  HandOver result{.first = static_cast<double>(send(array)) / 1e3};
  std::vector<std::int64_t> ns;
  for (std::size_t i = 0; i < times; ++i) ns.push_back(send(array));
  result.later = bench::percentiles(std::move(ns));
  return result;
}

// Microseconds apiece when the receiver need not sleep in between.
double in_a_stream(const Frozen& array, std::size_t times) {
  Pool pool({.workers = 1});
  Queue<Frozen> arrays;
  Queue<long> ready;
  auto received = pool.submit<receive>(arrays, ready);
  ready.take();
  const std::int64_t begin = now_ns();
  for (std::size_t i = 0; i < times; ++i) arrays.put(array);
  arrays.close();
  require(received.get() == static_cast<long>(times), "the queue lost an array");
  return seconds_since(begin) * 1e6 / static_cast<double>(times);
}

void arrays(std::size_t bytes, std::size_t times) {
  const HandOver queue = through_queue(filled(bytes), times);
  const Frozen frozen = filled(bytes).freeze();
  const HandOver submit = through_submit(frozen, times);
  const double stream = in_a_stream(frozen, 20 * times);
  std::printf(
      "{\"queue_first\":%.1f,\"queue_p50\":%.2f,\"queue_p99\":%.2f,"
      "\"submit_first\":%.1f,\"submit_p50\":%.2f,\"submit_p99\":%.2f,\"stream\":%.3f}\n",
      queue.first, queue.later.p50, queue.later.p99, submit.first, submit.later.p50,
      submit.later.p99, stream);
}

// ---- memory

using Answer = std::pair<int, double>;  // which process, and its sum

// Then stays, so that all of them hold what they read at the same time.
void tell(std::span<const double> numbers, Queue<Answer>& answers, Queue<int>& gate) {
  answers.put({getpid(), std::accumulate(numbers.begin(), numbers.end(), 0.0)});
  gate.take();
}

void sum_shared(const Frozen& array, Queue<Answer> answers, Queue<int> gate) {
  tell(array.span(), answers, gate);
}

std::vector<double> copy_of_its_own(std::size_t count) {
  return std::vector<double>(count, 1.0);
}
void sum_own(std::vector<double>& numbers, Queue<Answer> answers, Queue<int> gate) {
  tell(numbers, answers, gate);
}

// The memory of a process, a page that n processes share counting as 1/n of a page.
double proportional_bytes(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; file >> word;) {
    double kilobytes = 0;
    if (word == "Pss:" && file >> kilobytes) return kilobytes * 1024;
  }
  throw std::runtime_error("no Pss in /proc/PID/smaps_rollup");
}

template <auto F, class... A>
double memory_of_all(Pool& pool, double expected, const A&... what) {
  Queue<Answer> answers;
  Queue<int> gate;
  std::vector<headrace::Future<void>> reading;
  for (unsigned i = 0; i < pool.workers(); ++i) {
    reading.push_back(pool.submit<F>(what..., answers, gate));
  }
  std::set<int> pids;
  for (unsigned i = 0; i < pool.workers(); ++i) {
    const auto answer = answers.get_for(std::chrono::minutes(2));
    require(answer && answer->second == expected, "a worker did not read everything");
    pids.insert(answer->first);
  }
  require(pids.size() == pool.workers(), "some workers did nothing");
  double bytes = proportional_bytes(getpid());
  for (const int pid : pids) bytes += proportional_bytes(pid);
  gate.close();
  for (auto& future : reading) future.get();
  return bytes;
}

void memory(unsigned workers, std::size_t bytes, std::string_view kind) {
  require(kind == "shared" || kind == "private", "memory is shared or private");
  const std::size_t count = bytes / sizeof(double);
  const auto expected = static_cast<double>(count);
  double sum = 0;
  if (kind == "shared") {
    Pool pool({.workers = workers});
    sum = memory_of_all<sum_shared>(pool, expected, filled(bytes).freeze());
  } else {
    Pool pool({.workers = workers}, headrace::worker_state<copy_of_its_own>(count));
    sum = memory_of_all<sum_own>(pool, expected);
  }
  std::printf("{\"bytes\":%.0f}\n", sum);
}

int run(const std::vector<std::string>& words) {
  const std::string command = words.size() > 1 ? words[1] : "";
  const auto number = [&](std::size_t i) { return std::stoul(words.at(i)); };
  if (command == "tasks" && words.size() == 5) {
    tasks(static_cast<unsigned>(number(2)), number(3), number(4));
  } else if (command == "messages" && words.size() == 4) {
    messages(static_cast<long>(number(2)), number(3));
  } else if (command == "arrays" && words.size() == 4) {
    arrays(number(2), number(3));
  } else if (command == "memory" && words.size() == 5) {
    memory(static_cast<unsigned>(number(2)), number(3), words[4]);
  } else {
    std::fputs("usage: library tasks|messages|arrays|memory ..., see bench/library.cc\n", stderr);
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  headrace::init(argc, argv);
  try {
    return run({argv, argv + argc});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "library: %s\n", e.what());
    return 1;
  }
}
