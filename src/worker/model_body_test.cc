#include "worker/model_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "shm/files_message.h"
#include "sys/memory.h"
#include "sys/poller.h"
#include "worker/fake_feed.h"

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

// The body in this process, over the fake engine, whose answer to a text tells it from any other.
class ModelBodyTest : public testing::Test {
 protected:
  ModelBodyTest() {
    std::string pattern = (fs::temp_directory_path() / "model-body.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ModelBodyTest() override { fs::remove_all(folder_); }

  ModelSettings settings(unsigned streams, const std::string& more = "") const {
    const fs::path file = folder_ / "it.fake";
    std::ofstream(file) << "kind = raw\n" << more << '\n';
    ModelSettings settings;
    settings.model.file = file;
    settings.model.engine = "fake";
    settings.model.input = {.kind = model::InputKind::name, .picture = {}, .max_bytes = 32};
    settings.engine_folders = {HEADRACE_TEST_ENGINE_FOLDER};
    settings.threads = settings.streams = streams;
    return settings;
  }
  std::unique_ptr<Body> make(const ModelSettings& settings, unsigned batch) const {
    Result<std::unique_ptr<Body>> body =
        make_model_body(settings, settings.streams * batch, control_.theirs.get());
    EXPECT_TRUE(body) << body.error().message;
    return std::move(*body);
  }
  static std::vector<std::string> numbered(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back("item " + std::to_string(i * i));
    return names;
  }

  struct Round {
    explicit Round(std::vector<std::string> inputs)
        : names(std::move(inputs)), slots(names.size(), std::vector<char>(512)) {
      for (std::size_t i = 0; i < names.size(); ++i)
        items.push_back({.input = names[i], .result = slots[i], .error = {}, .token = 100 + i});
    }
    void through(Body& body) {
      if (body.has_streams()) {
        ListFeed feed(items);
        return body.work(feed);
      }
      for (std::size_t i = 0; i < items.size(); ++i) body.prepare(items[i], i);
      body.run(items);
    }
    // Result, or "failed: message".
    std::string answer(std::size_t i) const {
      const std::string text(items[i].result.data(), items[i].bytes);
      return items[i].error ? "failed: " + text : text;
    }
    std::vector<std::string> names;
    std::vector<std::vector<char>> slots;
    std::vector<Item> items;
  };

  // As the supervisor does before it sends the items.
  void pass(const std::vector<shm::Token>& tokens, const std::vector<int>& files) const {
    std::vector<char> message;
    shm::write_files_message(tokens, message);
    ASSERT_TRUE(sys::send_message(control_.ours.get(), message, files));
  }

  fs::path folder_;
  sys::ControlPair control_ = sys::make_control_pair();
};

TEST_F(ModelBodyTest, EveryItemGetsItsOwnAnswerHoweverManyStreams) {
  const auto alone = make(settings(1), 1);
  for (const unsigned streams : {1U, 2U, 4U}) {
    for (const unsigned batch : {1U, 3U}) {
      const auto body = make(settings(streams), batch);
      const std::size_t most = streams == 1 ? batch : std::size_t{3} * streams * batch;
      for (std::size_t count = 1; count <= most; ++count) {
        const auto names = numbered(count);
        Round round(names);
        round.through(*body);
        for (std::size_t i = 0; i < count; ++i) {
          Round one({names[i]});
          one.through(*alone);
          EXPECT_EQ(round.answer(i), one.answer(0)) << streams << " streams, batch " << batch;
        }
      }
    }
  }
}

TEST_F(ModelBodyTest, WithStreamsOneItemsFailureIsItsOwn) {
  const auto body = make(settings(4, "fail_on = bad"), 1);
  Round round({"good", "a bad one", "better", "best"});
  round.through(*body);
  EXPECT_THAT(round.answer(1), HasSubstr("failed: engine fake: the item holds the text"));
  for (const std::size_t good : {0U, 2U, 3U}) EXPECT_THAT(round.answer(good), StartsWith("{"));
}

TEST_F(ModelBodyTest, WithStreamsAFailedBatchLeavesTheOthersWhole) {
  const auto body = make(settings(2, "fail_on = bad"), 2);
  Round round({"one", "bad", "three", "four"});
  round.through(*body);
  for (const std::size_t together : {0U, 1U})
    EXPECT_THAT(round.answer(together), StartsWith("failed"));
  for (const std::size_t apart : {2U, 3U}) EXPECT_THAT(round.answer(apart), StartsWith("{"));
}

TEST_F(ModelBodyTest, ReadsTheFilesThatCameWithTheItems) {
  ModelSettings reading = settings(2);
  reading.model.input.kind = model::InputKind::bytes;
  const auto body = make(reading, 2);
  const sys::Fd there = std::move(*sys::sealed_text("test", "something"));
  const sys::Fd large = std::move(*sys::sealed_text("test", std::string(33, 'x')));
  // A descriptor that a dead worker has read to its end.
  ASSERT_EQ(::lseek(there.get(), 0, SEEK_END), 9);
  Round round({"never came", "there", "large", "there"});
  pass({103}, {there.get()});
  pass({101, 102}, {there.get(), large.get()});
  round.through(*body);
  EXPECT_EQ(round.items[0].error, ItemError::unreadable);
  EXPECT_EQ(round.items[2].error, ItemError::too_large);
  EXPECT_THAT(round.answer(1), StartsWith("{"));
  EXPECT_EQ(round.answer(1), round.answer(3));
}

TEST_F(ModelBodyTest, HearsThatTheSupervisorIsGone) {
  const auto body = make(settings(1), 1);
  const sys::Fd file = std::move(*sys::sealed_text("test", "something"));
  pass({1}, {file.get()});
  EXPECT_TRUE(body->listen());
  control_.ours.reset();
  EXPECT_FALSE(body->listen());
}

TEST_F(ModelBodyTest, WithStreamsEachItemHasItsOwnTimes) {
  Round round(numbered(4));
  round.through(*make(settings(2, "sleep_us = 1"), 2));
  for (const Item& item : round.items) {
    EXPECT_GT(item.times.begin.time_since_epoch().count(), 0);
    EXPECT_GT(item.times.infer.count(), 0);
    EXPECT_GE(item.times.decode.count(), 0);
  }
}

TEST_F(ModelBodyTest, SaysHowManyStreamsItHas) {
  EXPECT_EQ(make(settings(1), 1)->equipment(), "fake 1, 1 thread");
  EXPECT_EQ(make(settings(2), 1)->equipment(), "fake 1, 2 threads in 2 streams");
}

TEST_F(ModelBodyTest, RefusesStreamsWithoutThreads) {
  ModelSettings wrong = settings(2);
  wrong.threads = 1;
  const auto body = make_model_body(wrong, 2, control_.theirs.get());
  ASSERT_FALSE(body);
  EXPECT_THAT(body.error().message, HasSubstr("a stream takes a thread at least"));
  EXPECT_FALSE(make_model_body(settings(2), 3, control_.theirs.get()))
      << "three items are not to be shared by two";
}

TEST_F(ModelBodyTest, SettingsSurviveTheBrief) {
  const auto back = model_settings_from_json(to_json(settings(3)));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->threads, 3U);
  EXPECT_EQ(back->streams, 3U);
  EXPECT_FALSE(model_settings_from_json("{}"));
}

}  // namespace
}  // namespace headrace::worker
