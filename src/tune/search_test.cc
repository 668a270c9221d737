#include "tune/search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace headrace::tune {
namespace {

constexpr double kTrial = 2;  // seconds

// A machine that is known exactly, seen through noise.
struct Machine {
  std::function<double(const Numbers&)> rate;
  double noise = 0.02;
  std::uint64_t seed = 1;
  std::function<std::string(const Numbers&)> lost = [](const Numbers&) { return std::string(); };
  std::function<double(const Numbers&)> cpu = [](const Numbers& n) {
    return static_cast<double>(n.running());
  };
  Bytes worker = 100_MiB;
};

struct Tuned {
  Search search;
  double seconds = 0;
  std::size_t trials = 0;
  Numbers chosen() const { return search.candidates()[search.decide()->chosen].numbers; }
};

Tuned tune_on(const Machine& machine, const Space& space, double seconds,
              std::size_t most_trials = 10'000) {
  Tuned tuned{Search(space, seconds, kTrial)};
  std::mt19937_64 random(machine.seed);
  std::normal_distribution<double> noise(0, machine.noise);
  double neighbour = 0;  // somebody else's work: it comes and goes slowly
  while (tuned.trials < most_trials) {
    const auto numbers = tuned.search.next(seconds - tuned.seconds);
    if (!numbers) break;
    neighbour = 0.8 * neighbour + noise(random);
    ++tuned.trials;
    tuned.seconds += kTrial;
    const std::string lost = machine.lost(*numbers);
    tuned.search.saw(
        {.score = lost.empty() ? machine.rate(*numbers) * std::exp(noise(random) + neighbour) : 0,
         .cpu_used = machine.cpu(*numbers),
         .worker_memory = machine.worker,
         .seconds = kTrial,
         .lost_for = lost});
  }
  return tuned;
}

Space space_of(double cpus, std::vector<std::string> engines = {"a", "b"}) {
  Space space;
  space.untuned = {engines.front(), static_cast<unsigned>(std::max(1.0, cpus)), 1, 1, 1};
  space.engines = std::move(engines);
  space.cpus = Cpus{cpus};
  space.memory = 64'000_MiB;
  space.streams = true;
  return space;
}

// Rates like those of real engines: threads lose a little to waiting, batches win a little.
double usual_rate(const Numbers& n, double cpus) {
  const double busy = std::min(cpus, static_cast<double>(n.running()));
  const double waiting = n.streams == n.threads ? 1.0 : std::pow(0.93, std::log2(n.threads));
  const double batch = n.batch >= 8 ? 1.0 : 0.8 + 0.2 * std::log2(n.batch) / 3;
  return 100 * busy * waiting * batch * (n.engine == "b" ? 1.2 : 1.0);
}

TEST(Search, FindsTheBestWithinNoise) {
  for (const double cpus : {1.0, 2.0, 4.0, 16.0}) {
    const Machine machine{.rate = [&](const Numbers& n) { return usual_rate(n, cpus); }};
    const Tuned tuned = tune_on(machine, space_of(cpus), 100);
    const double best = usual_rate({"b", static_cast<unsigned>(cpus), 1, 1, 8}, cpus);
    EXPECT_GT(usual_rate(tuned.chosen(), cpus), 0.96 * best)
        << cpus << " CPUs: " << short_text(tuned.chosen());
  }
}

TEST(Search, FindsTheBestBesideANoisyNeighbour) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Machine machine{
        .rate = [](const Numbers& n) { return usual_rate(n, 2); }, .noise = 0.06, .seed = seed};
    const Tuned tuned = tune_on(machine, space_of(2), 100);
    found += usual_rate(tuned.chosen(), 2) > 0.92 * usual_rate({"b", 2, 1, 1, 8}, 2) ? 1 : 0;
  }
  EXPECT_GE(found, 18);
}

TEST(Search, PrefersTheSmallerPlanWithinNoise) {
  // One worker keeps the disk as busy as two: the rest is the same.
  const Machine machine{.rate = [](const Numbers&) { return 100.0; }, .noise = 0.01};
  const Tuned tuned = tune_on(machine, space_of(2), 100);
  EXPECT_EQ(tuned.chosen().running(), 1U) << short_text(tuned.chosen());
  EXPECT_EQ(tuned.chosen().batch, 1U);
}

TEST(Search, StopsInItsBudget) {
  for (const double seconds : {10.0, 30.0, 100.0}) {
    const Machine machine{.rate = [](const Numbers& n) { return usual_rate(n, 16); }, .noise = 0.1};
    const Tuned tuned = tune_on(machine, space_of(16), seconds);
    EXPECT_LE(tuned.seconds, seconds + kTrial);
    EXPECT_TRUE(tuned.search.decide());
  }
}

