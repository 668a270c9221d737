#include "pipeline/resume.h"

#include <gtest/gtest.h>

#include "pipeline/answer.h"
#include "pipeline/temporary.h"

namespace headrace::pipeline {
namespace {

std::string line(std::uint64_t index, std::string_view input) {
  return to_line({.index = index, .input = input, .attempts = 1, .worker = 0, .result = "{}"});
}

TEST(Answered, AFileThatDoesNotExistHoldsNothing) {
  const TemporaryFolder folder;
  const auto answered = Answered::read(folder / "none");
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->count(), 0U);
}

TEST(Answered, KnowsInputsByNameHoweverTheOrder) {
  const TemporaryFolder folder;
  auto answered = Answered::read(folder.write("out", line(9, "b") + line(0, "a\"\n")));
  ASSERT_TRUE(answered);
  EXPECT_TRUE(answered->take("a\"\n"));
  EXPECT_TRUE(answered->take("b"));
  EXPECT_FALSE(answered->take("c"));
}

TEST(Answered, AnInputListedTwiceIsAnsweredTwice) {
  const TemporaryFolder folder;
  auto answered = Answered::read(folder.write("out", line(0, "a") + line(1, "a")));
  EXPECT_TRUE(answered->take("a"));
  EXPECT_TRUE(answered->take("a"));
  EXPECT_FALSE(answered->take("a"));
}

TEST(Answered, ATornLastLineCountsForNothingWhereverItIsTorn) {
  const TemporaryFolder folder;
  const std::string whole = line(0, "a");
  const std::string torn = line(1, "b");
  for (std::size_t kept = 0; kept < torn.size(); ++kept) {
    auto answered = Answered::read(folder.write("out", whole + torn.substr(0, kept)));
    ASSERT_TRUE(answered) << kept;
    EXPECT_EQ(answered->whole_bytes(), whole.size());
    EXPECT_EQ(answered->torn_bytes(), kept);
    EXPECT_FALSE(answered->take("b"));
  }
}

TEST(Answered, AnInputWhoseNameIsNoUtf8IsFoundAgain) {
  const TemporaryFolder folder;
  auto answered = Answered::read(folder.write("out", line(0, "bad\xFFname")));
  EXPECT_TRUE(answered->take("bad\xFFname"));
}

TEST(Answered, AFileThatIsNoneOfOursIsNotExtended) {
  const TemporaryFolder folder;
  const auto answered = Answered::read(folder.write("out", line(0, "a") + "not json\n"));
  ASSERT_FALSE(answered);
  EXPECT_NE(answered.error().message.find("line 2"), std::string::npos);
}

}  // namespace
}  // namespace headrace::pipeline
