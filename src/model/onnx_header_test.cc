#include "model/onnx_header.h"

#include <gmock/gmock.h>

#include <random>
#include <sstream>

#include "base/text.h"
#include "model/onnx_writer.h"
#include "model/wording.h"

namespace headrace::model {
namespace {

using namespace onnx_writer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Dims = std::vector<std::int64_t>;

Result<Signature> read(const std::string& text) {
  std::istringstream in(text);
  return read_onnx(in, "a.onnx");
}
std::string refusal(const std::string& text) {
  const auto found = read(text);
  return found ? "read without an error" : found.error().message;
}

TEST(OnnxHeader, NamesTypesAndShapesOfInputsAndOutputs) {
  const File file{.inputs = {{.name = "image", .type = kU8, .dims = {-1, 3, 224, 192}}},
                  .outputs = {{.name = "logits", .dims = {-2, 1000}},
                              {.name = "where", .type = kI64, .dims = {}},
                              {.name = "any", .type = kF16, .ranked = false},
                              {.name = "words", .type = kString, .dims = {1}}}};
  const auto found = read(file.text());
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->inputs.size(), 1U);
  EXPECT_EQ(shown(found->inputs[0]), "'image' [?,3,224,192] u8");
  EXPECT_EQ(found->inputs[0].dims, (Dims{-1, 3, 224, 192}));
  ASSERT_EQ(found->outputs.size(), 4U);
  EXPECT_EQ(shown(found->outputs[0]), "'logits' [?,1000] f32");
  EXPECT_EQ(shown(found->outputs[1]), "'where' [] i64");
  EXPECT_EQ(shown(found->outputs[2]), "'any' of open rank, f16");
  EXPECT_EQ(found->outputs[3].type, "string");
  EXPECT_EQ(found->outputs[3].dtype, HR_DTYPE_NONE);
}

TEST(OnnxHeader, InitializersAreNoInputs) {
  File file = classifier();
  file.inputs.push_back({.name = "weight", .dims = {64, 3, 7, 7}});
  file.initializers = {"weight"};
  file.weights = std::string(100'000, '\xFF');  // more than one window, and no valid field anywhere
  const auto found = read(file.text());
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->inputs.size(), 1U);
  EXPECT_EQ(found->inputs[0].name, "image");
}

TEST(OnnxHeader, ASparseInitializerIsNoInputEither) {
  const std::string graph = bytes(11, value_info({.name = "w", .dims = {9}})) +
                            bytes(15, bytes(1, bytes(8, "w"))) +
                            bytes(12, value_info({.name = "y", .dims = {1}}));
  const auto found = read(bytes(7, graph));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->inputs.empty());
}

TEST(OnnxHeader, FilesThatHoldTheWeightsAreNamedOnce) {
  File file = classifier();
  file.initializers = {"a", "b"};
  file.external = "weights.data";
  const auto found = read(file.text());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(found->external_files, ElementsAre("weights.data"));
}

TEST(OnnxHeader, AValueThatIsNoTensorSaysWhatItIs) {
  const std::string output = bytes(1, "probabilities") + bytes(2, bytes(4, ""));
  const auto found = read(bytes(7, bytes(12, output)));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->outputs[0].type, "sequence");
}

// Counts what is read, to show that weights are not.
class CountingBuffer : public std::stringbuf {
 public:
  explicit CountingBuffer(const std::string& text) : std::stringbuf(text, std::ios::in) {}
  std::streamsize read = 0;

 protected:
  std::streamsize xsgetn(char* to, std::streamsize size) override {
    const std::streamsize got = std::stringbuf::xsgetn(to, size);
    read += got;
    return got;
  }
};

