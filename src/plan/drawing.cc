#include "plan/drawing.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "plan/words.h"

namespace headrace::plan {
namespace {

constexpr std::size_t kColumns = 64;

// More workers than this share columns where they are small.
constexpr std::size_t kWorkerColumns = 32;

struct Part {
  double amount;
  char letter;
  unsigned workers = 0;  // of so many workers together, who have digits instead of the letter

  std::size_t least() const { return std::clamp<std::size_t>(workers, 1, kWorkerColumns); }
};

// `parts` side by side, to the scale at which `whole` fills the columns. What is rounded away from
// one part is taken by the next, so that the sum stays right.
std::string bar(const std::vector<Part>& parts, double whole) {
  std::string text;
  double sum = 0;
  const auto columns = [&](double amount) {
    const double place = amount / std::max(whole, 1e-9) * static_cast<double>(kColumns);
    return static_cast<std::size_t>(std::clamp(std::round(place), 0.0, 1e6));
  };
  std::size_t room = kColumns;  // what the later parts leave to the next one
  for (const Part& part : parts) room -= part.amount > 0 ? part.least() : 0;
  for (const Part& part : parts) {
    if (part.amount <= 0) continue;
    sum += part.amount;
    room += part.least();
    const std::size_t begin = text.size();
    text.resize(std::clamp(columns(sum), begin + part.least(), room), part.letter);
    for (std::size_t i = begin; i < text.size() && part.workers > 0; ++i)
      text[i] = static_cast<char>('0' + (i - begin) * part.workers / (text.size() - begin) % 10);
  }
  text.resize(kColumns, ' ');
  return text;
}

std::string line(const char* name, const std::string& bar_text, const std::string& words) {
  return fmt::format("{:<9}|{}|{}\n", name, bar_text, words.empty() ? "" : " " + words);
}

std::string cores(const Budget& budget, const Plan& plan, const Scene& scene) {
  const unsigned running = plan.workers.value * plan.threads.value;
  const double budgeted = budget.cpu.cpus.value;
  const double whole =
      std::max({static_cast<double>(scene.cpus_in_mask), static_cast<double>(running), budgeted});
  std::string text;
  text += line("CPUs", bar({{static_cast<double>(scene.cpus_in_mask), '.'}}, whole),
               count(scene.cpus_in_mask, "CPU"));
  text += line("budget", bar({{budgeted, '='}}, whole), decimal(budgeted));
  text += line("workers", bar({{static_cast<double>(running), '0', plan.workers.value}}, whole),
               fmt::format("{} x {}", plan.workers.value, plan.threads.value));
  return text;
}

std::string memory(const Budget& budget, const Plan& plan, const Scene& scene) {
  const auto amount = [](Bytes bytes) { return static_cast<double>(bytes.value); };
  const double others = scene.used_by_others ? amount(*scene.used_by_others) : 0;
  const double limit = amount(budget.memory.limit);
  const double reserve = amount(budget.memory.reserve);
  const double taken = others + amount(plan.memory.value);
  std::vector<Part> parts{{others, 'o'}, {amount(scene.supervisor_memory), 's'}};
  parts.push_back({amount(scene.worker_memory * plan.workers.value), '0', plan.workers.value});
  parts.push_back({amount(plan.in_flight.value), '#'});
  parts.push_back({std::max(0.0, limit - reserve - taken), '.'});
  parts.push_back({std::min(reserve, std::max(0.0, limit - taken)), 'r'});
  std::string text = line("memory", bar(parts, std::max(limit, taken)), mib(budget.memory.limit));
  text += "          ";
  if (scene.used_by_others) text += fmt::format("o others {}, ", mib(*scene.used_by_others));
  text +=
      fmt::format("s supervisor {}, 0-9 {} of {},\n          # slots {}, r reserve {}, . free\n",
                  mib(scene.supervisor_memory), count(plan.workers.value, "worker"),
                  mib(scene.worker_memory), mib(plan.in_flight.value), mib(budget.memory.reserve));
  if (taken > limit) {
    text += fmt::format("          that is {} more than the limit\n",
                        mib(Bytes{static_cast<std::uint64_t>(taken - limit)}));
  }
  return text;
}

}  // namespace

std::string drawing(const Budget& budget, const Plan& plan, const Scene& scene) {
  return cores(budget, plan, scene) + memory(budget, plan, scene);
}

}  // namespace headrace::plan
