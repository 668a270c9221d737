#include "cli/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const Repeats::Time kBegin{std::chrono::hours(490'000)};

TEST(Log, WritesTimesInUtcToTheMillisecond) {
  EXPECT_EQ(to_rfc3339(std::chrono::system_clock::time_point{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(kBegin + 61s + 7ms), "2025-11-24T16:01:01.007Z");
}

TEST(Log, SaysATextAFewTimesAMinuteAndThenCountsIt) {
  Repeats repeats;
  for (unsigned i = 0; i < Repeats::kSaid; ++i) EXPECT_TRUE(repeats.admit("again", kBegin + 1s));
  for (int i = 0; i < 41; ++i) EXPECT_FALSE(repeats.admit("again", kBegin + 2s));
  EXPECT_TRUE(repeats.admit("another", kBegin + 2s));
  EXPECT_THAT(repeats.take_left_out(kBegin + 60s), IsEmpty());
  EXPECT_THAT(repeats.take_left_out(kBegin + 61s), ElementsAre(Pair("again", 41)));
  EXPECT_THAT(repeats.take_left_out(kBegin + 10min), IsEmpty()) << "it is said once";
  EXPECT_TRUE(repeats.admit("again", kBegin + 10min)) << "a new minute";
}

TEST(Log, SaysAtTheEndWhatItLeftOutUntilThen) {
  Repeats repeats;
  for (unsigned i = 0; i <= Repeats::kSaid; ++i) repeats.admit("again", kBegin);
  EXPECT_THAT(repeats.take_left_out(kBegin + 1s, true), ElementsAre(Pair("again", 1)));
}

TEST(Log, RemembersOnlySoManyTexts) {
  Repeats repeats;
  for (std::size_t i = 0; i < 10 * Repeats::kMostTexts; ++i)
    EXPECT_TRUE(repeats.admit("text " + std::to_string(i), kBegin));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(repeats.admit("one more", kBegin));
}

TEST(Log, SaysEachAnswerToWhatSomebodyDid) {
  testing::internal::CaptureStderr();
  {
    ServerLog log("warn");
    for (int i = 0; i < 6; ++i) {
      log.logger()->warn("a worker died");
      log.answers()->warn("it is {}", i % 2 == 0 ? "loaded" : "unloaded");
    }
  }
  const std::string said = testing::internal::GetCapturedStderr();
  const auto times = [&](const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = said.find(text, at)) != std::string::npos; ++at) ++count;
    return count;
  };
  EXPECT_EQ(times("headrace: warning: it is unloaded\n"), 3U);
  EXPECT_EQ(times("headrace: warning: it is loaded\n"), 3U);
  EXPECT_EQ(times("a worker died\n"), Repeats::kSaid);
  EXPECT_EQ(times("a worker died (3 times more in the last minute)"), 1U);
}

TEST(Log, IsNotSilencedByAClockThatWasSetBack) {
  Repeats repeats;
  for (unsigned i = 0; i <= Repeats::kSaid; ++i) repeats.admit("again", kBegin);
  EXPECT_THAT(repeats.take_left_out(kBegin - 1h), ElementsAre(Pair("again", 1)));
  EXPECT_TRUE(repeats.admit("again", kBegin - 1h));
}

}  // namespace
}  // namespace headrace::cli
