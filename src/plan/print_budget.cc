// Prints what is found about the container that it runs in, one `key value` a line, for scripts
// that make real groups and for a look at a strange machine.
//   print_budget [--again]      --again: once more for every line of standard input
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "plan/plan.h"
#include "sys/affinity.h"
#include "sys/rlimit.h"

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

int print() {
  using namespace headrace;
  const plan::BudgetInput input{
      sys::read_cgroup(), static_cast<unsigned>(sys::allowed_cpus().size()),
      sys::address_space_limit(), variable("HEADRACE_CPUS"), variable("HEADRACE_MEMORY_MB")};
  const Result<plan::Budget> budget = plan::make_budget(input);
  if (!budget) {
    fmt::print(stderr, "{}\n", budget.error().message);
    return 2;
  }
  const Result<plan::Plan> plan = plan::make_plan(*budget, {});
  if (!plan) {
    fmt::print(stderr, "{}\n", plan.error().message);
    return 2;
  }
  fmt::print("version {}\ncpus {}\ncpus_from {}\nmemory_limit {}\nmemory_from {}\nworkers {}\n\n{}",
             sys::name(input.facts.version), budget->cpu.cpus.value, budget->cpu.from,
             budget->memory.limit.value, budget->memory.from, plan->workers.value,
             plan::plan_text(*budget, *plan));
  std::fflush(stdout);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const bool again = count == 2 && std::string_view(words[1]) == "--again";
  int result = print();
  for (std::string line; again && result == 0 && std::getline(std::cin, line);) result = print();
  return result;
}
