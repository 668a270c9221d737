// Every file of this folder is a machine as a container shows it, and the budget that is right
// there. README.md explains the form of these files.
#include <fmt/core.h>
#include <gmock/gmock.h>

#include <map>

#include "layouts/layout.h"
#include "plan/plan.h"

namespace headrace::layouts {
namespace {

using plan::Budget;

std::map<std::string, std::string> found_in(const plan::BudgetInput& input) {
  const Result<Budget> budget = plan::make_budget(input);
  if (!budget) return {{"error", budget.error().message}};
  const auto headroom = plan::memory_headroom(input.facts);
  const auto throttled = plan::throttling(input.facts);
  return {
      {"version", std::string(sys::name(input.facts.version))},
      {"cpus", fmt::format("{}", budget->cpu.cpus.value)},
      {"cpus_from", budget->cpu.from},
      {"cpus_why", budget->cpu.why},
      {"workers",
       fmt::format("{}", plan::whole_cpus(budget->cpu.cpus, plan::Job::throughput, false))},
      {"memory_limit", fmt::format("{}", budget->memory.limit.value)},
      {"memory_from", budget->memory.from},
      {"memory_why", budget->memory.why},
      {"notes", fmt::format("{}", budget->notes.size())},
      {"cpuset", input.facts.cpuset},
      {"headroom", headroom ? fmt::format("{}", headroom->value) : "none"},
      {"throttled", throttled ? fmt::format("{}", throttled->throttled) : "none"},
      {"oom_kills", input.facts.oom_kills ? fmt::format("{}", *input.facts.oom_kills) : "none"},
  };
}

class Layouts : public testing::TestWithParam<std::string> {};

TEST_P(Layouts, GiveTheRightBudget) {
  const Layout layout = load(GetParam());
  sys::FakeRoot root;
  expand(layout, root);
  if (layout.expected.contains("error")) {
    ASSERT_EQ(layout.expected.size(), 1U) << "an error leaves nothing else to expect";
  } else {
    for (const char* key :
         {"version", "cpus", "cpus_from", "memory_limit", "memory_from", "notes"}) {
      ASSERT_TRUE(layout.expected.contains(key)) << "the layout must say what to expect of " << key;
    }
  }
  const plan::BudgetInput input = input_from(root, layout);
  std::map<std::string, std::string> found = found_in(input);
  std::string notes;
  for (const std::string& note : input.facts.notes) notes += "\n  " + note;
  for (const auto& [key, value] : layout.expected) {
    EXPECT_EQ(found[key], value) << key << ", notes:" << notes;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Layouts, testing::ValuesIn(names()),
                         [](const auto& layout) { return layout.param; });

TEST(LayoutFolder, HasLayouts) {
  EXPECT_GE(names().size(), 80U);
}

}  // namespace
}  // namespace headrace::layouts
