// Every file of tests/layouts is a machine as a container shows it, and the budget that is right
// there. tests/layouts/README.md explains the form of these files.
#include <fmt/core.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "plan/plan.h"
#include "sys/fake_root.h"

namespace headrace::plan {
namespace {

struct Layout {
  unsigned affinity = 1;
  std::optional<Bytes> address_space;
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> expected;
};

// A line before the first file: "affinity 4", "env HEADRACE_CPUS 2", "expect cpus 1.5".
void take_setting(const std::string& line, Layout& layout) {
  std::istringstream words(line);
  std::string kind;
  std::string key;
  std::string value;
  words >> kind;
  if (kind == "affinity") {
    words >> layout.affinity;
  } else if (kind == "address_space") {
    std::uint64_t bytes = 0;
    words >> bytes;
    layout.address_space = Bytes{bytes};
  } else {
    words >> key >> std::ws;
    std::getline(words, value);
    ASSERT_TRUE(kind == "env" || kind == "expect") << "no such setting: " << line;
    (kind == "env" ? layout.env : layout.expected)[key] = value;
  }
}

// Expands the files below `root`.
Layout load(const std::filesystem::path& file, sys::FakeRoot& root) {
  Layout layout;
  std::ifstream in(file);
  std::string name;
  std::string content;
  const auto finish = [&] {
    if (!name.empty()) root.put(name, content);
    name.clear();
    content.clear();
  };
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("== ")) {
      if (!name.empty()) {
        content += line + "\n";
      } else if (!line.empty() && !line.starts_with("#")) {
        take_setting(line, layout);
      }
      continue;
    }
    finish();
    const std::size_t assign = line.find(" :=");
    if (line.ends_with("/")) {
      root.folder(line.substr(3));
    } else if (assign == std::string::npos) {
      name = line.substr(3);
    } else {
      const std::string text = line.size() > assign + 4 ? line.substr(assign + 4) + "\n" : "";
      root.put(line.substr(3, assign - 3), text);
    }
  }
  finish();
  return layout;
}

std::map<std::string, std::string> found_in(const sys::FakeRoot& root, const Layout& layout) {
  const auto env = [&](const char* name) -> std::string_view {
    const auto found = layout.env.find(name);
    return found == layout.env.end() ? std::string_view{} : std::string_view{found->second};
  };
  const BudgetInput input{sys::read_cgroup(root.path()), layout.affinity, layout.address_space,
                          env("HEADRACE_CPUS"), env("HEADRACE_MEMORY_MB")};
  const Result<Budget> budget = make_budget(input);
  if (!budget) return {{"error", budget.error().message}};
  const auto headroom = memory_headroom(input.facts);
  const auto throttled = throttling(input.facts);
  return {
      {"version", std::string(sys::name(input.facts.version))},
      {"cpus", fmt::format("{}", budget->cpu.cpus.value)},
      {"cpus_from", budget->cpu.from},
      {"cpus_why", budget->cpu.why},
      {"workers", fmt::format("{}", whole_cpus(budget->cpu.cpus, Job::throughput, false))},
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

std::vector<std::string> layout_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(HEADRACE_LAYOUTS)) {
    if (entry.path().extension() == ".layout") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Layouts : public testing::TestWithParam<std::string> {};

TEST_P(Layouts, GiveTheRightBudget) {
  sys::FakeRoot root;
  const Layout layout =
      load(std::filesystem::path(HEADRACE_LAYOUTS) / (GetParam() + ".layout"), root);
  if (layout.expected.contains("error")) {
    ASSERT_EQ(layout.expected.size(), 1U) << "an error leaves nothing else to expect";
  } else {
    for (const char* key :
         {"version", "cpus", "cpus_from", "memory_limit", "memory_from", "notes"}) {
      ASSERT_TRUE(layout.expected.contains(key)) << "the layout must say what to expect of " << key;
    }
  }
  std::map<std::string, std::string> found = found_in(root, layout);
  std::string notes;
  for (const std::string& note : sys::read_cgroup(root.path()).notes) notes += "\n  " + note;
  for (const auto& [key, value] : layout.expected) {
    EXPECT_EQ(found[key], value) << key << ", notes:" << notes;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Layouts, testing::ValuesIn(layout_names()),
                         [](const auto& layout) { return layout.param; });

TEST(LayoutFolder, HasLayouts) {
  EXPECT_GE(layout_names().size(), 30U);
}

}  // namespace
}  // namespace headrace::plan
