#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace headrace::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EngineFoldersTest : public testing::Test {
 protected:
  EngineFoldersTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "engines.XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    for (const char* folder : {"a", "b"}) std::filesystem::create_directory(root_ / folder);
    folders_ = {root_ / "a", root_ / "missing", root_ / "b"};
  }
  ~EngineFoldersTest() override { std::filesystem::remove_all(root_); }

  void put(const char* file) { std::ofstream(root_ / file) << "no shared object"; }

  std::filesystem::path root_;
  std::vector<std::filesystem::path> folders_;
};

TEST_F(EngineFoldersTest, ListsPluginsByFileNameOnceAndSorted) {
  for (const char* file :
       {"b/headrace_engine_zeta.so", "a/headrace_engine_alpha.so", "b/headrace_engine_alpha.so",
        "a/headrace_engine_.so", "a/libother.so", "a/headrace_engine_Upper.so"}) {
    put(file);
  }
  EXPECT_THAT(available(folders_), ElementsAre("alpha", "zeta"));
}

TEST_F(EngineFoldersTest, TheFirstFolderWins) {
  put("a/headrace_engine_x.so");
  put("b/headrace_engine_x.so");
  EXPECT_EQ(find("x", folders_), root_ / "a/headrace_engine_x.so");
}

TEST_F(EngineFoldersTest, ANameIsNeverAPath) {
  put("headrace_engine_x.so");
  std::filesystem::create_directory(root_ / "a/headrace_engine_");
  EXPECT_EQ(find("/../../headrace_engine_x", folders_), std::nullopt);
  EXPECT_EQ(find("", folders_), std::nullopt);
}

TEST_F(EngineFoldersTest, AnUnknownEngineIsAnErrorThatNamesTheKnownOnes) {
  put("b/headrace_engine_known.so");
  const auto plugin = Plugin::load("unknown", folders_);
  ASSERT_FALSE(plugin);
  EXPECT_THAT(plugin.error().message, HasSubstr("\"unknown\""));
  EXPECT_THAT(plugin.error().message, HasSubstr("known"));
  EXPECT_THAT(plugin.error().message, HasSubstr((root_ / "b").string()));
}

TEST_F(EngineFoldersTest, AFileThatIsNoSharedObjectIsAnError) {
  put("a/headrace_engine_text.so");
  const auto plugin = Plugin::load("text", folders_);
  ASSERT_FALSE(plugin);
  EXPECT_THAT(plugin.error().message, HasSubstr("headrace_engine_text.so"));
}

TEST(EngineChoiceTest, AutoPrefersTheFasterInstalledEngineThatReadsTheFile) {
  const std::vector<std::string> both = {"fake", "onnxruntime", "openvino"};
  const std::vector<std::string> one = {"fake", "onnxruntime"};
  EXPECT_EQ(choose("m.onnx", both), "openvino");
  EXPECT_EQ(choose("m.onnx", one), "onnxruntime");
  EXPECT_EQ(choose("m.xml", both), "openvino");
  EXPECT_EQ(choose("m.xml", one), std::nullopt);
  EXPECT_EQ(choose("m.fake", one), "fake");
}

TEST(EngineChoiceTest, NoEngineIsKnownForOtherFiles) {
  EXPECT_THAT(preference("model.pt"), IsEmpty());
  EXPECT_THAT(preference("onnx"), IsEmpty());
}

// A plug-in that breaks the contract must be an error with a sentence, never a wild read.
class LyingEngineTest : public testing::Test {
 protected:
  Result<Session> open(const char* lie) {
    const std::filesystem::path folders[] = {HEADRACE_TEST_PLUGINS};
    auto plugin = Plugin::load("lying", folders);
    if (!plugin) return plugin.error();
    return plugin->open({.model = lie, .threads = 1, .precision = "auto", .input = std::nullopt});
  }
  Result<std::span<const Tensor>> infer(Session& session) {
    const std::int64_t dims[] = {1, 1};
    const Tensor input{HR_F32, Shape::of(dims).value(), std::as_bytes(std::span(&value_, 1))};
    return session.infer({&input, 1});
  }
  float value_ = 0;
};

TEST_F(LyingEngineTest, TheTruthPasses) {
  auto session = open("nothing at all");
  ASSERT_TRUE(session) << session.error().message;
  const auto outputs = infer(*session);
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ((*outputs)[0].data.size(), sizeof(float));
}

TEST_F(LyingEngineTest, LiesAboutTheModelAreFoundAtOpen) {
  for (const char* lie : {"no session", "many inputs", "type", "rank", "dimension", "no output"}) {
    const auto session = open(lie);
    ASSERT_FALSE(session) << lie;
    EXPECT_THAT(session.error().message, HasSubstr("lying")) << lie;
  }
}

TEST_F(LyingEngineTest, LiesAboutResultsAreFoundAtInfer) {
  for (const char* lie : {"nothing written", "result rank", "free result", "overflow",
                          "result type", "null data", "bytes"}) {
    auto session = open(lie);
    ASSERT_TRUE(session) << lie << ": " << session.error().message;
    const auto outputs = infer(*session);
    ASSERT_FALSE(outputs) << lie;
    EXPECT_THAT(outputs.error().message, HasSubstr("lying")) << lie;
  }
}

TEST_F(LyingEngineTest, TextWithoutAnEndIsCut) {
  const auto failed = open("unterminated");
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("xxx"));
  const auto named = open("endless name");
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->inputs()[0].name, std::string(HR_NAME_SIZE, 'n'));
}

TEST_F(LyingEngineTest, WrongInputsNeverReachTheEngine) {
  auto session = open("nothing at all");
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_FALSE(session->infer({}));
  const std::int64_t dims[] = {1, 1}, wide[] = {1, 2};
  const auto bytes = std::as_bytes(std::span(&value_, 1));
  const Tensor wrong[] = {{HR_F32, Shape::of(wide).value(), bytes},
                          {HR_I32, Shape::of(dims).value(), bytes},
                          {HR_F32, Shape::of(dims).value(), bytes.first(3)}};
  for (const Tensor& tensor : wrong) {
    const auto outputs = session->infer({&tensor, 1});
    ASSERT_FALSE(outputs);
    EXPECT_THAT(outputs.error().message, HasSubstr("\"nnn\""));
  }
}

}  // namespace
}  // namespace headrace::engine
