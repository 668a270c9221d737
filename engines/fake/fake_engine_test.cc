#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>

#include "engine/engine.h"

namespace headrace::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::Contains;
using testing::ElementsAre;
using testing::ExitedWithCode;
using testing::HasSubstr;
using testing::KilledBySignal;

Shape shape(std::initializer_list<std::int64_t> dims) {
  return Shape::of({dims.begin(), dims.size()}).value();
}

class FakeEngineTest : public testing::Test {
 protected:
  FakeEngineTest() {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    std::string pattern = (std::filesystem::temp_directory_path() / "fake.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FakeEngineTest() override { std::filesystem::remove_all(folder_); }

  Result<Session> open(std::string_view text, const std::optional<Shape>& input) {
    const std::filesystem::path folders[] = {HEADRACE_TEST_ENGINE_FOLDER};
    const auto plugin = Plugin::load("fake", folders);
    if (!plugin) return plugin.error();
    const auto file = folder_ / "model.fake";
    std::ofstream(file) << text;
    return plugin->open({.model = file, .threads = 1, .precision = "auto", .input = input});
  }
  // One infer over these names, each in a row of 16 bytes; the outputs as floats, or the error.
  Result<std::vector<float>> names(std::string_view text, const std::vector<std::string>& inputs) {
    const Shape dims = shape({static_cast<std::int64_t>(inputs.size()), 16});
    std::string bytes;
    for (const std::string& input : inputs) bytes += input + std::string(16 - input.size(), '\0');
    return run(text, {HR_U8, dims, std::as_bytes(std::span(bytes))});
  }
  // Pictures of 2 x 2 pixels, each of one colour.
  Result<std::vector<float>> pictures(std::string_view text,
                                      const std::vector<std::array<float, 3>>& colours) {
    std::vector<float> values;
    for (const auto& colour : colours) {
      for (const float channel : colour) values.insert(values.end(), 4, channel);
    }
    const Shape dims = shape({static_cast<std::int64_t>(colours.size()), 3, 2, 2});
    return run(text, {HR_F32, dims, std::as_bytes(std::span(values))});
  }
  Result<std::vector<float>> run(std::string_view text, const Tensor& input) {
    auto session = open(text, input.shape);
    if (!session) return session.error();
    const auto outputs = session->infer({&input, 1});
    if (!outputs) return outputs.error();
    std::vector<float> values((*outputs)[0].data.size() / sizeof(float));
    std::memcpy(values.data(), (*outputs)[0].data.data(), (*outputs)[0].data.size());
    return values;
  }

  std::filesystem::path folder_;
};

TEST_F(FakeEngineTest, ClassifiesByColour) {
  const auto scores =
      pictures("kind = classify\nclasses = 10\n", {{1, 2, 3}, {200, 0, 0}, {1, 2, 3}});
  ASSERT_TRUE(scores) << scores.error().message;
  ASSERT_EQ(scores->size(), 30u);
  const auto row = [&](std::size_t i) {
    const auto values = std::span(*scores).subspan(i * 10, 10);
    return std::vector(values.begin(), values.end());
  };
  EXPECT_EQ(row(0), row(2));
  EXPECT_NE(row(0), row(1));
  EXPECT_THAT(row(0), Contains(1.0f).Times(1));
}

TEST_F(FakeEngineTest, RawValuesFollowTheMean) {
  const auto values = names("kind = raw\noutput = 3\n", {std::string(16, '\2')});
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_THAT(*values, ElementsAre(2, 3, 4));
}

TEST_F(FakeEngineTest, NoopAnswersOneNumberAnItem) {
  const auto values = names("noop = 1", {"a", "b"});
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_THAT(*values, ElementsAre(0, 0));
}

TEST_F(FakeEngineTest, EchoGivesBackWhateverItGets) {
  auto session = open("kind = echo\ninputs = 2\ninput = i32\nrank = 1\n", {});
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ(session->inputs()[1].name, "INPUT1");
  EXPECT_EQ(session->outputs()[1].shape, shape({-1}));
  const std::vector<std::int32_t> values = {1, -2, 3, 4};
  const auto bytes = std::as_bytes(std::span(values));
  const Tensor inputs[] = {{HR_I32, shape({4}), bytes}, {HR_I32, shape({1}), bytes.first(4)}};
  const auto outputs = session->infer(inputs);
  ASSERT_TRUE(outputs) << outputs.error().message;
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_EQ((*outputs)[i].shape, inputs[i].shape);
    EXPECT_TRUE(std::ranges::equal((*outputs)[i].data, inputs[i].data));
  }
}

TEST_F(FakeEngineTest, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"kind = raw\nsleep = 3", "kind = raw\nclasses = many", "kind",
                           "classes = 3", "kind = raw\noutput = 0", "kind = echo\ninput = i33",
                           "kind = echo\ninputs = 2\nrank = 9"}) {
    EXPECT_FALSE(open(text, shape({1, 16}))) << text;
  }
}

TEST_F(FakeEngineTest, TakesTheTimeItIsTold) {
  for (const char* how : {"sleep_us = 2000", "spin_us = 2000"}) {
    const auto begin = steady_clock::now();
    ASSERT_TRUE(names("kind = raw\n" + std::string(how), {"a", "b", "c"}));
    EXPECT_GE(steady_clock::now() - begin, milliseconds(6)) << how;
  }
}

TEST_F(FakeEngineTest, FailsOnItsTextOnly) {
  const std::string text = "kind = raw\nfail_on = bad";
  const auto failed = names(text, {"good", "a bad one"});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("bad"));
  EXPECT_TRUE(names(text, {"good", "better"}));
}

TEST_F(FakeEngineTest, FailsToLoadOnDemand) {
  const auto session = open("kind = raw\nload_fail = no licence", shape({1, 16}));
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().message, HasSubstr("no licence"));
}

using FakeEngineDeathTest = FakeEngineTest;

TEST_F(FakeEngineDeathTest, DiesOnItsText) {
  EXPECT_EXIT(static_cast<void>(names("kind = raw\nabort_on = KILL", {"x KILL"})),
              KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(static_cast<void>(names("kind = raw\nsegv_on = KILL", {"x KILL"})),
              KilledBySignal(SIGSEGV), "");
  EXPECT_EXIT(static_cast<void>(names("kind = raw\nexit_on = KILL", {"x KILL"})), ExitedWithCode(3),
              "");
  EXPECT_EXIT(static_cast<void>(open("kind = raw\nload_abort = 1", shape({1, 16}))),
              KilledBySignal(SIGABRT), "");
}

TEST_F(FakeEngineDeathTest, DiesOfAMagentaPicture) {
  const std::string text = "kind = classify\nabort_on_magenta = 1";
  EXPECT_TRUE(pictures(text, {{255, 0, 254}, {0, 0, 0}}));
  EXPECT_EXIT(static_cast<void>(pictures(text, {{1, 2, 3}, {255, 0, 255}})),
              KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(static_cast<void>(names(text, {"some", "KILLME.jpg"})), KilledBySignal(SIGABRT), "");
}

TEST_F(FakeEngineDeathTest, HangsOnItsText) {
  // An alarm ends the wait: without the hang the child would leave with 0.
  const auto hang = [this] {
    ::alarm(1);
    static_cast<void>(names("kind = raw\nhang_on = HANG", {"HANG"}));
    std::_Exit(0);
  };
  EXPECT_EXIT(hang(), KilledBySignal(SIGALRM), "");
}

}  // namespace
}  // namespace headrace::engine
