// queue_storm [--kills N] [--producers N] [--consumers N] [--records N] [--seed N] [--stop]
//
// The storm at any length; exit code 1 when something is wrong. Each line is one run.
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "storm.h"

int main(int argc, char** argv) {
  headrace::crash_points::StormPlan plan{.kills = 10'000};
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--stop") {
      plan.stop_first = true;
      continue;
    }
    if (i + 1 >= argc) {
      std::cerr << "queue_storm: " << option << " needs a number\n";
      return 2;
    }
    const std::uint64_t number = std::strtoull(argv[++i], nullptr, 10);
    const auto small = static_cast<std::uint32_t>(number);
    if (option == "--kills") {
      plan.kills = small;
    } else if (option == "--producers") {
      plan.producers = small;
    } else if (option == "--consumers") {
      plan.consumers = small;
    } else if (option == "--records") {
      plan.settings.records = small;
    } else if (option == "--seed") {
      plan.seed = number;
    } else {
      std::cerr << "queue_storm: what is " << option << "?\n";
      return 2;
    }
  }
  if (plan.producers == 0 || plan.consumers == 0 || plan.producers + plan.consumers > 255) {
    std::cerr << "queue_storm: 1 to 255 producers and consumers together, and some of each\n";
    return 2;
  }
  const auto report = run_storm(plan);
  std::cout << text_of(report) << '\n';
  return report.wrong.empty() ? 0 : 1;
}
