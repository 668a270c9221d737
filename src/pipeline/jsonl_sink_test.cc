#include "pipeline/jsonl_sink.h"

#include <gtest/gtest.h>

#include "pipeline/temporary.h"

namespace headrace::pipeline {
namespace {

using Mode = sys::RecordFile::Mode;

JsonlSink open(const std::string& path, Order order, std::uint64_t window = 8) {
  return {std::move(*sys::RecordFile::open(path, Mode::fresh)), order, window};
}

TEST(JsonlSink, WritesLinesAsTheyCome) {
  const TemporaryFolder folder;
  JsonlSink sink = open(folder / "out", Order::as_they_come);
  ASSERT_TRUE(sink.write(5, "five\n"));
  ASSERT_TRUE(sink.write(1, "one\n"));
  ASSERT_TRUE(sink.flush());
  EXPECT_EQ(folder.read("out"), "five\none\n");
}

TEST(JsonlSink, HoldsLinesBackUntilThoseBeforeThemAreThere) {
  const TemporaryFolder folder;
  JsonlSink sink = open(folder / "out", Order::of_inputs);
  ASSERT_TRUE(sink.write(2, "two\n"));
  ASSERT_TRUE(sink.write(0, "zero\n"));
  ASSERT_TRUE(sink.flush());
  EXPECT_EQ(folder.read("out"), "zero\n");
  ASSERT_TRUE(sink.skip(1));
  ASSERT_TRUE(sink.write(3, "three\n"));
  ASSERT_TRUE(sink.finish());
  EXPECT_EQ(folder.read("out"), "zero\ntwo\nthree\n");
}

TEST(JsonlSink, AcceptsNothingBeyondItsWindow) {
  const TemporaryFolder folder;
  JsonlSink sink = open(folder / "out", Order::of_inputs, 4);
  EXPECT_TRUE(sink.accepts(3));
  EXPECT_FALSE(sink.accepts(4));
  ASSERT_TRUE(sink.write(0, "0\n"));
  EXPECT_TRUE(sink.accepts(4));
}

TEST(JsonlSink, AStoppedRunLeavesAFileInOrderForTheNextToGoOnWith) {
  const TemporaryFolder folder;
  JsonlSink sink = open(folder / "out", Order::of_inputs);
  ASSERT_TRUE(sink.write(0, "zero\n"));
  ASSERT_TRUE(sink.write(2, "two\n"));
  ASSERT_TRUE(sink.finish());
  EXPECT_EQ(folder.read("out"), "zero\n");
}

TEST(RecordFile, RefusesToTouchEarlierResults) {
  const TemporaryFolder folder;
  const std::string path = folder.write("out", "precious\n");
  const auto file = sys::RecordFile::open(path, Mode::fresh);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("--resume"), std::string::npos);
  EXPECT_EQ(folder.read("out"), "precious\n");
}

TEST(RecordFile, RefusesAFileThatAnotherRunIsWriting) {
  const TemporaryFolder folder;
  const auto first = sys::RecordFile::open(folder / "out", Mode::fresh);
  const auto second = sys::RecordFile::open(folder / "out", Mode::extend);
  ASSERT_TRUE(first);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another run"), std::string::npos);
}

}  // namespace
}  // namespace headrace::pipeline
