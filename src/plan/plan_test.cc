#include "plan/plan.h"

#include <gmock/gmock.h>

#include <bit>

namespace headrace::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Budget budget_of(double cpus, Bytes usable) {
  Budget budget;
  budget.cpu = {Cpus{cpus}, "test", "the test says so"};
  budget.memory = {usable, Bytes{}, usable, "test", "the test says so"};
  return budget;
}

Plan plan_of(double cpus, const Request& request = {}, Bytes usable = 65536_MiB) {
  auto plan = make_plan(budget_of(cpus, usable), request);
  return plan ? *plan : Plan{};
}

TEST(WholeCpus, RoundsAFractionOfAHalfUpForThroughputOnly) {
  struct Case {
    double cpus;
    unsigned throughput;
    unsigned latency;
  };
  for (const Case& c : {Case{0.01, 1, 1}, Case{0.5, 1, 1}, Case{1, 1, 1}, Case{1.49, 1, 1},
                        Case{1.5, 2, 1}, Case{1.999, 2, 2}, Case{2.004, 2, 2}, Case{2.25, 2, 2},
                        Case{3.75, 4, 3}, Case{8, 8, 8}, Case{0, 1, 1}}) {
    EXPECT_EQ(whole_cpus(Cpus{c.cpus}, Job::throughput, false), c.throughput) << c.cpus;
    EXPECT_EQ(whole_cpus(Cpus{c.cpus}, Job::throughput, true), c.latency) << c.cpus;
    EXPECT_EQ(whole_cpus(Cpus{c.cpus}, Job::latency, false), c.latency) << c.cpus;
  }
}

TEST(Plan, IsAWorkerACpuWhenMemoryIsPlenty) {
  const Plan plan = plan_of(4);
  EXPECT_EQ(plan.workers.value, 4U);
  EXPECT_EQ(plan.threads.value, 1U);
  EXPECT_EQ(plan.batch.value, 1U);
  EXPECT_EQ(plan.mailbox.value, kFullMailbox);
  EXPECT_EQ(plan.slots.value, 4 * kFullMailbox);
  EXPECT_EQ(plan.in_flight.value, 64_MiB);
  EXPECT_THAT(plan.warnings, IsEmpty());
}

TEST(Plan, SaysHowItRounded) {
  EXPECT_THAT(plan_of(1.5).workers.why, HasSubstr("rounded up"));
  EXPECT_THAT(plan_of(1.25).workers.why, HasSubstr("rounded down"));
  EXPECT_EQ(plan_of(2).workers.why, "2 CPUs");
  EXPECT_THAT(plan_of(1.5, {.job = Job::latency}).workers.why, HasSubstr("latency"));
}

TEST(Plan, MemoryCapsWorkersAndTheirThreadsTakeTheRest) {
  const Plan plan =
      plan_of(8, {.worker_memory = 1000_MiB, .worker_memory_measured = true}, 2200_MiB);
  EXPECT_EQ(plan.workers.value, 2U);
  EXPECT_THAT(plan.workers.why,
              HasSubstr("2200 MiB usable hold no more at 1000 MiB each (measured)"));
  EXPECT_EQ(plan.threads.value, 4U);
  EXPECT_LE(plan.memory.value, 2200_MiB);
  EXPECT_THAT(plan.warnings, IsEmpty());
}

TEST(Plan, WarnsWhenNotEvenOneWorkerFits) {
  const Plan plan = plan_of(2, {.worker_memory = 1000_MiB}, 500_MiB);
  EXPECT_EQ(plan.workers.value, 1U);
  EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr("give the container more memory")));
}

TEST(Plan, GivesEachStreamAThread) {
  const Plan plan = plan_of(8, {.streams = 4});
  EXPECT_EQ(plan.workers.value, 2U);
  EXPECT_EQ(plan.threads.value, 4U);
  EXPECT_EQ(plan.streams.value, 4U);
  EXPECT_EQ(plan.threads.why, "one for each stream");
  EXPECT_THAT(plan.warnings, IsEmpty());
  EXPECT_EQ(plan_of(8, {.workers = 1, .streams = 2}).threads.value, 8U);
  EXPECT_EQ(plan_of(2, {.workers = 2, .streams = 2}).threads.value, 2U);
  EXPECT_EQ(plan_of(8).streams.value, 1U);
}

TEST(Plan, RoundsUpForStreamsThatDoNotWaitForEachOther) {
  EXPECT_EQ(plan_of(3.5, {.threads = 2, .streams = 2}).workers.value, 2U);
  EXPECT_EQ(plan_of(3.5, {.threads = 2}).workers.value, 1U);
}

TEST(Plan, HasRoomForABatchInEachStream) {
  const Plan plan = plan_of(64, {.job = Job::latency, .streams = 8, .batch = 6});
  EXPECT_EQ(plan.at_once(), 48U);
  EXPECT_GE(plan.mailbox.value, 48U);
}