TEST(Search, StopsEarlyWhenAllIsClear) {
  const Machine machine{.rate = [](const Numbers& n) { return n.engine == "b" ? 200.0 : 100.0; },
                        .noise = 0.001};
  EXPECT_LT(tune_on(machine, space_of(1), 1000).seconds, 300);
}

TEST(Search, MeasuresFarFewerThanAGrid) {
  const Machine machine{.rate = [](const Numbers& n) { return usual_rate(n, 16); }};
  const Tuned tuned = tune_on(machine, space_of(16), 100);
  EXPECT_LT(tuned.search.candidates().size(), 40U);
}

TEST(Search, HasABestSoFarAtAnyTime) {
  const Machine machine{.rate = [](const Numbers& n) { return usual_rate(n, 2); }};
  EXPECT_FALSE(tune_on(machine, space_of(2), 100, 0).search.decide());
  for (std::size_t trials = 1; trials < 12; ++trials)
    EXPECT_TRUE(tune_on(machine, space_of(2), 100, trials).search.decide()) << trials;
}

TEST(Search, KeepsThePlanWithoutTuningToTheEnd) {
  const Machine machine{.rate = [](const Numbers& n) { return n.engine == "b" ? 300.0 : 100.0; }};
  const Tuned tuned = tune_on(machine, space_of(2), 100);
  const auto decision = tuned.search.decide();
  ASSERT_TRUE(decision && decision->untuned);
  EXPECT_GE(tuned.search.candidates()[*decision->untuned].seen.size(), 4U);
  EXPECT_NEAR(decision->untuned_to_chosen.difference, std::log(1.0 / 3), 0.1);
}

TEST(Search, GivesTheSameAnswerToTheSameMeasurements) {
  const Machine machine{.rate = [](const Numbers& n) { return usual_rate(n, 4); }};
  const Tuned one = tune_on(machine, space_of(4), 100);
  const Tuned other = tune_on(machine, space_of(4), 100);
  EXPECT_EQ(one.chosen(), other.chosen());
  EXPECT_EQ(one.trials, other.trials);
}

TEST(Search, StartsNoMoreWorkersThanMemoryHolds) {
  Machine machine{.rate = [](const Numbers& n) { return usual_rate(n, 8); }};
  Space space = space_of(8);
  space.untuned.workers = 1;
  space.memory = 350_MiB;
  const Tuned tuned = tune_on(machine, space, 100);
  for (const Candidate& candidate : tuned.search.candidates()) {
    EXPECT_TRUE(candidate.seen.empty() || candidate.numbers.workers <= 3);
  }
  EXPECT_FALSE(tuned.search.not_tried().empty());
}

TEST(Search, LeavesOutWhatWasKilled) {
  const Machine machine{
      .rate = [](const Numbers& n) { return usual_rate(n, 4); },
      .lost =
          [](const Numbers& n) { return n.workers > 2 ? std::string("killed") : std::string(); }};
  const Tuned tuned = tune_on(machine, space_of(4), 100);
  EXPECT_LE(tuned.chosen().workers, 2U);
}

TEST(Search, DecidesNothingWhenAllIsLost) {
  const Machine machine{.rate = [](const Numbers&) { return 1.0; },
                        .lost = [](const Numbers&) { return std::string("killed"); }};
  EXPECT_FALSE(tune_on(machine, space_of(2), 100).search.decide());
}

TEST(Search, TriesMoreWorkersWhenTheyWaitForSomethingElse) {
  // A handler that waits for a disk or a network.
  const Machine machine{.rate = [](const Numbers& n) { return 10.0 * std::min(n.workers, 16U); },
                        .cpu = [](const Numbers& n) { return 0.05 * n.workers; }};
  Space space = space_of(2, {""});
  space.streams = false;
  EXPECT_GE(tune_on(machine, space, 100).chosen().workers, 8U);
}

TEST(Search, LeavesTheBatchOfAModelThatFixesIt) {
  const Machine machine{.rate = [](const Numbers& n) { return usual_rate(n, 2); }};
  Space space = space_of(2);
  space.most_batch = 1;
  const Tuned tuned = tune_on(machine, space, 100);
  for (const Candidate& candidate : tuned.search.candidates())
    EXPECT_EQ(candidate.numbers.batch, 1U);
}

}  // namespace
}  // namespace headrace::tune
