#include "worker/handler_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kHandlers = HEADRACE_TEST_HANDLERS;

// A handler in this process, and inputs in a folder of their own.
class HandlerBody : public testing::Test {
 protected:
  HandlerBody() { fs::create_directories(folder_); }
  ~HandlerBody() override { fs::remove_all(folder_); }

  static shm::Brief brief(unsigned batch) {
    shm::Brief brief;
    brief.batch = batch;
    return brief;
  }
  static HandlerSettings settings(const std::string& name, std::string text = "") {
    return {.file = kHandlers + "/" + name + "_handler.so", .settings = std::move(text)};
  }
  std::unique_ptr<Body> make(const HandlerSettings& with, unsigned batch = 1) {
    Result<std::unique_ptr<Body>> body = make_handler_body(with, brief(batch));
    EXPECT_TRUE(body) << body.error().message;
    return std::move(*body);
  }
  std::string refusal(const HandlerSettings& with) {
    const Result<std::unique_ptr<Body>> body = make_handler_body(with, brief(1));
    return body ? "" : body.error().message;
  }
  std::string input(const std::string& content) {
    const fs::path path = folder_ / std::to_string(count_++);
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }

  // Result, or "code: message", of each input, taken in one round.
  static std::vector<std::string> round(Body& body, const std::vector<std::string>& names) {
    std::vector<std::vector<char>> slots(names.size(), std::vector<char>(512));
    std::vector<Item> items;
    for (std::size_t i = 0; i < names.size(); ++i) {
      items.push_back({.input = names[i], .result = slots[i], .error = {}});
      body.prepare(items[i], i);
    }
    body.run(items);
    std::vector<std::string> answers;
    for (const Item& item : items) {
      const std::string text(item.result.data(), item.bytes);
      answers.push_back(item.error ? std::string(name(*item.error)) + ": " + text : text);
    }
    return answers;
  }

  fs::path folder_ =
      fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
  int count_ = 0;
};

TEST_F(HandlerBody, ReadsFilesAndAnswers) {
  const auto body = make(settings("obedient"));
  EXPECT_THAT(body->equipment(), StartsWith("handler Obedient 1.2, 1 thread"));
  EXPECT_EQ(round(*body, {input("json [1]")}).front(), "[1]");
  EXPECT_EQ(round(*body, {input("text hello")}).front(), "\"hello\"");
  EXPECT_EQ(round(*body, {input("bytes foo")}).front(), "{\"base64\":\"Zm9v\"}");
}

TEST_F(HandlerBody, TellsItsSettingsAndKeepsItsState) {
  HandlerSettings with = settings("obedient", "size=7");
  with.threads = 3;
  const auto body = make(with, 4);
  round(*body, {input("json 1")});
  EXPECT_EQ(round(*body, {input("state"), input("json 2")}).front(),
            "{\"settings\":\"size=7\",\"threads\":3,\"batch\":4,\"calls\":2,\"together\":2}");
}

TEST_F(HandlerBody, AFileThatCannotBeReadNeverReachesTheHandler) {
  HandlerSettings with = settings("obedient");
  with.max_bytes = Bytes{20};
  const auto body = make(with, 4);
  const auto answers = round(*body, {(folder_ / "missing").string(), folder_.string(),
                                     input("text 01234567890123456789"), input("state")});
  EXPECT_THAT(answers[0], StartsWith("not_found: "));
  EXPECT_THAT(answers[1], StartsWith("unreadable: "));
  EXPECT_THAT(answers[2], StartsWith("too_large: "));
  EXPECT_THAT(answers[3], HasSubstr("\"together\":1"));
}

TEST_F(HandlerBody, WhatOneItemThrowsFailsOnlyThatItem) {
  const auto body = make(settings("obedient"), 8);
  const auto answers = round(*body, {input("text a"), input("throw bad pixel"), input("fail 4"),
                                     input("fail 99"), input("throw-int"), input("text b")});
  EXPECT_EQ(answers[0], "\"a\"");
  EXPECT_EQ(answers[1], "infer_failed: bad pixel");
  EXPECT_EQ(answers[2], "corrupt: told to fail");
  EXPECT_EQ(answers[3], "infer_failed: told to fail");
  EXPECT_THAT(answers[4], StartsWith("infer_failed: it threw"));
  EXPECT_EQ(answers[5], "\"b\"");
}

TEST_F(HandlerBody, AnErrorOfACallIsTracedToItsItem) {
  const auto body = make(settings("c_errors"), 4);
  EXPECT_THAT(body->equipment(), StartsWith("handler c_errors_handler.so, 1 thread"));
  EXPECT_THAT(
      round(*body, {"a", "spoilt", "no file at all"}),
      testing::ElementsAre("\"a\"", "infer_failed: it gave no reason", "\"no file at all\""));
}

TEST_F(HandlerBody, IsTakenLeaveOfOnce) {
  const std::string farewell = (folder_ / "farewell").string();
  auto body = make(settings("obedient", "farewell " + farewell));
  round(*body, {input("json 1")});
  body->finish();
  body.reset();
  std::ifstream in(farewell);
  std::string first, second;
  EXPECT_TRUE(std::getline(in, first));
  EXPECT_FALSE(std::getline(in, second));
  EXPECT_EQ(first, "1") << "one call came before";
}

TEST_F(HandlerBody, WhatCannotBeLoadedIsExplained) {
  EXPECT_THAT(refusal(settings("missing")), HasSubstr("missing_handler.so"));
  EXPECT_THAT(refusal(settings("no_symbol")), HasSubstr("no symbol headrace_handler"));
  EXPECT_THAT(refusal(settings("other_version")), HasSubstr("version 99"));
  EXPECT_THAT(refusal(settings("short_table")), HasSubstr("struct_size"));
  EXPECT_THAT(refusal(settings("unresolved")), HasSubstr("nobody_defines_this"));
  EXPECT_THAT(refusal(settings("obedient", "fail no GPU here")),
              HasSubstr("cannot start: no GPU here"));
}

TEST(HandlerSettings, SurviveTheWayToAWorker) {
  const HandlerSettings sent{.file = "/a \xff/b.so",
                             .settings = "x = \"y\"\n",
                             .folder = "thumbs \xfe",
                             .threads = 7,
                             .max_bytes = Bytes{1ULL << 40}};
  const auto got = handler_settings_from_json(to_json(sent));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->file, sent.file);
  EXPECT_EQ(got->settings, sent.settings);
  EXPECT_EQ(got->folder, sent.folder);
  EXPECT_EQ(got->threads, 7U);
  EXPECT_EQ(got->max_bytes, sent.max_bytes);
  EXPECT_FALSE(handler_settings_from_json("{}"));
  EXPECT_FALSE(handler_settings_from_json("{\"file\":7"));
}

}  // namespace
}  // namespace headrace::worker
