// Detection reads files that it does not control: from sandboxes that make them up, kernels to
// come, and containers put together by hand. Whatever is in them, it must not crash, and the budget
// that follows must be one that a job can be run with. Here the files of every layout are broken at
// random, the same way in each run.
//
// HEADRACE_BROKEN_FILES=full: fifty times as many. A failure names the layout and the round; the
// rounds of a layout depend on nothing else.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "layouts/layout.h"
#include "plan/plan.h"

namespace headrace::layouts {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kRounds = 40;  // of each layout
constexpr unsigned kRoundsInFull = 2000;

unsigned rounds() {
  const char* size = std::getenv("HEADRACE_BROKEN_FILES");
  return size != nullptr && std::string_view(size) == "full" ? kRoundsInFull : kRounds;
}

// The library's distributions differ between libraries; its generators do not.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : numbers_(seed) {}
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(numbers_() % end); }

 private:
  std::mt19937_64 numbers_;
};

std::string with_number(const std::string& text, std::string_view number, Chance& chance) {
  std::vector<std::size_t> starts;
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (digit(i) && (i == 0 || !digit(i - 1))) starts.push_back(i);
  }
  if (starts.empty()) return std::string(number);
  const std::size_t begin = starts[chance.below(starts.size())];
  std::size_t end = begin;
  while (end < text.size() && digit(end)) ++end;
  return text.substr(0, begin) + std::string(number) + text.substr(end);
}

std::string with_line(const std::string& text, std::size_t times, Chance& chance) {
  std::vector<std::string> lines = {""};
  for (const char c : text) {
    lines.back() += c;
    if (c == '\n') lines.emplace_back();
  }
  const std::size_t chosen = chance.below(lines.size());
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::size_t n = 0; n < (i == chosen ? times : 1); ++n) out += lines[i];
  }
  return out;
}

std::string noise(std::size_t size, Chance& chance) {
  std::string out;
  while (out.size() < size) out += static_cast<char>(chance.below(256));
  return out;
}

constexpr std::string_view kNumbers[] = {"0",
                                         "-1",
                                         "1",
                                         "00",
                                         "18446744073709551615",
                                         "18446744073709551616",
                                         "9223372036854775807",
                                         "1152921504606846975",
                                         "99999999999999999999999999999999",
                                         "-9223372036854775808",
                                         "0x10",
                                         "1e300",
                                         "nan",
                                         "max",
                                         ""};

std::string broken(std::string text, Chance& chance) {
  const std::size_t at = chance.below(text.size() + 1);
  switch (chance.below(10)) {
    case 0:
      return text.substr(0, at);
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1U << chance.below(8)));
      return text;
    case 2:
      return with_line(text, 2 + chance.below(3), chance);
    case 3:
      return with_line(text, 0, chance);
    case 4:
      return text.insert(at, 1 + chance.below(20), '\0');
    case 5:
      return text.insert(at, 70'000, text.empty() ? 'x' : text[chance.below(text.size())]);
    case 6:
      return noise(chance.below(300), chance);
    case 7:
      return text.insert(at, noise(1 + chance.below(4), chance));
    default:
      return with_number(text, kNumbers[chance.below(std::size(kNumbers))], chance);
  }
}

// Returns what was done to it.
std::string break_one(const std::string& name, const Layout& layout,
                      const std::vector<std::string>& names, sys::FakeRoot& root, Chance& chance) {
  const fs::path file = fs::path(root.path()) / name;
  fs::remove_all(file);
  switch (chance.below(12)) {
    case 0:
      return name + " deleted";
    case 1:
      root.folder(name);
      return name + " is a folder";
    case 2: {
      const std::string& other = names[chance.below(names.size())];
      root.put(name, layout.files.at(other));
      return name + " with the content of " + other;
    }
    case 3:
      fs::create_symlink(file.filename(), file);
      return name + " is a link to itself";
    default: {
      const std::string content = broken(layout.files.at(name), chance);
      root.put(name, content);
      return name + " is '" + content.substr(0, 200) + "'";
    }
  }
}

void expect_sense(const sys::CgroupFacts& facts) {
  for (const sys::CpuLevel& level : facts.cpu) {
    EXPECT_GE(level.throttling.value_or(sys::Throttling{}).time.count(), 0);
  }
  EXPECT_GE(facts.cpu_used.value_or(std::chrono::nanoseconds{}).count(), 0);
  for (const auto& pressure : {facts.cpu_pressure, facts.memory_pressure, facts.io_pressure}) {
    if (!pressure) continue;
    for (const double share :
         {pressure->some_avg10, pressure->some_avg60, pressure->full_avg10, pressure->full_avg60}) {
      EXPECT_TRUE(share >= 0 && share <= 100) << share;
    }
  }
  for (const sys::MemoryLevel& level : facts.memory) {
    EXPECT_LE(level.unreclaimable().value_or(Bytes{}), level.current.value_or(Bytes{}));
  }
}

void expect_a_budget_to_run_with(const plan::BudgetInput& input) {
  const auto budget = plan::make_budget(input);
  ASSERT_TRUE(budget) << budget.error().message;
  EXPECT_TRUE(std::isfinite(budget->cpu.cpus.value));
  EXPECT_GT(budget->cpu.cpus.value, 0);
  EXPECT_LE(budget->cpu.cpus.value, input.affinity);
  EXPECT_GT(budget->memory.limit.value, 0U);
  EXPECT_LE(budget->memory.usable, budget->memory.limit);
  EXPECT_FALSE(budget->cpu.why.empty());
  EXPECT_FALSE(budget->memory.why.empty());
  const auto made = plan::make_plan(*budget, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GE(made->workers.value, 1U);
  EXPECT_GE(made->threads.value, 1U);
  EXPECT_GE(made->slots.value, made->workers.value);
  EXPECT_FALSE(plan::plan_text(*budget, *made).empty());
  plan::memory_headroom(input.facts);
  plan::throttling(input.facts);
}

class BrokenFiles : public testing::TestWithParam<std::string> {};

TEST_P(BrokenFiles, LeaveABudgetToRunWith) {
  Layout layout = load(GetParam());
  layout.env.clear();
  // What the files of a layout need not have, and what is read all the same.
  for (const char* name : {"proc/self/cgroup", "proc/self/mountinfo", "proc/meminfo"}) {
    layout.files.try_emplace(name, "");
  }
  layout.files.try_emplace("proc/pressure/memory", "some avg10=1.5 avg60=2 avg300=3 total=4\n");
  std::vector<std::string> names;
  for (const auto& [name, content] : layout.files) names.push_back(name);
  // Written some thousand times; memory is as good as a disk for that, and quicker.
  if (fs::is_directory("/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);
  sys::FakeRoot root;
  expand(layout, root);
  for (unsigned round = 0; round < rounds() && !HasFailure(); ++round) {
    Chance chance(round);
    std::string story = "round " + std::to_string(round);
    std::set<std::string> victims;
    for (std::size_t left = 1 + chance.below(3); left > 0; --left) {
      victims.insert(names[chance.below(names.size())]);
    }
    for (const std::string& name : victims) {
      story += "; " + break_one(name, layout, names, root, chance);
    }
    SCOPED_TRACE(story);
    const plan::BudgetInput input = input_from(root, layout);
    expect_sense(input.facts);
    expect_a_budget_to_run_with(input);
    for (const std::string& name : victims) {
      fs::remove_all(fs::path(root.path()) / name);
      root.put(name, layout.files.at(name));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, BrokenFiles, testing::ValuesIn(names()),
                         [](const auto& layout) { return layout.param; });

}  // namespace
}  // namespace headrace::layouts
