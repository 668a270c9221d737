#include <headrace/headrace.h>

#include <cstdio>

int twice(int x) {
  return 2 * x;
}

int main(int argc, char** argv) {
  headrace::init(argc, argv);
  headrace::Pool pool({.workers = 2});
  int sum = 0;
  for (const auto& result : pool.map<twice>(std::vector{1, 2, 3})) sum += *result;
  std::printf("sum %d\n", sum);
}
