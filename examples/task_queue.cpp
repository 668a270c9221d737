// Three workers take tasks from a queue until it is closed and put what they find into a second one;
// meanwhile the main process is free to do other things.
#include <headrace/headrace.h>

#include <cstdio>
#include <map>

struct Found {
  int number, factor;  // its smallest one above 1
  int worker;
};

int factorize(headrace::Queue<int> tasks, headrace::Queue<Found> results, int worker) {
  int done = 0;
  while (auto task = tasks.get()) {  // the end of the loop body is when the task is done
    int factor = 2;
    while (*task % factor != 0) ++factor;
    results.put({*task, factor, worker});
    ++done;
  }
  return done;
}

int main(int argc, char** argv) {
  headrace::init(argc, argv);
  headrace::Queue<int> tasks({.items = 100});
  headrace::Queue<Found> results({.items = 10'000});
  headrace::Pool pool({.workers = 3});
  std::vector<headrace::Future<int>> workers;
  for (int i = 0; i < 3; ++i) workers.push_back(pool.submit<factorize>(tasks, results, i));

  for (int number = 1'000'000; number < 1'000'500; ++number)
    tasks.put(number);  // waits when 100 wait
  tasks.close();
  std::puts("all tasks are given out; the main process does something else");

  int done = 0;
  for (auto& worker : workers) done += worker.get();
  results.close();
  std::map<int, int> primes;
  while (auto found = results.take()) {
    if (found->number == found->factor) primes[found->number] = found->worker;
  }
  std::printf("%d tasks done; %zu primes, the first is %d\n", done, primes.size(),
              primes.begin()->first);
}
