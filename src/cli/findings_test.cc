// What is made of a search, on machines that are known exactly.
#include "cli/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using tune::Numbers;

constexpr double kTrial = 2;  // seconds

using Rate = std::function<double(const Numbers&)>;  // items a second; 0: it loses

tune::Measured trial_of(double rate) {
  const auto items = static_cast<std::uint64_t>(rate * kTrial);
  return {.seconds = kTrial,
          .ok = items,
          .rate = rate,
          .whole_ms = std::vector<float>(items, static_cast<float>(1000 / rate)),
          .cpu_used = 1,
          .worker_memory = {100_MiB},
          .equipment = "fake 1.0"};
}

// On two CPUs, for as long as the search likes.
Findings searched(const Rate& rate, const Numbers& untuned) {
  Findings findings{.model = "lite0", .usable = 64'000_MiB, .listed = 9, .sampled = 4};
  tune::Search& search = findings.search.emplace(tune::Space{.engines = {"a"},
                                                             .cpus = Cpus{2},
                                                             .memory = findings.usable,
                                                             .untuned = untuned,
                                                             .most_batch = 1,
                                                             .most_workers = 2},
                                                 100, kTrial);
  for (double seconds = 100; const auto numbers = search.next(seconds); seconds -= kTrial) {
    const double now = rate(*numbers);
    search.saw({.score = now,
                .cpu_used = 1,
                .worker_memory = 100_MiB,
                .seconds = kTrial,
                .lost_for = now > 0 ? "" : "1 worker(s) died"});
    findings.measured[*numbers].push_back(now > 0 ? trial_of(now) : tune::Measured{});
  }
  return findings;
}

tune::Report report_of(const Findings& findings, const TuneOptions& options = {}) {
  return make_report(options, findings, *findings.search->decide(), "2026-02-03T10:11:12Z");
}

double by_workers(const Numbers& n) {
  return 100.0 * n.workers;
}

TEST(Findings, NameTheFastest) {
  const tune::Report report = report_of(searched(by_workers, {"a", 1, 1, 1, 1}));
  EXPECT_THAT(report.decision,
              StartsWith("the plan: a 2x1: it is the fastest of all that were measured\n"
                         "the plan without tuning (a 1x1): 100.0 items/s, "));
  EXPECT_THAT(report.decision, EndsWith(" % of the best"));
}

TEST(Findings, SayWhenThePlanWithoutTuningIsTheBest) {
  const tune::Report report = report_of(searched(by_workers, {"a", 2, 1, 1, 1}));
  EXPECT_EQ(report.decision,
            "the plan: a 2x1: it is the fastest of all that were measured\n"
            "the plan without tuning (a 2x1): 200.0 items/s, is this very plan");
}

TEST(Findings, SayThatTheSmallerOneWonADraw) {
  const auto nearly = [](const Numbers& n) { return n.workers == 2 ? 100.2 : 100.0; };
  EXPECT_THAT(report_of(searched(nearly, {"a", 2, 1, 1, 1})).decision,
              StartsWith("the plan: a 1x1: a 2x1 was 0.2 % faster, which is within the noise, and "
                         "is larger\nthe plan without tuning (a 2x1): 100.2 items/s, "));
  const auto same = [](const Numbers&) { return 100.0; };
  EXPECT_THAT(report_of(searched(same, {"a", 2, 1, 1, 1})).decision,
              StartsWith("the plan: a 1x1: a 2x1 was just as quick, and is larger\n"));
}

TEST(Findings, SayWhetherALatencyIsKept) {
  TuneOptions options;
  options.latency = true;
  options.rate = 20;
  options.p99 = 5ms;
  const Findings findings = searched(by_workers, {"a", 1, 1, 1, 1});
  EXPECT_THAT(report_of(findings, options).decision,
              HasSubstr("; p99 is 5.0 ms, within the 5 ms asked for\n"
                        "the plan without tuning (a 1x1): p99 10.0 ms against 5.0 ms"));
  options.p99 = 4500us;
  const tune::Report report = report_of(findings, options);
  EXPECT_THAT(report.decision, HasSubstr("NOT within the 4.5 ms asked for"));
  EXPECT_EQ(report.goal.p99_ms, 4.5);
  EXPECT_EQ(report.goal.arrivals, 20);
}

TEST(Findings, PutTheBestFirstAndLosersLast) {
  const auto alone_fails = [](const Numbers& n) {
    return n == Numbers{"a", 1, 1, 1, 1} ? 0 : by_workers(n);
  };
  const tune::Report report = report_of(searched(alone_fails, {"a", 1, 2, 1, 1}));
  ASSERT_EQ(report.rows.size(), 3U);
  EXPECT_TRUE(report.rows[0].chosen);
  EXPECT_EQ(report.rows[0].numbers, (Numbers{"a", 2, 1, 1, 1}));
  EXPECT_NEAR(report.rows[0].rate, 200, 0.01);
  EXPECT_EQ(report.rows[0].memory, 100_MiB);
  EXPECT_TRUE(report.rows[1].untuned);
  EXPECT_EQ(report.rows[2].numbers, (Numbers{"a", 1, 1, 1, 1}));
  EXPECT_EQ(report.rows[2].lost_for, "1 worker(s) died");
}

TEST(Findings, SayWhyThereIsNoPlan) {
  const tune::Search nothing({.engines = {"a"}}, 100, kTrial);
  EXPECT_EQ(why_no_plan(nothing), "no time was left for a trial; give it more with --time");
  const Findings lost = searched([](const Numbers&) { return 0.0; }, {"a", 1, 1, 1, 1});
  EXPECT_FALSE(lost.search->decide());
  EXPECT_THAT(why_no_plan(*lost.search), HasSubstr(": 1 worker(s) died"));
}

TEST(Findings, SayWhatEndedThem) {
  Findings findings = searched(by_workers, {"a", 1, 1, 1, 1});
  EXPECT_EQ(report_of(findings).stopped, "");
  findings.stopped_by = SIGINT;
  EXPECT_EQ(report_of(findings).stopped, "interrupted");
  findings.stopped_by = SIGTERM;
  EXPECT_EQ(report_of(findings).stopped, "asked to stop");
}

TEST(Findings, BecomeAPlanFileThatCanBeReadBack) {
  Findings findings = searched(by_workers, {"a", 1, 1, 1, 1});
  findings.place = {.cpus = Cpus{2}, .memory_limit = 512_MiB, .processor = "P", .model_hash = "h"};
  const tune::PlanFile plan = plan_of(report_of(findings));
  const Result<tune::PlanFile> read = tune::parse_plan_file(tune::to_toml(plan), "plan.toml");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->numbers, (Numbers{"a", 2, 1, 1, 1}));
  EXPECT_EQ(read->made_at, "2026-02-03T10:11:12Z");
  EXPECT_EQ(read->model_name, "lite0");
  EXPECT_EQ(read->equipment, "fake 1.0");
  EXPECT_NEAR(plan.rate, 200, 0.01);
  EXPECT_NEAR(plan.untuned_rate, 100, 0.01);
  EXPECT_FALSE(tune::mismatch(*read, findings.place));
}

TEST(Utc, IsWrittenAsOthersReadIt) {
  EXPECT_EQ(utc(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc(951'782'399), "2000-02-28T23:59:59Z");
  EXPECT_EQ(utc(951'782'400), "2000-02-29T00:00:00Z");
}

}  // namespace
}  // namespace headrace::cli
