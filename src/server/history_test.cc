#include "server/history.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace headrace::server {
namespace {

using std::chrono::microseconds;
using namespace std::chrono_literals;

// A model that counts, and a history that looks at it.
struct Watched {
  History history{};
  pipeline::Histogram latency{};
  ModelCounts counts{.key = "m/", .latency = &latency};

  void answer(int count, microseconds each) {
    for (int i = 0; i < count; ++i) latency.add(each);
    counts.answered += static_cast<std::uint64_t>(count);
  }
  void look(History::Seconds passed) {
    const std::array models = {counts};
    history.add(passed, {.cpu_used = 1.5, .cpu_budget = 2}, models);
  }
};

TEST(History, KeepsWhatWasDoneInEachSecond) {
  Watched w;
  w.answer(1000, 5ms);  // before anybody looked
  w.look(0s);
  w.answer(10, 2ms);
  w.look(1s);
  w.answer(5, 8ms);
  ++w.counts.failed;
  ++w.counts.worker_ends;
  w.look(500ms);

  const auto moments = w.history.model("m/", 0);
  ASSERT_EQ(moments.size(), 2U);
  EXPECT_DOUBLE_EQ(moments[0].answers, 10);
  EXPECT_NEAR(moments[0].p99_ms, 2, 0.1);
  EXPECT_DOUBLE_EQ(moments[1].answers, 10) << "a second's worth";
  EXPECT_DOUBLE_EQ(moments[1].failures, 2);
  EXPECT_DOUBLE_EQ(moments[1].worker_ends, 1);
  EXPECT_NEAR(moments[1].p50_ms, 8, 0.3);
}

TEST(History, KnowsNoLatencyOfASecondWithoutAnAnswer) {
  Watched w;
  w.look(0s);
  w.look(1s);
  const auto moments = w.history.model("m/", 0);
  ASSERT_EQ(moments.size(), 1U);
  EXPECT_TRUE(std::isnan(moments[0].p50_ms));
  EXPECT_DOUBLE_EQ(moments[0].answers, 0);
}

TEST(History, SumsUpTheLastTenSeconds) {
  Watched w;
  w.answer(100, 900ms);
  for (int second = 0; second < 30; ++second) {
    w.look(second == 0 ? 0s : 1s);
    w.answer(4, second < 25 ? 1ms : 100ms);
  }
  const Lately lately = w.history.lately("m/");
  EXPECT_DOUBLE_EQ(lately.answers_per_second, 4);
  EXPECT_LT(lately.p50, 2ms);
  EXPECT_NEAR(static_cast<double>(lately.p99.count()), 100'000, 4000);
}

TEST(History, GivesWhatSomebodyHasNotSeenYet) {
  Watched w;
  for (int second = 0; second < 5; ++second) w.look(second == 0 ? 0s : 1s);
  EXPECT_EQ(w.history.last(), 5U);
  EXPECT_EQ(w.history.container(0).size(), 5U);
  EXPECT_EQ(w.history.container(3).size(), 2U);
  EXPECT_EQ(w.history.model("m/", 3).size(), 2U);
  EXPECT_EQ(w.history.container(5).size(), 0U);
  EXPECT_EQ(w.history.container(99).size(), 5U) << "what was seen was another server";
}

TEST(History, KeepsFiveMinutes) {
  Watched w;
  for (int second = 0; second < 1000; ++second) w.look(second == 0 ? 0s : 1s);
  EXPECT_EQ(w.history.container(0).size(), History::kKept);
  EXPECT_EQ(w.history.model("m/", 0).size(), History::kKept);
  EXPECT_EQ(w.history.last(), 1000U);
}

TEST(History, LeavesAGapWhereItWasStopped) {
  Watched w;
  w.look(0s);
  w.look(1s);
  w.answer(50, 1ms);
  w.look(10s);
  const auto moments = w.history.model("m/", 0);
  ASSERT_EQ(moments.size(), 11U);
  EXPECT_TRUE(std::isnan(moments[1].answers));
  EXPECT_DOUBLE_EQ(moments.back().answers, 5);
  w.look(std::chrono::hours(24 * 365));
  EXPECT_EQ(w.history.model("m/", 0).size(), History::kKept);
}

TEST(History, ForgetsModelsThatAreGoneAndTakesNewOnesThatCountAnew) {
  Watched w;
  w.answer(100, 1ms);
  w.look(0s);
  w.counts.answered = 0;
  w.latency = {};
  w.answer(3, 2ms);
  w.look(1s);
  EXPECT_DOUBLE_EQ(w.history.model("m/", 0).back().answers, 3);
  w.counts.key = "n/";
  w.look(1s);
  EXPECT_TRUE(w.history.model("m/", 0).empty());
  EXPECT_TRUE(w.history.model("n/", 0).empty()) << "there is nothing to compare with yet";
  EXPECT_EQ(w.history.lately("m/").answers_per_second, 0);
}

}  // namespace
}  // namespace headrace::server
