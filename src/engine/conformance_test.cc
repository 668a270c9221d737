// What every engine must do alike: one suite, run on each plug-in that was built. The models are
// made at build time by tools/make_tiny_onnx.py; the fake engine gets a file of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "engine/engine.h"
#include "sys/plugin_library.h"

namespace headrace::engine {
namespace {

using testing::HasSubstr;

std::vector<std::string> built_engines() {
  std::vector<std::string> names;
  std::istringstream list(HEADRACE_TEST_ENGINES);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

Shape shape(std::initializer_list<std::int64_t> dims) {
  return Shape::of({dims.begin(), dims.size()}).value();
}

// A batch of pictures that all differ; item k is the same in any batch.
struct Batch {
  Shape dims;
  std::vector<float> values;
  Tensor tensor() const { return {HR_F32, dims, std::as_bytes(std::span(values))}; }
};
constexpr std::size_t kItem = std::size_t{3} * 8 * 8;
Batch pictures(std::int64_t count, std::size_t first = 0) {
  Batch batch{shape({count, 3, 8, 8}), {}};
  for (std::size_t i = first * kItem; i < (first + static_cast<std::size_t>(count)) * kItem; ++i) {
    batch.values.push_back(std::sin(static_cast<float>(i * i % 1009)));
  }
  return batch;
}

std::vector<float> floats(const Tensor& tensor) {
  std::vector<float> values(tensor.data.size() / sizeof(float));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

std::size_t threads_now() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

class EngineConformanceTest : public testing::TestWithParam<std::string> {
 protected:
  EngineConformanceTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "conformance.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    if (GetParam() == "fake")
      std::ofstream(folder_ / "tiny.fake") << "kind = classify\nclasses = 5\n";
    good_ = GetParam() == "fake" ? folder_ / "tiny.fake"
                                 : std::filesystem::path(HEADRACE_TEST_DATA) / "tiny.onnx";
  }
  ~EngineConformanceTest() override { std::filesystem::remove_all(folder_); }

  static Plugin plugin(const std::string& name = GetParam()) {
    const std::filesystem::path folders[] = {HEADRACE_TEST_ENGINE_FOLDER};
    auto loaded = Plugin::load(name, folders);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return *loaded;
  }
  OpenOptions options(std::int64_t batch) const {
    return {.model = good_, .threads = 1, .precision = "f32", .input = shape({batch, 3, 8, 8})};
  }
  Session open(std::int64_t batch) const {
    auto session = plugin().open(options(batch));
    if (!session) throw std::runtime_error(session.error().message);
    return *std::move(session);
  }
  static std::vector<float> scores(Session& session, const Batch& batch) {
    const Tensor input = batch.tensor();
    const auto outputs = session.infer({&input, 1});
    if (!outputs) throw std::runtime_error(outputs.error().message);
    return floats((*outputs)[0]);
  }
  // A model file with the good one's ending and this content.
  std::filesystem::path file_with(std::string_view content) const {
    std::filesystem::path file = folder_ / ("bad" + good_.extension().string());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
  std::string good_bytes() const {
    std::ifstream file(good_, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
  }
  void expect_refused(const std::filesystem::path& model) const {
    OpenOptions bad = options(1);
    bad.model = model;
    const auto session = plugin().open(bad);
    ASSERT_FALSE(session) << model;
    EXPECT_THAT(session.error().message, HasSubstr(model.string()));
    EXPECT_THAT(session.error().message, HasSubstr("engine " + GetParam()));
  }

  std::filesystem::path folder_;
  std::filesystem::path good_;
};

TEST_P(EngineConformanceTest, SaysItsNameAndVersion) {
  EXPECT_EQ(plugin().name(), GetParam());
  EXPECT_TRUE(plugin().version()[0] >= '0' && plugin().version()[0] <= '9') << plugin().version();
}

TEST_P(EngineConformanceTest, DescribesInputsAndOutputs) {
  const Session session = open(3);
  ASSERT_EQ(session.inputs().size(), 1u);
  EXPECT_EQ(session.inputs()[0].type, HR_F32);
  EXPECT_EQ(session.inputs()[0].shape, shape({3, 3, 8, 8}));
  ASSERT_GE(session.outputs().size(), 1u);
  EXPECT_EQ(session.outputs()[0].name, "scores");
  EXPECT_EQ(session.outputs()[0].type, HR_F32);
  EXPECT_TRUE(session.outputs()[0].shape.fits(shape({3, 5})));
}

TEST_P(EngineConformanceTest, OpensAModelWithoutAShape) {
  OpenOptions free = options(1);
  free.input.reset();
  auto session = plugin().open(free);
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ(session->inputs()[0].shape.dims()[0], -1);
  EXPECT_EQ(scores(*session, pictures(2)).size(), 10u);
}

TEST_P(EngineConformanceTest, TheSameInputGivesTheSameResult) {
  Session session = open(1);
  const auto first = scores(session, pictures(1));
  scores(session, pictures(1, 1));
  EXPECT_EQ(scores(session, pictures(1)), first);
}

TEST_P(EngineConformanceTest, DifferentInputsGiveDifferentResults) {
  Session session = open(1);
  EXPECT_NE(scores(session, pictures(1, 0)), scores(session, pictures(1, 1)));
}

TEST_P(EngineConformanceTest, ABatchEqualsItsItems) {
  Session three = open(3);
  Session one = open(1);
  const auto together = scores(three, pictures(3));
  ASSERT_EQ(together.size(), 15u);
  for (std::size_t item = 0; item < 3; ++item) {
    const auto alone = scores(one, pictures(1, item));
    for (std::size_t k = 0; k < 5; ++k)
      EXPECT_NEAR(together[item * 5 + k], alone[k], 1e-5) << item << ',' << k;
  }
}

TEST_P(EngineConformanceTest, OutputsStayUntilTheNextCallOfThatSession) {
  Session session = open(1), other = open(1);
  const Batch batch = pictures(1);
  const Tensor input = batch.tensor();
  const auto outputs = session.infer({&input, 1});
  ASSERT_TRUE(outputs) << outputs.error().message;
  const auto before = floats((*outputs)[0]);
  scores(other, pictures(1, 1));
  EXPECT_EQ(floats((*outputs)[0]), before);
}

TEST_P(EngineConformanceTest, LeavesTheInputAsItWas) {
  Session session = open(2);
  const Batch batch = pictures(2);
  scores(session, batch);
  EXPECT_EQ(batch.values, pictures(2).values);
}

TEST_P(EngineConformanceTest, RefusesABatchOfAnotherSize) {
  Session session = open(2);
  const Batch batch = pictures(3);
  const Tensor input = batch.tensor();
  EXPECT_FALSE(session.infer({&input, 1}));
  EXPECT_EQ(scores(session, pictures(2)).size(), 10u);
}

TEST_P(EngineConformanceTest, RefusesAMissingModel) {
  expect_refused(folder_ / ("none" + good_.extension().string()));
}
TEST_P(EngineConformanceTest, RefusesAnEmptyModel) {
  expect_refused(file_with(""));
}
TEST_P(EngineConformanceTest, RefusesAFolder) {
  expect_refused(folder_);
}
TEST_P(EngineConformanceTest, RefusesAFileThatIsNoModel) {
  expect_refused(file_with("this is a letter, not a model\n"));
}

TEST_P(EngineConformanceTest, RefusesATruncatedModel) {
  const std::string bytes = good_bytes();
  for (const std::size_t tenth : {1u, 3u, 5u, 7u, 9u}) {
    if (GetParam() == "fake" && tenth > 5)
      break;  // by then its first line stands, and that is enough
    expect_refused(file_with(bytes.substr(0, bytes.size() * tenth / 10)));
  }
}

TEST_P(EngineConformanceTest, AnErrorFitsTheRoomGivenAndEndsInNul) {
  // Through the C interface itself: the loader always gives the same, large buffer.
  const std::filesystem::path folders[] = {HEADRACE_TEST_ENGINE_FOLDER};
  const auto library = sys::PluginLibrary::open(find(GetParam(), folders).value());
  ASSERT_TRUE(library) << library.error().message;
  const auto entry = reinterpret_cast<hr_engine_entry_fn>(library->symbol(HR_ENGINE_ENTRY_SYMBOL));
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry(HR_ENGINE_ABI + 1), nullptr);
  const std::string missing = (folder_ / "none.onnx").string();
  hr_open_options raw{};
  raw.struct_size = sizeof raw;
  raw.threads = 1;
  raw.streams = 1;
  raw.model_path = missing.c_str();
  raw.precision = "f32";
  for (const std::size_t room : {0u, 1u, 2u, 16u}) {
    std::array<char, 32> error;
    error.fill('#');
    hr_session* session = nullptr;
    EXPECT_NE(entry(HR_ENGINE_ABI)->open(&raw, &session, error.data(), room), 0);
    EXPECT_EQ(session, nullptr);
    if (room > 0) {
      EXPECT_LT(std::strlen(error.data()), room);
    }
    for (std::size_t i = room; i < error.size(); ++i)
      EXPECT_EQ(error[i], '#') << "wrote past " << room;
  }
}

TEST_P(EngineConformanceTest, ManySessionsLiveSideBySide) {
  std::vector<Session> sessions;
  for (int i = 0; i < 8; ++i) sessions.push_back(open(1));
  const auto want = scores(sessions[0], pictures(1));
  for (Session& session : sessions) EXPECT_EQ(scores(session, pictures(1)), want);
}

TEST_P(EngineConformanceTest, OpenAndCloseLeaveNothingOpen) {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  { Session warm_up = open(1); }
  const auto fds = descriptors();
  const auto threads = threads_now();
  for (int i = 0; i < 10; ++i) {
    Session session = open(1);
    scores(session, pictures(1));
  }
  EXPECT_LE(descriptors(), fds);
  EXPECT_LE(threads_now(), threads + 1);
}

TEST_P(EngineConformanceTest, StreamsRunAtOnceAndAgreeWithOne) {
  Session alone = open(1);
  std::vector<std::vector<float>> want;
  for (std::size_t item = 0; item < 8; ++item) want.push_back(scores(alone, pictures(1, item)));
  for (const std::uint32_t streams : {1u, 2u, 4u}) {
    OpenOptions wide = options(1);
    wide.threads = wide.streams = streams;
    auto session = plugin().open(wide);
    ASSERT_TRUE(session) << session.error().message;
    EXPECT_EQ(session->streams(), streams);
    std::vector<std::vector<float>> got(want.size());
    std::vector<std::jthread> callers;
    for (std::uint32_t stream = 0; stream < streams; ++stream) {
      callers.emplace_back([&, stream] {
        for (int round = 0; round < 10; ++round) {
          for (std::size_t item = stream; item < got.size(); item += streams) {
            const Batch batch = pictures(1, item);
            const Tensor input = batch.tensor();
            const auto outputs = session->infer({&input, 1}, stream);
            got[item] = outputs ? floats((*outputs)[0]) : std::vector<float>{};
          }
        }
      });
    }
    callers.clear();
    for (std::size_t item = 0; item < want.size(); ++item) {
      ASSERT_EQ(got[item].size(), want[item].size());
      for (std::size_t k = 0; k < want[item].size(); ++k)
        EXPECT_NEAR(got[item][k], want[item][k], 1e-5) << streams << " streams, item " << item;
    }
  }
}

TEST_P(EngineConformanceTest, OutputsStayUntilTheNextCallOfThatStream) {
  OpenOptions two = options(1);
  two.threads = two.streams = 2;
  auto session = plugin().open(two);
  ASSERT_TRUE(session) << session.error().message;
  const Batch first = pictures(1), second = pictures(1, 1);
  const Tensor input = first.tensor(), other = second.tensor();
  const auto outputs = session->infer({&input, 1}, 0);
  ASSERT_TRUE(outputs) << outputs.error().message;
  const auto before = floats((*outputs)[0]);
  ASSERT_TRUE(session->infer({&other, 1}, 1));
  EXPECT_EQ(floats((*outputs)[0]), before);
}

TEST_P(EngineConformanceTest, RefusesStreamsThatThereAreNot) {
  OpenOptions wrong = options(1);
  wrong.streams = 2;
  EXPECT_FALSE(plugin().open(wrong)) << "two streams with one thread";
  wrong.streams = 0;
  EXPECT_FALSE(plugin().open(wrong));
  Session session = open(1);
  const Batch batch = pictures(1);
  const Tensor input = batch.tensor();
  const auto outputs = session.infer({&input, 1}, 1);
  ASSERT_FALSE(outputs);
  EXPECT_THAT(outputs.error().message, HasSubstr("no stream 1"));
}

TEST_P(EngineConformanceTest, OneThreadMeansFewThreads) {
  const std::size_t before = threads_now();
  Session session = open(1);
  scores(session, pictures(1));
  EXPECT_LE(threads_now(), before + 2) << "the engine chose its own number of threads";
}

INSTANTIATE_TEST_SUITE_P(All, EngineConformanceTest, testing::ValuesIn(built_engines()),
                         [](const auto& test) { return test.param; });

// The tiny models, computed the slow way from the same weights as tools/make_tiny_onnx.py.
std::vector<float> weights(std::size_t count, std::uint64_t seed) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    seed = (seed * 1103515245 + 12345) % (std::uint64_t{1} << 31);
    values.push_back(static_cast<float>((static_cast<double>(seed) / 2147483648.0 - 0.5) * 0.8));
  }
  return values;
}

// Average over the picture of relu(conv 3x3), one number for each of 4 kernels.
std::vector<float> tiny_features(std::span<const float> item) {
  const auto kernel = weights(std::size_t{4} * 3 * 9, 1), shift = weights(4, 2);
  const auto pixel = [&](std::size_t c, int y, int x) {
    const bool outside = y < 0 || y > 7 || x < 0 || x > 7;
    return outside ? 0.0f : item[c * 64 + static_cast<std::size_t>(y * 8 + x)];
  };
  std::vector<float> features(4);
  for (std::size_t k = 0; k < 4; ++k) {
    for (int at = 0; at < 64; ++at) {
      float sum = shift[k];
      for (std::size_t tap = 0; tap < 27; ++tap) {
        const int dy = static_cast<int>(tap % 9 / 3) - 1, dx = static_cast<int>(tap % 3) - 1;
        sum += kernel[k * 27 + tap] * pixel(tap / 9, at / 8 + dy, at % 8 + dx);
      }
      features[k] += std::max(0.0f, sum) / 64;
    }
  }
  return features;
}

std::vector<float> tiny_scores(std::span<const float> features) {
  const auto matrix = weights(20, 3);
  auto scores = weights(5, 4);
  for (std::size_t i = 0; i < 20; ++i) scores[i / 4] += matrix[i] * features[i % 4];
  return scores;
}

class RealEngineTest : public EngineConformanceTest {
 protected:
  std::vector<std::vector<float>> outputs(const char* model, const Tensor& input) {
    auto session = plugin().open({.model = std::filesystem::path(HEADRACE_TEST_DATA) / model,
                                  .threads = 1,
                                  .precision = "f32",
                                  .input = input.shape});
    if (!session) throw std::runtime_error(session.error().message);
    const auto results = session->infer({&input, 1});
    if (!results) throw std::runtime_error(results.error().message);
    std::vector<std::vector<float>> all;
    for (const Tensor& tensor : *results) all.push_back(floats(tensor));
    return all;
  }
  static void expect_near(std::span<const float> got, std::span<const float> want) {
    ASSERT_EQ(got.size(), want.size());
    // Half of 1e-4, so that any two engines agree to 1e-4.
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 5e-5) << i;
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RealEngineTest);

TEST_P(RealEngineTest, GivesTheNumbersThatTheModelMeans) {
  const Batch batch = pictures(2);
  const auto got = outputs("tiny.onnx", batch.tensor());
  ASSERT_EQ(got.size(), 2u);
  for (std::size_t item = 0; item < 2; ++item) {
    const auto features = tiny_features(std::span(batch.values).subspan(item * kItem, kItem));
    expect_near(std::span(got[0]).subspan(item * 5, 5), tiny_scores(features));
    expect_near(std::span(got[1]).subspan(item * 4, 4), features);
  }
}

TEST_P(RealEngineTest, TakesBytes) {
  const std::string_view text = "sixteen letters!";
  const Tensor input{HR_U8, shape({1, 16}), std::as_bytes(std::span(text.data(), text.size()))};
  const auto got = outputs("bytes.onnx", input);
  ASSERT_EQ(got.size(), 1u);
  const auto matrix = weights(32, 5);
  auto want = weights(2, 6);
  for (std::size_t i = 0; i < 32; ++i) want[i % 2] += matrix[i] * static_cast<float>(text[i / 2]);
  expect_near(got[0], want);
}

TEST_P(RealEngineTest, RefusesAShapeThatTheModelCannotTake) {
  for (const Shape& wrong : {shape({1, 4, 8, 8}), shape({1, 3, 8}), shape({1, 3, 8, 9})}) {
    OpenOptions bad = options(1);
    bad.input = wrong;
    const auto session = plugin().open(bad);
    ASSERT_FALSE(session) << wrong.to_string();
    EXPECT_FALSE(session.error().message.empty());
  }
}

TEST_P(RealEngineTest, RefusesAnUnknownPrecision) {
  OpenOptions bad = options(1);
  bad.precision = "f17";
  const auto session = plugin().open(bad);
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().message, HasSubstr("f17"));
}

std::vector<std::string> real_engines() {
  auto names = built_engines();
  std::erase(names, "fake");
  return names;
}
INSTANTIATE_TEST_SUITE_P(All, RealEngineTest, testing::ValuesIn(real_engines()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace headrace::engine
