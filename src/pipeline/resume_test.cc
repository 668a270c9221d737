#include "pipeline/resume.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "pipeline/answer.h"
#include "pipeline/temporary.h"

namespace headrace::pipeline {
namespace {

std::string line(std::uint64_t index, std::string_view input) {
  return to_line({.index = index, .input = input, .attempts = 1, .worker = 0, .result = "{}"});
}

Result<Answered> read(const std::string& path) {
  const auto file = sys::RecordFile::open(path, sys::RecordFile::Mode::extend);
  if (!file) return Error{file.error().message};
  return Answered::read(*file, std::chrono::milliseconds(0));
}

TEST(Answered, ANewFileHoldsNothing) {
  const TemporaryFolder folder;
  const auto answered = read(folder / "none");
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->count(), 0U);
}

TEST(Answered, KnowsInputsByNameHoweverTheOrder) {
  const TemporaryFolder folder;
  auto answered = read(folder.write("out", line(9, "b") + line(0, "a\"\n")));
  ASSERT_TRUE(answered);
  EXPECT_TRUE(answered->take("a\"\n"));
  EXPECT_TRUE(answered->take("b"));
  EXPECT_FALSE(answered->take("c"));
}

TEST(Answered, AnInputListedTwiceIsAnsweredTwice) {
  const TemporaryFolder folder;
  auto answered = read(folder.write("out", line(0, "a") + line(1, "a")));
  EXPECT_TRUE(answered->take("a"));
  EXPECT_TRUE(answered->take("a"));
  EXPECT_FALSE(answered->take("a"));
}

TEST(Answered, ATornLastLineCountsForNothingWhereverItIsTorn) {
  const TemporaryFolder folder;
  const std::string whole = line(0, "a");
  const std::string torn = line(1, "b");
  for (std::size_t kept = 0; kept < torn.size(); ++kept) {
    auto answered = read(folder.write("out", whole + torn.substr(0, kept)));
    ASSERT_TRUE(answered) << kept;
    EXPECT_EQ(answered->whole_bytes(), whole.size());
    EXPECT_EQ(answered->torn_bytes(), kept);
    EXPECT_FALSE(answered->take("b"));
  }
}

TEST(Answered, AnInputWhoseNameIsNoUtf8IsFoundAgain) {
  const TemporaryFolder folder;
  auto answered = read(folder.write("out", line(0, "bad\xFFname")));
  EXPECT_TRUE(answered->take("bad\xFFname"));
}

TEST(Answered, WhereAWriteWasLostAllFromThereOnCountsForNothing) {
  const TemporaryFolder folder;
  const std::string whole = line(0, "a");
  const std::string zeros(300, '\0');
  const std::string torn = line(1, "b").substr(0, 9);
  for (const std::string& rest :
       {zeros, zeros + line(2, "c"), fmt::format("{}{}\n{}", torn, zeros, line(2, "c")),
        fmt::format("{0}\n{0}\n", zeros)}) {
    auto answered = read(folder.write("out", whole + rest));
    ASSERT_TRUE(answered) << answered.error().message;
    EXPECT_EQ(answered->whole_bytes(), whole.size());
    EXPECT_EQ(answered->torn_bytes(), rest.size());
    EXPECT_TRUE(answered->take("a"));
    EXPECT_FALSE(answered->take("c"));
  }
}

TEST(Answered, ALongHoleTakesNoMemory) {
  const TemporaryFolder folder;
  const std::string path = folder.write("out", line(0, "a"));
  std::filesystem::resize_file(path, std::uint64_t{1} << 30);
  const auto answered = read(path);
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->count(), 1U);
}

TEST(Answered, ZerosAtTheBeginningAreOursWithNothingElseOrAResultBehindThem) {
  const TemporaryFolder folder;
  const std::string zeros(70'000, '\0');
  for (const std::string& content :
       {zeros, fmt::format("{}{}{}", zeros, line(1, "a"), line(2, "b")),
        fmt::format("{0}\n{0}\n{1}", zeros, line(1, "a")), line(0, "a").substr(0, 12) + zeros}) {
    const auto answered = read(folder.write("out", content));
    ASSERT_TRUE(answered) << answered.error().message;
    EXPECT_EQ(answered->count(), 0U);
    EXPECT_EQ(answered->whole_bytes(), 0U);
    EXPECT_EQ(answered->torn_bytes(), content.size());
    EXPECT_TRUE(answered->lost());
  }
  for (const std::string& content : {zeros + "\n", zeros + "an archive", zeros + "\nan archive\n",
                                     "an archive" + zeros, zeros + line(1, "a")}) {
    EXPECT_FALSE(read(folder.write("out", content)));
  }
}

TEST(Answered, AFileWithoutALineEndIsOursOnlyAsTheBeginningOfAResult) {
  const TemporaryFolder folder;
  for (const std::string content : {R"({"precious": [1, 2]})", "x",
                                    R"({"index")"
                                    "\1"}) {
    const auto answered = read(folder.write("out", content));
    ASSERT_FALSE(answered);
    EXPECT_NE(answered.error().message.find("line 1"), std::string::npos);
  }
}

TEST(Answered, AFileThatIsNoneOfOursIsNotExtended) {
  const TemporaryFolder folder;
  const auto answered = read(folder.write("out", line(0, "a") + "not json\n"));
  ASSERT_FALSE(answered);
  EXPECT_NE(answered.error().message.find("line 2"), std::string::npos);
}

}  // namespace
}  // namespace headrace::pipeline
