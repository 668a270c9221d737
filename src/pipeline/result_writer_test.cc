#include "pipeline/result_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "pipeline/temporary.h"
#include "sys/poller.h"

// What file systems do wrong is tested with a real one that does it: tests/shares.
namespace headrace::pipeline {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Mode = sys::RecordFile::Mode;
using Settings = ResultWriter::Settings;

sys::RecordFile fresh(const std::string& path) {
  return std::move(*sys::RecordFile::open(path, Mode::fresh));
}

void wait_until_over(const ResultWriter& writer) {
  sys::Poller poller;
  poller.watch(writer.fd(), 1);
  while (!writer.over()) poller.wait(10s);
}

// A pipe by name whose reader does not read: a write to it hangs once it is full.
class FullPipe {
 public:
  explicit FullPipe(const TemporaryFolder& folder) : path_(folder / "pipe") {
    ::mkfifo(path_.c_str(), 0600);
    reader_.reset(std::move(*sys::open_for_reading(path_)).release());
  }
  const std::string& path() const { return path_; }
  std::string lines() const { return std::string(1 << 20, 'x') + "\n"; }

 private:
  std::string path_;
  sys::Fd reader_;
};

TEST(ResultWriter, WritesAllThatItIsGivenAndSaysSo) {
  const TemporaryFolder folder;
  ResultWriter writer(fresh(folder / "out"), {});
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string lines = std::to_string(i) + "\n" + std::to_string(i) + "\n";
    writer.give(lines, 2);
    all += lines;
  }
  writer.end();
  wait_until_over(writer);
  EXPECT_FALSE(writer.error());
  EXPECT_EQ(writer.not_kept(), 0U);
  EXPECT_EQ(folder.read("out"), all);
  EXPECT_TRUE(writer.finish());
}

TEST(ResultWriter, SyncsBeforeItHoldsTooMuch) {
  const TemporaryFolder folder;
  ResultWriter writer(fresh(folder / "out"), {.most_held = 10, .sync_every = 24h});
  writer.give("a line\nanother line\n", 2);
  while (writer.not_kept() > 0) std::this_thread::yield();
}

TEST(ResultWriter, HasRoomAgainOnceItHasWritten) {
  const TemporaryFolder folder;
  ResultWriter writer(fresh(folder / "out"), {.most_waiting = 4});
  sys::Poller poller;
  poller.watch(writer.fd(), 1);
  for (int i = 0; i < 20; ++i) {
    writer.give("a line\n", 1);
    while (!writer.room()) {
      EXPECT_FALSE(poller.wait(10s).empty()) << "nobody said so";
      writer.heard();
    }
  }
}

TEST(ResultWriter, AReaderThatDoesNotReadHoldsUpNobody) {
  const TemporaryFolder folder;
  const FullPipe pipe(folder);
  ResultWriter writer(std::move(*sys::RecordFile::open(pipe.path(), Mode::fresh)),
                      {.patience = 1ms});
  writer.give(pipe.lines(), 1);
  while (!writer.trouble()) std::this_thread::yield();
  EXPECT_FALSE(writer.error()) << "it may take as long as it likes";
  const Status finished = writer.finish();
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().message, HasSubstr("did not answer in time"));
}

TEST(ResultWriter, OfAFileThatWasRemovedNoLineIsKept) {
  const TemporaryFolder folder;
  ResultWriter writer(fresh(folder / "out"), {.sync_every = 1ms});
  writer.give("one\ntwo\n", 2);
  while (writer.not_kept() > 0) std::this_thread::yield();
  std::filesystem::remove(folder / "out");
  writer.end();
  wait_until_over(writer);
  ASSERT_TRUE(writer.error());
  EXPECT_THAT(writer.error()->message, HasSubstr("was removed"));
  EXPECT_EQ(writer.not_kept(), 2U);
}

TEST(ResultWriter, AfterALastingErrorItSaysHowManyLinesAreNotKept) {
  const TemporaryFolder folder;
  ResultWriter writer(fresh(folder / "out"), {.sync_every = 1ms});
  writer.give("one\n", 1);
  while (writer.not_kept() > 0) std::this_thread::yield();
  std::ofstream(folder / "out", std::ios::app) << "not ours\n";
  writer.give("two\nthree\n", 2);
  wait_until_over(writer);
  ASSERT_TRUE(writer.error());
  EXPECT_THAT(writer.error()->message, HasSubstr("the lines of 2 items are not kept"));
  writer.give("four\n", 1);
  EXPECT_EQ(writer.not_kept(), 3U);
  EXPECT_FALSE(writer.finish());
}

}  // namespace
}  // namespace headrace::pipeline
