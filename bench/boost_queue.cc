// What the best known queue between processes in C++ does with the messages of bench/library.cc:
// boost::interprocess::message_queue, messages of 8 bytes, 1024 slots, two processes.
//
// usage: boost_queue MESSAGES ROUND_TRIPS
// Prints one line of JSON: {"one_by_one": messages a second,"round_trip_p50": µs,"round_trip_p99": µs}
#include <sys/wait.h>
#include <unistd.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "stopwatch.h"

namespace {

namespace ipc = boost::interprocess;

class Messages {
 public:
  explicit Messages(const char* what)
      : name_("headrace-bench-" + std::to_string(getpid()) + what),
        queue_(ipc::create_only, name_.c_str(), 1024, sizeof(long)) {}
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;
  // In the child, which leaves by _exit, this does not run.
  ~Messages() { ipc::message_queue::remove(name_.c_str()); }

  void put(long message) { queue_.send(&message, sizeof message, 0); }
  long take() {
    long message = 0;
    ipc::message_queue::size_type size = 0;
    unsigned priority = 0;
    queue_.receive(&message, sizeof message, size, priority);
    return message;
  }

 private:
  std::string name_;
  ipc::message_queue queue_;
};

constexpr long kEnd = -1;

// Takes until the end and says how many there were; then sends back what comes, until the end.
[[noreturn]] void other_side(Messages& there, Messages& back) {
  back.put(0);
  long count = 0;
  while (there.take() != kEnd) ++count;
  back.put(count);
  for (long message = there.take(); message != kEnd; message = there.take()) back.put(message);
  _exit(0);
}

void measure(long count, std::size_t round_trips) {
  Messages there("-there");
  Messages back("-back");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) other_side(there, back);
  back.take();
  const std::int64_t begin = bench::now_ns();
  for (long i = 0; i < count; ++i) there.put(i);
  there.put(kEnd);
  if (back.take() != count) throw std::runtime_error("messages were lost");
  const double rate = static_cast<double>(count) / bench::seconds_since(begin);
  const bench::Micros trip = bench::time_each(round_trips, [&] {
    there.put(1);
    back.take();
  });
  there.put(kEnd);
  waitpid(child, nullptr, 0);
  std::printf("{\"one_by_one\":%.0f,\"round_trip_p50\":%.2f,\"round_trip_p99\":%.2f}\n", rate,
              trip.p50, trip.p99);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw std::runtime_error("usage: boost_queue MESSAGES ROUND_TRIPS");
    measure(std::stol(argv[1]), std::stoul(argv[2]));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "boost_queue: %s\n", e.what());
    return 1;
  }
}
