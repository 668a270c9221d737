#include "worker/handler_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;

class HandlerFile : public testing::Test {
 protected:
  HandlerFile() { fs::create_directories(folder_); }
  ~HandlerFile() override { fs::remove_all(folder_); }
  fs::path file(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }

  fs::path folder_ =
      fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(HandlerFile, ASharedObjectIsOneWhateverItsName) {
  const auto is = is_handler(HEADRACE_TEST_HANDLERS "/obedient_handler.so");
  ASSERT_TRUE(is);
  EXPECT_TRUE(*is);
  fs::copy_file(HEADRACE_TEST_HANDLERS "/obedient_handler.so", folder_ / "thumbnail.onnx");
  EXPECT_TRUE(*is_handler(folder_ / "thumbnail.onnx"));
}

TEST_F(HandlerFile, OtherThingsMayBeModels) {
  for (const fs::path& path : {folder_, folder_ / "missing.so", file("model.onnx", "\x08\x07"),
                               file("empty.onnx", ""), file("list.txt", "a\nb\n")}) {
    const auto is = is_handler(path);
    ASSERT_TRUE(is) << path;
    EXPECT_FALSE(*is) << path;
  }
}

TEST_F(HandlerFile, WhatCanOnlyHaveBeenMeantAsAHandlerIsExplained) {
  const fs::path cut = folder_ / "cut.so";
  fs::copy_file(HEADRACE_TEST_HANDLERS "/obedient_handler.so", cut);
  fs::resize_file(cut, fs::file_size(cut) - 1);
  const std::string begin = std::string("\177ELF\2\1\1", 7) + std::string(9, '\0');
  const std::string end(46, '\0');
  const std::pair<fs::path, std::string> cases[] = {
      {file("script.so", "INPUT(libother.so)\n"), "is no ELF file"},
      {file("empty.so", ""), "is empty"},
      {file("object.o", begin + std::string("\1\0", 2) + end), "no shared object"},
      {file("program", begin + std::string("\2\0", 2) + end), "no shared object"},
      {file("begun", begin), "only a part"},
      {cut, "only a part"}};
  for (const auto& [path, words] : cases) {
    const auto is = is_handler(path);
    ASSERT_FALSE(is) << path;
    EXPECT_NE(is.error().message.find(words), std::string::npos) << is.error().message;
    EXPECT_NE(is.error().message.find(path.string()), std::string::npos) << is.error().message;
  }
}

}  // namespace
}  // namespace headrace::worker
