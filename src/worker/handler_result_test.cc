#include "worker/handler_result.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;

struct Written {
  std::string text;
  std::optional<ItemError> error;
};

headrace_handler_output output(headrace_handler_kind kind, std::string_view data) {
  return {.error = HEADRACE_OK, .kind = kind, .data = data.data(), .size = data.size()};
}

Written write(const headrace_handler_output& output, std::size_t room = 256,
              const fs::path& folder = {}, std::string_view input = "a/b.jpg") {
  HandlerResults results(folder, ".temporary");
  std::vector<char> slot(room, '#');
  Item item{.input = input, .result = slot, .error = {}};
  results.write(output, item);
  return {{slot.data(), item.bytes}, item.error};
}

TEST(HandlerResult, JsonIsEmbeddedAsItIsInOneLine) {
  EXPECT_EQ(write(output(HEADRACE_JSON, "{\"a\": [1,\r\n 2.50]}\n")).text, "{\"a\": [1,   2.50]} ");
  EXPECT_EQ(write(output(HEADRACE_JSON, "7")).text, "7");
}

TEST(HandlerResult, WhatIsNoJsonFailsTheItem) {
  for (const std::string_view text :
       {"", "{", "nan", "{'a':1}", "1 2", "\"line\nend\"", "\"\xff\"", "[1,]"}) {
    const Written written = write(output(HEADRACE_JSON, text));
    EXPECT_EQ(written.error, ItemError::infer_failed) << text;
    EXPECT_NE(written.text.find("no JSON"), std::string::npos) << written.text;
  }
}

TEST(HandlerResult, TextBecomesAString) {
  EXPECT_EQ(write(output(HEADRACE_TEXT, "a \"b\"\n\xff")).text, "\"a \\\"b\\\"\\n\xEF\xBF\xBD\"");
  EXPECT_EQ(write(output(HEADRACE_TEXT, "")).text, "\"\"");
}

TEST(HandlerResult, BytesBecomeBase64) {
  const std::pair<std::string_view, std::string> known[] = {
      {"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {{"\0\xff\xfe\0", 4}, "AP/+AA=="}};
  for (const auto& [bytes, text] : known) {
    EXPECT_EQ(write(output(HEADRACE_BYTES, bytes)).text, "{\"base64\":\"" + text + "\"}");
  }
}

TEST(HandlerResult, WhatDoesNotFitIsTooLargeAndStaysWithinItsRoom) {
  const std::string json = "[" + std::string(100, ' ') + "]";
  for (const auto kind : {HEADRACE_JSON, HEADRACE_TEXT, HEADRACE_BYTES}) {
    EXPECT_EQ(write(output(kind, json), 101).error, ItemError::result_too_large) << kind;
    EXPECT_FALSE(write(output(kind, json), 160).error) << kind;
  }
  EXPECT_EQ(write(output(HEADRACE_TEXT, std::string(60, '\1')), 100).error,
            ItemError::result_too_large)
      << "escaped it is longer";
}

TEST(HandlerResult, AnErrorKeepsItsCodeIfItIsOneForHandlers) {
  headrace_handler_output failed = output(HEADRACE_TEXT, "half of it is missing");
  failed.error = HEADRACE_CORRUPT;
  EXPECT_EQ(write(failed).error, ItemError::corrupt);
  EXPECT_EQ(write(failed).text, "half of it is missing");
  for (const std::uint32_t foreign : {7U, 8U, 99U, 0xffffffffU}) {
    failed.error = foreign;
    EXPECT_EQ(write(failed).error, ItemError::infer_failed) << foreign;
  }
  failed.size = 0;
  EXPECT_FALSE(write(failed).text.empty()) << "a failure is never without a word";
}

TEST(HandlerResult, NonsenseFailsTheItem) {
  EXPECT_EQ(write({}).error, ItemError::infer_failed) << "an output that was never filled in";
  EXPECT_EQ(write({.error = 0, .kind = 99, .data = "x", .size = 1}).error, ItemError::infer_failed);
  EXPECT_EQ(write({.error = 0, .kind = HEADRACE_TEXT, .data = nullptr, .size = 9}).error,
            ItemError::infer_failed);
}

TEST(HandlerResult, FilesLieAtTheInputsPathAndNeverOutside) {
  EXPECT_EQ(result_file("out", "a/b.jpg"), "out/a/b.jpg");
  EXPECT_EQ(result_file("out", "./a/./b.jpg"), "out/a/b.jpg");
  EXPECT_EQ(result_file("out", "/a/b.jpg"), "out/a/b.jpg");
  EXPECT_EQ(result_file("out", "../../b.jpg"), "out/__/__/b.jpg");
  EXPECT_EQ(result_file("out", "a/../../b.jpg"), "out/__/b.jpg");
  EXPECT_EQ(result_file("out", "/../b.jpg"), "out/b.jpg");
  for (const std::string_view none : {"", ".", "..", "/", "a/", "a/..", "../.."}) {
    EXPECT_EQ(result_file("out", none), "") << none;
  }
}

TEST(HandlerResult, BytesBecomeWholeFiles) {
  const fs::path folder = fs::path(testing::TempDir()) / "handler_result_files";
  fs::remove_all(folder);
  fs::create_directories(folder);
  for (const std::string content : {"a long first version", "second"}) {
    const Written written = write(output(HEADRACE_BYTES, content), 4096, folder);
    EXPECT_FALSE(written.error) << written.text;
    EXPECT_EQ(written.text, "{\"file\":\"" + (folder / "a/b.jpg").string() +
                                "\",\"bytes\":" + std::to_string(content.size()) + "}");
    std::ifstream in(folder / "a/b.jpg");
    std::string found;
    std::getline(in, found);
    EXPECT_EQ(found, content);
  }
  EXPECT_FALSE(fs::exists(folder / ".temporary"));
  // A file is in the way where a folder would have to be.
  const Written blocked = write(output(HEADRACE_BYTES, "x"), 4096, folder, "a/b.jpg/c.jpg");
  EXPECT_EQ(blocked.error, ItemError::infer_failed);
  EXPECT_NE(blocked.text.find("cannot write"), std::string::npos) << blocked.text;
  fs::remove_all(folder);
}

}  // namespace
}  // namespace headrace::worker