TEST(Plan, RefusesMoreStreamsThanThreadsOrItems) {
  const auto refusal = [](const Request& request) {
    const auto plan = make_plan(budget_of(64, 65536_MiB), request);
    return plan ? "" : plan.error().message;
  };
  EXPECT_THAT(refusal({.threads = 2, .streams = 4}), HasSubstr("--streams 4 with --threads 2"));
  EXPECT_THAT(refusal({.streams = 64, .batch = 4}), HasSubstr("--streams 64 with --batch 4"));
  EXPECT_THAT(refusal({.streams = 0}), HasSubstr("--streams 0"));
  EXPECT_EQ(refusal({.threads = 32, .streams = 32, .batch = 4}), "");
}

TEST(Plan, DividesTheCpusByTheThreadsAskedFor) {
  EXPECT_EQ(plan_of(8, {.threads = 3}).workers.value, 2U);
  EXPECT_EQ(plan_of(3.5, {.threads = 2}).workers.value, 1U);
  EXPECT_EQ(plan_of(8, {.workers = 2}).threads.value, 4U);
  EXPECT_EQ(plan_of(7.9, {.workers = 2}).threads.value, 3U);
}

TEST(Plan, AnExplicitNumberWinsWithAWarning) {
  const Plan cpu = plan_of(1.5, {.workers = 4});
  EXPECT_EQ(cpu.workers.value, 4U);
  EXPECT_EQ(cpu.threads.value, 1U);
  EXPECT_THAT(cpu.warnings,
              ElementsAre(HasSubstr("4 workers x 1 thread are more than the 1.5 CPUs")));

  const Plan memory = plan_of(8, {.workers = 8, .worker_memory = 100_MiB}, 500_MiB);
  EXPECT_EQ(memory.workers.value, 8U);
  EXPECT_THAT(memory.warnings, ElementsAre(HasSubstr("4 workers would fit")));

  const Plan threads = plan_of(2, {.threads = 4});
  EXPECT_EQ(threads.workers.value, 1U);
  EXPECT_THAT(threads.warnings, ElementsAre(HasSubstr("1 worker x 4 threads")));
}

TEST(Plan, TwoWorkersOnOneAndAHalfCpusAreNoReasonToWarn) {
  EXPECT_THAT(plan_of(1.5, {.workers = 2}).warnings, IsEmpty());
}

TEST(Plan, LessThanOneCpuIsOneWorkerAndAWarning) {
  Budget half = budget_of(0.5, 65536_MiB);
  half.cpu.quota = Cpus{0.5};
  const auto plan = make_plan(half, {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->workers.value, 1U);
  EXPECT_THAT(plan->warnings, ElementsAre(HasSubstr("stopped for 50 % of the time")));
}

TEST(Plan, AShareOfACpuThatNoQuotaEnforcesIsNoReasonToWarn) {
  EXPECT_THAT(plan_of(0.5).warnings, IsEmpty());
}

TEST(Plan, LargeSlotsMakeMailboxesShallowRatherThanWorkersFew) {
  const Plan plan = plan_of(4, {.worker_memory = 100_MiB, .slot_bytes = 16_MiB}, 1024_MiB);
  EXPECT_EQ(plan.workers.value, 4U);
  EXPECT_EQ(plan.mailbox.value, 4U);
  EXPECT_LE(plan.in_flight.value, 256_MiB);
  EXPECT_THAT(plan.mailbox.why, HasSubstr("slots of 16 MiB"));
}

// Slots bound the number of workers for good, and the first guess at what one takes may be too high.
TEST(Plan, KeepsSmallSlotsForMoreWorkersWhereMemoryIsShort) {
  const Request guess{.worker_memory = 230_MiB, .slot_bytes = 9_KiB};
  const Plan plan = plan_of(1.5, guess, 268_MiB);
  EXPECT_EQ(plan.workers.value, 1U);
  EXPECT_EQ(plan.mailbox.value, 16U);
  EXPECT_THAT(plan.mailbox.why, HasSubstr("memory is short"));
  EXPECT_EQ(plan_of(1.5, {.batch = 32, .worker_memory = 230_MiB}, 268_MiB).mailbox.value, 32U);
  EXPECT_GE(least_limit(guess, 1), 310_MiB);
}

TEST(Plan, AddsUpAgainAfterAChange) {
  const Budget budget = budget_of(2, 1024_MiB);
  const Request request{.worker_memory = 100_MiB, .slot_bytes = 64_KiB};
  Plan plan = plan_of(2, request, 1024_MiB);
  const Bytes one_less{plan.memory.value.value - (100_MiB).value};
  plan.workers.value = 1;
  conclude(budget, request, plan);
  EXPECT_EQ(plan.memory.value, one_less);
  EXPECT_EQ(plan.memory.why, "supervisor 48 MiB, workers 100 MiB (estimated), slots 32 MiB");
  plan.workers.value = 20;
  conclude(budget, request, plan);
  EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr("expect throttling"), HasSubstr("9 workers")));
}

