#include "plan/budget.h"

#include <gmock/gmock.h>

namespace headrace::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

BudgetInput machine(unsigned cpus, Bytes memory) {
  BudgetInput input;
  input.affinity = cpus;
  input.facts.mem_total = memory;
  return input;
}

TEST(Budget, OfABareMachineIsTheMachine) {
  const auto budget = make_budget(machine(8, 4096_MiB));
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->cpu.cpus, Cpus{8});
  EXPECT_EQ(budget->cpu.why, "the affinity mask allows 8 CPUs and no group has a quota");
  EXPECT_EQ(budget->memory.limit, 4096_MiB);
  EXPECT_EQ(budget->memory.reserve, 256_MiB);
  EXPECT_EQ(budget->memory.usable, 3840_MiB);
}

TEST(Budget, NamesTheLevelThatBinds) {
  BudgetInput input = machine(8, 4096_MiB);
  input.facts.cpu = {{"/c/pod/own", Cpus{4}, {}}, {"/c/pod", Cpus{1.5}, {}}, {"/c", {}, {}}};
  const auto budget = make_budget(input);
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->cpu.cpus, Cpus{1.5});
  EXPECT_EQ(budget->cpu.why,
            "the quota of /c/pod (the parent of the own group) is 1.5 of the 8 CPUs in the "
            "affinity mask");
}

TEST(Budget, KeepsTheReserveSmallAtBothEnds) {
  EXPECT_EQ(make_budget(machine(1, 64_MiB))->memory.reserve, 16_MiB);
  EXPECT_EQ(make_budget(machine(1, 256_MiB))->memory.reserve, 32_MiB);
  EXPECT_EQ(make_budget(machine(1, Bytes{(1024_MiB).value * 240}))->memory.reserve, 512_MiB);
}

TEST(Budget, KeepsMoreInReserveWhereAKillTakesEverything) {
  BudgetInput input = machine(1, 1024_MiB);
  EXPECT_EQ(make_budget(input)->memory.reserve, 64_MiB);
  input.facts.oom_kills_group = true;
  EXPECT_EQ(make_budget(input)->memory.reserve, 128_MiB);
  EXPECT_EQ(make_budget(input)->memory.usable, 896_MiB);
  EXPECT_THAT(make_budget(input)->notes,
              ElementsAre(HasSubstr("therefore 128 MiB are kept in reserve instead of 64 MiB")));
  input.facts.mem_total = 192_MiB;
  EXPECT_EQ(make_budget(input)->memory.reserve, 48_MiB) << "a quarter is the most";
  input.facts.mem_total = 64_MiB;
  EXPECT_EQ(make_budget(input)->memory.reserve, 16_MiB);
  EXPECT_THAT(make_budget(input)->notes, ElementsAre(testing::Not(HasSubstr("instead of"))));
}

TEST(Budget, AddressSpaceBindsWhenItIsTheSmallest) {
  BudgetInput input = machine(1, 4096_MiB);
  input.address_space = 1024_MiB;
  EXPECT_EQ(make_budget(input)->memory.from, "RLIMIT_AS");
  input.address_space = 8192_MiB;
  EXPECT_EQ(make_budget(input)->memory.from, "MemTotal");
}

TEST(Budget, AnOverrideOfCpusWinsEvenAboveTheMask) {
  BudgetInput input = machine(2, 1024_MiB);
  input.cpus_override = "3.5";
  const auto budget = make_budget(input);
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->cpu.cpus, Cpus{3.5});
  EXPECT_THAT(budget->notes,
              ElementsAre(HasSubstr("HEADRACE_CPUS=3.5 is more than what is there")));
}

TEST(Budget, AnOverrideOfMemoryNeverRaisesIt) {
  BudgetInput input = machine(2, 1024_MiB);
  input.memory_override = "512.5";
  EXPECT_EQ(make_budget(input)->memory.limit, Bytes{(512_MiB + 512_KiB).value});
  EXPECT_THAT(make_budget(input)->notes, IsEmpty());
  input.memory_override = "2048";
  EXPECT_EQ(make_budget(input)->memory.limit, 1024_MiB);
  EXPECT_THAT(make_budget(input)->notes, ElementsAre(HasSubstr("cannot raise it")));
}

TEST(Budget, RefusesAnOverrideThatIsNoNumberInRange) {
  for (const char* bad : {"0", "0.001", "-1", "+1", "1e2", "inf", "nan", "two", "1,5", "1.5.2", ".",
                          " 2", "2 ", "0x2", "99999999", "1.5cpu"}) {
    BudgetInput input = machine(2, 1024_MiB);
    input.cpus_override = bad;
    const auto budget = make_budget(input);
    ASSERT_FALSE(budget) << bad;
    EXPECT_THAT(budget.error().message, HasSubstr("HEADRACE_CPUS='" + std::string(bad) + "'"));
  }
  BudgetInput input = machine(2, 1024_MiB);
  input.memory_override = "1G";
  EXPECT_THAT(make_budget(input).error().message, HasSubstr("HEADRACE_MEMORY_MB='1G'"));
}

TEST(Budget, CallsAShareAShare) {
  BudgetInput input = machine(4, 2048_MiB);
  input.cpus_override = "2.0000";
  input.memory_override = "1024";
  input.sharers = 2;
  const auto budget = make_budget(input);
  EXPECT_EQ(budget->cpu.cpus, Cpus{2});
  EXPECT_EQ(budget->memory.limit, 1024_MiB);
  EXPECT_EQ(budget->cpu.why, "its share of 2 models");
  EXPECT_EQ(budget->memory.why, "its share of 2 models");
  EXPECT_THAT(budget->notes, ElementsAre());
}

TEST(Budget, AcceptsDecimalsWithoutALeadingDigit) {
  BudgetInput input = machine(2, 1024_MiB);
  input.cpus_override = ".5";
  EXPECT_EQ(make_budget(input)->cpu.cpus, Cpus{0.5});
}

TEST(Headroom, IsThatOfTheFullestLevelWithoutTheCacheThatGoesFirst) {
  sys::CgroupFacts facts;
  facts.memory = {{"/a/b", 1000_MiB, {}, 300_MiB, 100_MiB},
                  {"/a", 1000_MiB, 950_MiB, 900_MiB, 50_MiB},
                  {"/", {}, {}, 5000_MiB, {}}};
  EXPECT_EQ(memory_headroom(facts), 100_MiB);
  facts.memory[1].current = 2000_MiB;
  EXPECT_EQ(memory_headroom(facts), Bytes{0});
}

TEST(Headroom, IsUnknownWithoutALimit) {
  sys::CgroupFacts facts;
  EXPECT_FALSE(memory_headroom(facts));
  facts.memory = {{"/", {}, {}, 100_MiB, {}}};
  EXPECT_FALSE(memory_headroom(facts));
}

TEST(Throttling, IsReadWhereTheQuotaBinds) {
  sys::CgroupFacts facts;
  facts.cpu = {{"/a/b", Cpus{4}, sys::Throttling{1, 1, {}}},
               {"/a", Cpus{2}, sys::Throttling{9, 7, {}}}};
  EXPECT_EQ(throttling(facts)->throttled, 7U);
  facts.cpu[0].quota.reset();
  facts.cpu[1].quota.reset();
  EXPECT_EQ(throttling(facts)->throttled, 1U);
}

}  // namespace
}  // namespace headrace::plan
