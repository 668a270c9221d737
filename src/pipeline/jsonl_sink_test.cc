#include "pipeline/jsonl_sink.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "pipeline/temporary.h"

namespace headrace::pipeline {
namespace {

using Mode = sys::RecordFile::Mode;

JsonlSink open(const std::string& path, Order order, std::uint64_t window = 8) {
  return {std::move(*sys::RecordFile::open(path, Mode::fresh)),
          order,
          window,
          {.sync_every = std::chrono::milliseconds(1)}};
}

void wait_until_kept(const JsonlSink& sink) {
  while (sink.not_kept() > 0) std::this_thread::yield();
}

Status settled(JsonlSink& sink) {
  while (!sink.settle()) std::this_thread::yield();
  return sink.finish();
}

TEST(JsonlSink, WritesLinesAsTheyCome) {
  const TemporaryFolder folder;
  JsonlSink sink = open(folder / "out", Order::as_they_come);
  ASSERT_TRUE(sink.write(5, "five\n"));
  ASSERT_TRUE(sink.write(1, "one\n"));
  ASSERT_TRUE(sink.flush());
  wait_until_kept(sink);
  EXPECT_EQ(folder.read("out"), "five\none\n");
}

TEST(JsonlSink, HoldsLinesBackUntilThoseBeforeThemAreThere) {
  const TemporaryFolder folder;
  JsonlSink sink = open(folder / "out", Order::of_inputs);
  ASSERT_TRUE(sink.write(2, "two\n"));
  ASSERT_TRUE(sink.write(0, "zero\n"));
  ASSERT_TRUE(sink.flush());
  wait_until_kept(sink);
  EXPECT_EQ(folder.read("out"), "zero\n");
  ASSERT_TRUE(sink.skip(1));
  ASSERT_TRUE(sink.write(3, "three\n"));
  ASSERT_TRUE(settled(sink));
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
  ASSERT_TRUE(settled(sink));
  EXPECT_EQ(folder.read("out"), "zero\n");
  EXPECT_EQ(sink.not_kept(), 1U) << "the line beyond the gap";
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
  EXPECT_EQ(second.error().awaits, sys::FileError::Awaits::lock);
}

TEST(RecordFile, AFifoWaitsForItsReaderAndNoticesThatItLeft) {
  const TemporaryFolder folder;
  const std::string path = folder / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto early = sys::RecordFile::open(path, Mode::fresh);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().awaits, sys::FileError::Awaits::reader);
  auto reader = sys::open_for_reading(path);
  auto file = sys::RecordFile::open(path, Mode::fresh);
  ASSERT_TRUE(file);
  reader->reset();
  file->take("lost otherwise\n");
  std::signal(SIGPIPE, SIG_IGN);
  EXPECT_FALSE(file->write());
}

TEST(RecordFile, WaitsForALockThatSomebodyElseGotMeanwhile) {
  const TemporaryFolder folder;
  const std::string path = folder / "out";
  auto file = sys::RecordFile::open(path, Mode::fresh);
  file->take("one\n");
  // The lock is of the open file, so it is lost with the file of that name and taken with the new one.
  std::filesystem::rename(path, folder / "moved");
  auto other = sys::RecordFile::open(path, Mode::fresh);
  ASSERT_TRUE(other);
  const auto refused = file->reopen();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().passing);
  EXPECT_NE(refused.error().message.find("its lock is held"), std::string::npos);
  ASSERT_TRUE(other->close());
  ASSERT_TRUE(file->reopen());
  ASSERT_TRUE(file->write() && file->sync() && file->close());
  EXPECT_EQ(folder.read("out"), "one\n");
}

TEST(RecordFile, NoticesWhoWroteWhileItsOwnWriteHung) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  file->take("ours\n");
  ASSERT_TRUE(file->write());
  std::ofstream(folder / "out", std::ios::app) << "theirs\n";
  EXPECT_FALSE(file->sync());
  EXPECT_EQ(file->synced_records(), 0U);
}

TEST(RecordFile, NoticesAtTheEndThatSomebodyElseShortenedIt) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  file->take("one\ntwo\n");
  ASSERT_TRUE(file->write() && file->sync());
  std::filesystem::resize_file(folder / "out", 4);
  EXPECT_FALSE(file->close());
  EXPECT_EQ(file->synced_records(), 0U) << "nobody knows what is left";
}

TEST(RecordFile, CutsNothingOffThatMayBeAnotherRuns) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  file->take("ours\n");
  ASSERT_TRUE(file->write());
  std::ofstream(folder / "out", std::ios::app) << "theirs\n";
  file->give_up();
  EXPECT_EQ(folder.read("out"), "ours\ntheirs\n");
}

TEST(RecordFile, WritesNothingOnceItIsAbandoned) {
  const TemporaryFolder folder;
  const std::atomic<bool> abandoned = true;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  file->take("late\n");
  EXPECT_FALSE(file->write(&abandoned));
  file->give_up(&abandoned);
  EXPECT_EQ(folder.read("out"), "");
}

TEST(RecordFile, GivingUpBringsAllThatItHoldsFromTheLastSyncOn) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  file->take("one\n");
  ASSERT_TRUE(file->write());
  // What a write leaves that was lost.
  std::ofstream(folder / "out") << std::string(4, '\0');
  file->give_up();
  EXPECT_EQ(folder.read("out"), "one\n");
  EXPECT_EQ(file->synced_records(), 1U);
}

TEST(RecordFile, NoticesThatSomebodyElseWritesAndCutsNothingOff) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  file->take("ours\n");
  ASSERT_TRUE(file->write() && file->sync());
  std::ofstream(folder / "out", std::ios::app) << "theirs\n";
  file->take("more\n");
  const auto written = file->write();
  ASSERT_FALSE(written);
  EXPECT_FALSE(written.error().passing);
  EXPECT_NE(written.error().message.find("somebody else"), std::string::npos);
  file->give_up();
  EXPECT_EQ(folder.read("out"), "ours\ntheirs\n");
}

TEST(RecordFile, WritesAgainWhatWasNotSynced) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  file->take("one\ntwo\n");
  ASSERT_TRUE(file->write());
  // As if it had been lost on its way.
  std::filesystem::resize_file(folder / "out", 5);
  ASSERT_TRUE(file->reopen());
  ASSERT_TRUE(file->write() && file->sync() && file->close());
  EXPECT_EQ(folder.read("out"), "one\ntwo\n");
  EXPECT_EQ(file->synced_records(), 2U);
}

TEST(RecordFile, HoldsItsLockWhenItIsOpenedAnew) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  ASSERT_TRUE(file->reopen());
  EXPECT_FALSE(sys::RecordFile::open(folder / "out", Mode::extend));
}

TEST(RecordFile, DoesNotTakeAnotherFileOfThatNameForItsOwn) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  file->take("one\n");
  ASSERT_TRUE(file->write() && file->sync());
  std::filesystem::rename(folder / "out", folder / "moved");
  folder.write("out", "");
  ASSERT_TRUE(file->reopen());
  file->take("two\n");
  ASSERT_TRUE(file->write() && file->sync() && file->close());
  EXPECT_EQ(folder.read("moved"), "one\ntwo\n");
}

TEST(RecordFile, SaysThatItWasRemoved) {
  const TemporaryFolder folder;
  auto file = sys::RecordFile::open(folder / "out", Mode::fresh);
  std::filesystem::remove(folder / "out");
  EXPECT_FALSE(file->close());
}

}  // namespace
}  // namespace headrace::pipeline