TEST(Plan, ALatencyJobKeepsOneBatchBehindTheOneInWork) {
  EXPECT_EQ(plan_of(2, {.job = Job::latency}).mailbox.value, 2U);
  EXPECT_EQ(plan_of(2, {.job = Job::latency, .batch = 6}).mailbox.value, 16U);
}

TEST(Plan, RefusesNumbersOutsideOfItsLimits) {
  const Budget budget = budget_of(4, 1024_MiB);
  EXPECT_EQ(make_plan(budget, {.workers = 300}).error().message,
            "--workers 300: it must be from 1 to 256, or auto");
  EXPECT_FALSE(make_plan(budget, {.workers = 0}));
  EXPECT_FALSE(make_plan(budget, {.threads = 0}));
  EXPECT_FALSE(make_plan(budget, {.threads = 1025}));
  EXPECT_FALSE(make_plan(budget, {.batch = 129}));
  EXPECT_FALSE(make_plan(budget, {.worker_memory = Bytes{UINT64_MAX}}));
  EXPECT_FALSE(make_plan(budget, {.slot_bytes = Bytes{UINT64_MAX}}));
}

// Every combination keeps what the other parts rely on.
TEST(Plan, StaysWithinItsLimitsWhateverIsAskedFor) {
  const std::optional<unsigned> counts[] = {{}, 1U, 2U, 17U, 128U};
  for (const double cpus : {0.01, 0.5, 1.5, 7.99, 64.0, 2048.0, 65536.0}) {
    for (const Bytes usable : {Bytes{0}, 100_MiB, 2048_MiB, 4194304_MiB}) {
      for (const Job job : {Job::throughput, Job::latency}) {
        for (const auto workers : counts) {
          for (const auto threads : counts) {
            for (const auto batch : counts) {
              for (const Bytes slot : {Bytes{0}, 64_KiB, 65536_MiB}) {
                const Request request{.job = job,
                                      .workers = workers,
                                      .threads = threads,
                                      .batch = batch,
                                      .slot_bytes = slot};
                Budget budget = budget_of(cpus, usable);
                budget.cpu.quota = Cpus{cpus};
                const auto plan = make_plan(budget, request);
                ASSERT_TRUE(plan);
                ASSERT_GE(plan->workers.value, 1U);
                ASSERT_LE(plan->workers.value, kMostWorkers);
                ASSERT_GE(plan->threads.value, 1U);
                ASSERT_LE(plan->threads.value, kMostThreads);
                ASSERT_LE(plan->slots.value, kMostSlots);
                ASSERT_TRUE(std::has_single_bit(plan->mailbox.value));
                ASSERT_GE(plan->mailbox.value, plan->batch.value);
                ASSERT_EQ(plan->slots.value, plan->workers.value * plan->mailbox.value);
                const unsigned running = plan->workers.value * plan->threads.value;
                const bool over = running > whole_cpus(Cpus{cpus}, job, plan->threads.value > 1) ||
                                  plan->memory.value > usable || cpus < 1;
                ASSERT_EQ(!plan->warnings.empty(), over);
                if (!workers && !threads) {
                  ASSERT_LE(running, whole_cpus(Cpus{cpus}, job, false));
                }
              }
            }
          }
        }
      }
    }
  }
}

TEST(PlanText, HasALineForEachNumberAndEachWarning) {
  Budget budget = budget_of(1.5, 2048_MiB);
  budget.notes = {"something to know"};
  const auto plan = make_plan(budget, {.workers = 3});
  ASSERT_TRUE(plan);
  EXPECT_EQ(
      plan_text(budget, *plan),
      "CPU budget            1.5  the test says so\n"
      "memory budget    2048 MiB  2048 MiB less a reserve of 0 KiB: the test says so\n"
      "workers                 3  asked for\n"
      "threads each            1  one thread each wastes nothing on waiting for others\n"
      "streams each            1  workers are as quick, and one that dies takes no others "
      "along\n"
      "batch                   1  one item at a time, so that only it fails\n"
      "mailbox               256  so that a worker with quick items never waits for the "
      "supervisor\n"
      "slots                 768  3 workers with a mailbox of 256\n"
      "in flight          48 MiB  768 slots of 64 KiB\n"
      "expected use      864 MiB  supervisor 48 MiB, workers 768 MiB (estimated), slots 48 MiB\n"
      "warning: 3 workers x 1 thread are more than the 1.5 CPUs there are: expect throttling; "
      "2 threads in all would fill them\n"
      "note: something to know\n");
}

}  // namespace
}  // namespace headrace::plan
