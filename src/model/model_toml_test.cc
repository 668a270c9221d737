#include "model/model_toml.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "model/labels.h"

namespace headrace::model {
namespace {

using ::testing::ElementsAre;

Result<Draft> parse(std::string_view text) {
  return parse_model_toml(text, "m/model.toml", "/m");
}

struct Wrong {
  const char* what;
  const char* text;
  const char* error;
};

class WrongToml : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongToml, IsAnErrorWithItsPlaceAndWhatToDo) {
  const auto draft = parse(GetParam().text);
  ASSERT_FALSE(draft);
  EXPECT_EQ(draft.error().message, GetParam().error);
}

constexpr Wrong kWrong[] = {
    {"unknown_key", "file = \"a.onnx\"\n\nfiel = \"b\"\n",
     "m/model.toml:3:1: unknown key 'fiel' at the top of the file: did you mean 'file'?"},
    {"unknown_key_in_input", "[input]\nsiz = 224\n",
     "m/model.toml:2:1: unknown key 'siz' in [input]: did you mean 'size'?"},
    {"unknown_key_near_nothing", "[output]\n  threshold = 1\n",
     "m/model.toml:2:3: unknown key 'threshold' in [output]: valid are kind, labels, top_k and "
     "softmax"},
    {"unknown_section", "[imput]\nsize = 3\n",
     "m/model.toml:1:2: unknown section 'imput': did you mean 'input'?"},
    {"unknown_section_near_nothing", "[engine_options]\n",
     "m/model.toml:1:2: unknown section 'engine_options': valid are input and output"},
    {"key_of_another_section", "file = \"a\"\nlabels = \"l\"\n",
     "m/model.toml:2:1: 'labels' does not belong at the top of the file: move it into [output]"},
    {"key_of_the_top", "[input]\nengine = \"auto\"\n",
     "m/model.toml:2:1: 'engine' does not belong in [input]: move it to the top of the file, "
     "before "
     "the first [section]"},
    {"section_as_a_value", "input = 3\n",
     "m/model.toml:1:9: input must be one section: write [input] on a line of its own, and its "
     "keys "
     "below"},
    {"list_of_sections", "[[output]]\nkind = \"raw\"\n",
     "m/model.toml:1:1: output must be one section: write [output] on a line of its own, and its "
     "keys "
     "below"},
    {"text_expected", "name = 3\n",
     "m/model.toml:1:8: name must be a text in quotes, but is a whole number"},
    {"empty_text", "name = \"\"\n",
     "m/model.toml:1:8: name is empty: give it a value, or remove the line"},
    {"nul_in_a_text", "file = \"a\\u0000b\"\n",
     "m/model.toml:1:8: file holds a NUL character: remove it"},
    {"engine_with_a_typo", "engine = \"onnxruntim\"\n",
     "m/model.toml:1:10: engine cannot be 'onnxruntim': did you mean 'onnxruntime'?"},
    {"engine_in_capitals", "engine = \"OpenVINO\"\n",
     "m/model.toml:1:10: engine cannot be 'OpenVINO': did you mean 'openvino'?"},
    {"engine_as_a_path", "engine = \"../evil.so\"\n",
     "m/model.toml:1:10: engine is '../evil.so', but must be 'auto' or the name of a plug-in: "
     "small "
     "letters, digits, '-' and '_'"},
    {"precision", "precision = \"fp32\"\n",
     "m/model.toml:1:13: precision cannot be 'fp32': did you mean 'f32'?"},
    {"input_kind", "[input]\nkind = \"picture\"\n",
     "m/model.toml:2:8: input.kind cannot be 'picture': valid are image, bytes, name and tensors"},
    {"color", "[input]\ncolor = \"grey\"\n",
     "m/model.toml:2:9: input.color cannot be 'grey': did you mean 'gray'?"},
    {"resize", "[input]\nresize = \"strech\"\n",
     "m/model.toml:2:10: input.resize cannot be 'strech': did you mean 'stretch'?"},
    {"filter", "[input]\nfilter = \"cubic\"\n",
     "m/model.toml:2:10: input.filter cannot be 'cubic': did you mean 'bicubic'?"},
    {"layout", "[input]\nlayout = \"ncwh\"\n",
     "m/model.toml:2:10: input.layout cannot be 'ncwh': did you mean 'nchw'?"},
    {"type", "[input]\ntype = \"float\"\n",
     "m/model.toml:2:8: input.type cannot be 'float': valid are f32 and u8"},
    {"output_kind", "[output]\nkind = \"clasification\"\n",
     "m/model.toml:2:8: output.kind cannot be 'clasification': did you mean 'classification'?"},
    {"size_zero", "[input]\nsize = 0\n",
     "m/model.toml:2:8: input.size is 0, but must be from 1 to 16384"},
    {"size_too_large", "[input]\nsize = [224, 16385]\n",
     "m/model.toml:2:14: the height in input.size is 16385, but must be from 1 to 16384"},
    {"size_negative", "[input]\nsize = [-1, 224]\n",
     "m/model.toml:2:9: the width in input.size is -1, but must be from 1 to 16384"},
    {"size_of_three", "[input]\nsize = [3, 224, 224]\n",
     "m/model.toml:2:8: input.size has 3 numbers, but must be [width, height]"},
    {"size_fraction", "[input]\nsize = 224.0\n",
     "m/model.toml:2:8: input.size must be [width, height] or one whole number for both, but is a "
     "fraction"},
    {"size_text_in_array", "[input]\nsize = [224, \"224\"]\n",
     "m/model.toml:2:14: the height in input.size must be a whole number, but is a text"},
    {"resize_to", "[input]\nresize_to = 0\n",
     "m/model.toml:2:13: input.resize_to is 0, but must be from 1 to 16384"},
    {"scale_zero", "[input]\nscale = [1, 0, 1]\n",
     "m/model.toml:2:13: input.scale must not be 0, since pixels are divided by it: 1 leaves them "
     "as "
     "they are"},
    {"scale_nan", "[input]\nscale = nan\n",
     "m/model.toml:2:9: input.scale must be a finite number"},
    {"mean_infinite", "[input]\nmean = [0.5, -inf, 0]\n",
     "m/model.toml:2:14: input.mean must be a finite number"},
    {"mean_beyond_f32", "[input]\nmean = 1e300\n",
     "m/model.toml:2:8: input.mean must be a finite number"},
    {"mean_of_two", "[input]\nmean = [1, 2]\n",
     "m/model.toml:2:8: input.mean has 2 numbers, but must have 1, or 3: one for each channel"},
    {"mean_empty", "[input]\nmean = []\n",
     "m/model.toml:2:8: input.mean has 0 numbers, but must have 1, or 3: one for each channel"},
    {"mean_of_gray", "[input]\ncolor = \"gray\"\nmean = [1, 2, 3]\n",
     "m/model.toml:3:8: input.mean has 3 numbers, but must have 1, since color is \"gray\""},
    {"mean_text", "[input]\nmean = \"imagenet\"\n",
     "m/model.toml:2:8: input.mean must be a number or an array of numbers, but is a text"},
    {"max_bytes_of_a_picture", "[input]\nmax_bytes = 10\n",
     "m/model.toml:2:13: input.max_bytes has no effect with kind = \"image\": remove it, or set "
     "kind = "
     "\"bytes\""},
    {"max_bytes", "[input]\nkind = \"name\"\nmax_bytes = 0\n",
     "m/model.toml:3:13: input.max_bytes is 0, but must be from 1 to 1073741824"},
    {"size_of_bytes", "[input]\nkind = \"bytes\"\nsize = 224\n",
     "m/model.toml:3:8: input.size has no effect with kind = \"bytes\": remove it"},
    {"resize_to_without_crop", "[input]\nresize_to = 256\nresize = \"pad\"\n",
     "m/model.toml:2:13: input.resize_to has no effect with resize = \"pad\": remove it"},
    {"top_k_zero", "[output]\nkind = \"classification\"\ntop_k = 0\n",
     "m/model.toml:3:9: output.top_k is 0, but must be from 1 to 1000"},
    {"softmax", "[output]\nkind = \"classification\"\nsoftmax = \"yes\"\n",
     "m/model.toml:3:11: output.softmax must be true or false, without quotes, but is a text"},
    {"labels_of_raw", "[output]\nkind = \"raw\"\nlabels = [\"a\"]\n",
     "m/model.toml:3:10: output.labels has no effect with kind = \"raw\": remove it, or set kind = "
     "\"classification\""},
    {"labels_without_kind", "[output]\nlabels = [\"a\"]\n",
     "m/model.toml:2:10: output.labels has no effect with kind = \"raw\", the default: add kind = "
     "\"classification\""},
    {"labels_empty", "[output]\nkind = \"classification\"\nlabels = []\n",
     "m/model.toml:3:10: output.labels is empty: write at least one, or remove the line"},
    {"labels_of_numbers", "[output]\nkind = \"classification\"\nlabels = [\"a\",\n 2]\n",
     "m/model.toml:4:2: each of output.labels must be a text in quotes, but is a whole number"},
    {"labels_as_a_number", "[output]\nkind = \"classification\"\nlabels = 1000\n",
     "m/model.toml:3:10: output.labels must be the name of a file, or an array of texts, but is a "
     "whole number"},
    {"labels_file_missing", "[output]\nkind = \"classification\"\nlabels = \"none.txt\"\n",
     "m/model.toml:3:10: output.labels: there is no file '/m/none.txt'"},
    {"two_problems_in_the_order_of_lines", "precision = 1\n[input]\ncolour = \"rgb\"\n",
     "m/model.toml:1:13: precision must be a text in quotes, but is a whole number\n"
     "m/model.toml:3:1: unknown key 'colour' in [input]: did you mean 'color'?"},
};

INSTANTIATE_TEST_SUITE_P(ModelToml, WrongToml, ::testing::ValuesIn(kWrong),
                         [](const auto& each) { return std::string(each.param.what); });

TEST(ModelToml, TextThatIsNoTomlNamesTheLine) {
  for (const auto& [text, start] :
       {std::pair("a = 1\nb == 2\n", "m/model.toml:2:"), std::pair("name = 'a", "m/model.toml:1:"),
        std::pair("\n[input]\nsize = 1\nsize = 2\n", "m/model.toml:4:"),
        std::pair("[input]\n[output]\n[input]\n", "m/model.toml:3:"),
        std::pair("name = \"\xFF\"\n", "m/model.toml:1:"), std::pair("[{", "m/model.toml:1:"),
        std::pair("\n[[[a]]]\n", "m/model.toml:2:"),
        std::pair("na\u00efve = 1\n", "m/model.toml:1:"),
        std::pair("\u3042 = 1\n", "m/model.toml:1:")}) {
    const auto draft = parse(text);
    ASSERT_FALSE(draft) << text;
    EXPECT_TRUE(draft.error().message.starts_with(start)) << draft.error().message;
    EXPECT_NE(draft.error().message.find("not valid TOML: "), std::string::npos);
  }
}

TEST(ModelToml, EveryKeyArrives) {
  const auto draft = parse(R"(
name = "birds"
file = "sub/net.onnx"
engine = "my-engine"
precision = "f32"
[input]
kind = "image"
size = [320, 200]
resize = "crop"
resize_to = 400
filter = "bicubic"
color = "bgr"
mean = [123.5, 117, 104]
scale = 58.5
layout = "nhwc"
type = "f32"
[output]
kind = "classification"
labels = ["crow", "kite"]
top_k = 2
softmax = true
)");
  ASSERT_TRUE(draft) << draft.error().message;
  const Model& model = draft->model;
  EXPECT_EQ(model.name, "birds");
  EXPECT_EQ(model.file, "/m/sub/net.onnx");
  EXPECT_EQ(model.engine, "my-engine");
  EXPECT_EQ(model.precision, "f32");
  const image::Recipe& recipe = model.input.picture;
  EXPECT_EQ(recipe.width, 320U);
  EXPECT_EQ(recipe.height, 200U);
  EXPECT_EQ(recipe.fit, image::Fit::crop);
  EXPECT_EQ(recipe.resize_to, 400U);
  EXPECT_EQ(recipe.filter, image::Filter::bicubic);
  EXPECT_EQ(recipe.color, image::ColorOrder::bgr);
  EXPECT_THAT(recipe.mean, ElementsAre(123.5F, 117, 104));
  EXPECT_THAT(recipe.scale, ElementsAre(58.5F, 58.5F, 58.5F));
  EXPECT_EQ(recipe.layout, image::Layout::nhwc);
  EXPECT_EQ(recipe.element, image::Element::f32);
  EXPECT_EQ(model.output.kind, OutputKind::classification);
  EXPECT_THAT(model.output.labels, ElementsAre("crow", "kite"));
  EXPECT_EQ(model.output.top_k, 2U);
  EXPECT_TRUE(model.output.softmax);
  EXPECT_EQ(draft->given.at("input.size"), "m/model.toml:8:8: ");
  EXPECT_EQ(draft->given.at("input.max_bytes"), "m/model.toml:6:1: ");
}

TEST(ModelToml, KeysMayBeDotted) {
  const auto draft = parse("input.kind = \"bytes\"\ninput.max_bytes = 64\n");
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_EQ(draft->model.input.max_bytes, 64U);
}

TEST(Labels, AreTheTrimmedLinesOfAFile) {
  const auto labels = parse_labels("\xEF\xBB\xBFtench\r\n grüner Leguan \nhen\n\n\n", "l.txt");
  ASSERT_TRUE(labels) << labels.error().message;
  EXPECT_THAT(*labels, ElementsAre("tench", "grüner Leguan", "hen"));
}

TEST(Labels, AFileThatCannotBeRightNamesTheLine) {
  EXPECT_EQ(parse_labels("", "l.txt").error().message,
            "l.txt holds no labels; write one a line, in the order of the model's output");
  EXPECT_EQ(parse_labels(" \n\n", "l.txt").error().message,
            "l.txt holds no labels; write one a line, in the order of the model's output");
  EXPECT_EQ(
      parse_labels("a\n\nb\n", "l.txt").error().message,
      "l.txt:2: an empty line among the labels; each line is one class, so remove it or write a "
      "name there");
  EXPECT_EQ(parse_labels("a\nb\ncaf\xE9\n", "l.txt").error().message,
            "l.txt:3: this line is not UTF-8; save the labels as UTF-8 text");
}

}  // namespace
}  // namespace headrace::model
