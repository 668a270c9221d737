#include "plan/drawing.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

namespace headrace::plan {
namespace {

using testing::HasSubstr;

Budget budget_of(double cpus, Bytes limit, Bytes reserve) {
  Budget budget;
  budget.cpu.cpus = Cpus{cpus};
  budget.memory.limit = limit;
  budget.memory.reserve = reserve;
  budget.memory.usable = Bytes{limit.value - reserve.value};
  return budget;
}

Plan plan_of(unsigned workers, unsigned threads, Bytes slots, Bytes memory) {
  Plan plan;
  plan.workers.value = workers;
  plan.threads.value = threads;
  plan.in_flight.value = slots;
  plan.memory.value = memory;
  return plan;
}

std::string row(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name)) return line.substr(10, 64);
  }
  return "no such row";
}

std::string repeated(std::size_t times, char c) {
  return std::string(times, c);
}

TEST(Drawing, IsToScale) {
  const std::string text =
      drawing(budget_of(1.5, 1024_MiB, 64_MiB), plan_of(2, 1, 16_MiB, 592_MiB),
              {.cpus_in_mask = 2, .worker_memory = 256_MiB, .supervisor_memory = 64_MiB});
  EXPECT_EQ(row(text, "CPUs"), repeated(64, '.'));
  EXPECT_EQ(row(text, "budget"), repeated(48, '=') + repeated(16, ' '));
  EXPECT_EQ(row(text, "workers"), repeated(32, '0') + repeated(32, '1'));
  EXPECT_EQ(row(text, "memory"), repeated(4, 's') + repeated(16, '0') + repeated(16, '1') + "#" +
                                     repeated(23, '.') + repeated(4, 'r'));
  EXPECT_THAT(text, HasSubstr("s supervisor 64 MiB, 0-9 2 workers of 256 MiB,"));
}

TEST(Drawing, ShowsWhatIsMoreThanThereIs) {
  const std::string text =
      drawing(budget_of(1, 512_MiB, 32_MiB), plan_of(4, 1, 1_MiB, 1024_MiB),
              {.cpus_in_mask = 2, .worker_memory = 256_MiB, .supervisor_memory = 48_MiB});
  EXPECT_EQ(row(text, "CPUs"), repeated(32, '.') + repeated(32, ' '));
  EXPECT_EQ(row(text, "budget"), repeated(16, '=') + repeated(48, ' '));
  EXPECT_THAT(text, HasSubstr("that is 512 MiB more than the limit"));
  EXPECT_EQ(row(text, "memory").find('r'), std::string::npos);
}

TEST(Drawing, GivesTheSmallAColumn) {
  const std::string text =
      drawing(budget_of(64, 262144_MiB, 512_MiB), plan_of(1, 1, Bytes{1}, 2_MiB),
              {.cpus_in_mask = 64,
               .worker_memory = 1_MiB,
               .supervisor_memory = 1_MiB,
               .used_by_others = Bytes{1}});
  EXPECT_EQ(row(text, "workers").substr(0, 2), "0 ");
  EXPECT_EQ(row(text, "memory").substr(0, 5), "os0#.");
}

TEST(Drawing, ManyWorkersShareColumnsAndLeaveTheOthersTheirs) {
  const std::string text =
      drawing(budget_of(200, 262144_MiB, 512_MiB), plan_of(200, 1, 1024_MiB, 1225_MiB),
              {.cpus_in_mask = 200, .worker_memory = 1_MiB, .supervisor_memory = 1_MiB});
  EXPECT_EQ(row(text, "workers").find(' '), std::string::npos);
  const std::string memory = row(text, "memory");
  EXPECT_EQ(memory.find('#'), 33U);
  EXPECT_EQ(memory.back(), 'r');
}

// Whatever the numbers, no line is longer than a terminal is wide.
TEST(Drawing, StaysInItsColumns) {
  for (const double cpus : {0.01, 1.0, 3.5, 1000.0}) {
    for (const unsigned workers : {1U, 7U, 256U}) {
      for (const Bytes limit : {Bytes{0}, 64_MiB, 4194304_MiB}) {
        std::istringstream lines(
            drawing(budget_of(cpus, limit, Bytes{limit.value / 16}),
                    plan_of(workers, 1024, 64_MiB, 2048_MiB),
                    {.cpus_in_mask = 3, .worker_memory = 100_MiB, .supervisor_memory = 48_MiB}));
        for (std::string line; std::getline(lines, line);) {
          EXPECT_LE(line.size(), 90U) << line;
          if (line.find('|') == 9) {
            EXPECT_EQ(line[74], '|') << line;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace headrace::plan