TEST(OnnxHeader, WeightsAreNotRead) {
  File file = classifier();
  file.initializers = {"a", "b"};
  file.weights = std::string(8 << 20, 'w');
  CountingBuffer buffer(file.text());
  std::istream in(&buffer);
  ASSERT_TRUE(read_onnx(in, "a.onnx"));
  EXPECT_LT(buffer.read, 100'000);
}

TEST(OnnxHeader, AFileThatIsNoOnnxSaysWhatItIs) {
  EXPECT_EQ(refusal(""), "a.onnx is empty (0 bytes): copy or export the model again");
  EXPECT_EQ(refusal("not a model, but a note\n"), "a.onnx is no ONNX model: it is a text file");
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:1\n"),
              HasSubstr("'git lfs pull'"));
  EXPECT_THAT(refusal(std::string("PK\x03\x04\0\0\0", 7)), HasSubstr("PyTorch"));
  EXPECT_THAT(refusal(number(1, 8) + bytes(2, "x")), HasSubstr("holds no graph"));
  EXPECT_THAT(refusal(number(1, 8) + bytes(7, bytes(2, "g"))), HasSubstr("no outputs"));
}

TEST(OnnxHeader, LengthsThatLieAreErrors) {
  EXPECT_THAT(refusal(number(1, 8) + varint(7 << 3 | 2) + varint(5'000'000'000)),
              AllOf(HasSubstr("cut short"), HasSubstr("claims 5000000000 bytes where 0 are left")));
  EXPECT_THAT(refusal(number(1, 8) + varint(7 << 3 | 2) + std::string(9, '\xFF') + '\x01'),
              HasSubstr("cut short"));
  const std::string inner = varint(12 << 3 | 2) + varint(100) + "abc";
  EXPECT_THAT(refusal(bytes(7, inner) + bytes(9, std::string(200, 'x'))),
              AllOf(HasSubstr("is broken"), HasSubstr("claims 100 bytes where 3 are left")));
  EXPECT_THAT(refusal(number(1, 8) + bytes(7, std::string(11, '\x80'))), HasSubstr("longer than"));
  EXPECT_THAT(refusal(number(1, 8) + bytes(7, std::string("\x0B\x01", 2))), HasSubstr("wire type"));
}

TEST(OnnxHeader, EndlessNamesAndDimensionsAreErrors) {
  EXPECT_THAT(refusal(bytes(7, bytes(12, bytes(1, std::string(5000, '\x01'))))),
              HasSubstr("too long"));
  std::string shape;
  for (int i = 0; i < 100; ++i) shape += bytes(1, number(1, 1));
  EXPECT_THAT(refusal(bytes(7, bytes(12, bytes(2, bytes(1, bytes(2, shape)))))),
              HasSubstr("too many dimensions"));
}

std::string sample() {
  File file = classifier();
  file.inputs.push_back({.name = "weight", .dims = {2}});
  file.initializers = {"weight", "bias"};
  file.weights = "12345678";
  file.external = "w.bin";
  return file.text();
}

TEST(OnnxHeader, EveryTruncationIsAnErrorOrAWholeHeader) {
  const std::string whole = sample();
  const std::size_t graph_end = whole.size() - bytes(8, number(2, 13)).size();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto found = read(whole.substr(0, size));
    // Past the graph only the operator set's version is missing: everything of interest was there.
    if (size < graph_end) {
      ASSERT_FALSE(found) << size;
      EXPECT_TRUE(found.error().message.starts_with("a.onnx is ")) << found.error().message;
    }
  }
}

TEST(OnnxHeader, FlippedBytesNeverCrash) {
  const std::string whole = sample();
  std::mt19937 random(20260704);
  std::size_t read_well = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    const auto found = read(text);
    ++(found ? read_well : refused);
    if (!found) {
      ASSERT_TRUE(is_utf8(found.error().message)) << round;
    } else {
      for (const Tensor& tensor : found->inputs) ASSERT_TRUE(is_utf8(shown(tensor))) << round;
    }
  }
  EXPECT_GT(read_well, 100U);
  EXPECT_GT(refused, 100U);
}

TEST(OnnxHeader, NoiseNeverCrashes) {
  std::mt19937 random(7);
  for (int round = 0; round < 5'000; ++round) {
    std::string text(random() % 300, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const auto found = read(bytes(7, text));
    if (!found) {
      ASSERT_FALSE(found.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace headrace::model
