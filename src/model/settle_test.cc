#include "model/settle.h"

#include <gmock/gmock.h>

#include "model/model_toml.h"

namespace headrace::model {
namespace {

using ::testing::ElementsAre;
using Dims = std::vector<std::int64_t>;

Tensor tensor(const char* name, Dims dims, hr_dtype dtype = HR_F32, const char* type = "f32") {
  return {name, dtype, type, std::move(dims)};
}
Signature net(Dims input, Dims output = {-1, 4}) {
  return {{tensor("image", std::move(input))}, {tensor("logits", std::move(output))}, {}};
}
Signature u8_net(Dims input) {
  return {{tensor("image", std::move(input), HR_U8, "u8")}, {tensor("logits", {-1, 4})}, {}};
}

Result<Model> settled(std::string_view toml, const Signature& signature) {
  auto draft = parse_model_toml("file = \"a.onnx\"\n" + std::string(toml), "model.toml", "/m");
  if (!draft) return draft.error();
  const Status done = settle(draft->model, draft->given, &signature, Source::toml);
  if (!done) return done.error();
  return draft->model;
}
Result<Model> bare(const Signature& signature) {
  Model model;
  const Status done = settle(model, Given("a.onnx"), &signature, Source::bare);
  if (!done) return done.error();
  return model;
}

struct Wrong {
  const char* what;
  const char* toml;  // from line 2 on
  Signature signature;
  const char* error;
};

std::vector<Wrong> wrongs() {
  const char* const labels3 =
      "[output]\nkind = \"classification\"\nlabels = [\"a\", \"b\", \"c\"]\n";
  const char* const classification = "[output]\nkind = \"classification\"\n";
  Signature two = net({-1, 3, 224, 224});
  two.inputs.push_back(tensor("mask", {-1, 1}));
  Signature none = net({});
  none.inputs.clear();
  Signature half = net({-1, 3, 224, 224});
  half.inputs[0] = tensor("image", {-1, 3, 224, 224}, HR_F16, "f16");
  Signature words = net({-1, 3, 224, 224});
  words.outputs[0] = tensor("word", {-1, 4}, HR_DTYPE_NONE, "string");
  return {
      {"size", "[input]\nsize = [256, 192]\n", net({-1, 3, 224, 320}),
       "model.toml:3:8: input.size is 256x192, but the model's input is 'image' [?,3,224,320] f32: "
       "set "
       "size = [320, 224]"},
      {"size_with_one_side_open", "[input]\nsize = 256\n", net({-1, 3, 48, -1}),
       "model.toml:3:8: input.size is 256x256, but the model's input is 'image' [?,3,48,?] f32: "
       "set "
       "size = [256, 48]"},
      {"layout", "[input]\nlayout = \"nhwc\"\n", net({-1, 3, 224, 224}),
       "model.toml:3:10: input.layout is \"nhwc\", but the model's input is 'image' [?,3,224,224] "
       "f32: "
       "set layout = \"nchw\""},
      {"color", "[input]\ncolor = \"gray\"\n", net({1, 224, 224, 3}),
       "model.toml:3:9: input.color is \"gray\", 1 channels, but the model's input is 'image' "
       "[1,224,224,3] f32: set color = \"rgb\" or \"bgr\""},
      {"color_by_default", "[input]\nsize = 28\n", net({-1, 1, 28, 28}),
       "model.toml:2:1: input.color is \"rgb\", 3 channels, but the model's input is 'image' "
       "[?,1,28,28] f32: set color = \"gray\""},
      {"four_channels", "", net({-1, 4, 224, 224}),
       "model.toml:1:8: the model's input 'image' [?,4,224,224] f32 has 4 channels in layout nchw, "
       "but "
       "a picture has 3, or 1 if it is gray: is this an image model?"},
      {"type", "[input]\ntype = \"u8\"\n", net({-1, 3, 224, 224}),
       "model.toml:3:8: input.type is \"u8\", but the model's input is 'image' [?,3,224,224] f32: "
       "set "
       "type = \"f32\""},
      {"half_precision", "", half,
       "model.toml:1:8: the model's input 'image' [?,3,224,224] f16 takes neither f32 nor u8, "
       "which are "
       "what pictures are fed as: export it with an f32 input"},
      {"mean_of_u8", "[input]\nmean = 127\n", u8_net({-1, 3, 224, 224}),
       "model.toml:3:8: input.mean has no effect on a u8 input, which gets pixels as they are: "
       "remove "
       "it"},
      {"rank", "", net({-1, 10}),
       "model.toml: a picture is fed as four dimensions, [batch, 3, height, width] or [batch, "
       "height, "
       "width, 3], but the model's input is 'image' [?,10] f32: export it with four dimensions"},
      {"rank_of_bytes", "[input]\nkind = \"bytes\"\n", net({-1, 3, 224, 224}),
       "model.toml:3:8: kind = \"bytes\" feeds [batch, max_bytes], but the model's input is "
       "'image' "
       "[?,3,224,224] f32: did you mean kind = \"image\"?"},
      {"type_of_bytes", "[input]\nkind = \"name\"\n", net({-1, 64}),
       "model.toml:3:8: kind = \"name\" feeds u8, but the model's input is 'image' [?,64] f32: "
       "export "
       "it with a u8 input"},
      {"max_bytes", "[input]\nkind = \"bytes\"\nmax_bytes = 32\n", u8_net({-1, 64}),
       "model.toml:4:13: input.max_bytes is 32, but the model's input is 'image' [?,64] u8: set "
       "max_bytes = 64"},
      {"two_inputs", "", two,
       "model.toml:1:8: the model has 2 inputs ('image' [?,3,224,224] f32 and 'mask' [?,1] f32), "
       "but "
       "must have one: export it with the others as constants"},
      {"no_input", "", none, "model.toml:1:8: the model has no input: export it again, with one"},
      {"impossible_batch", "", net({0, 3, 224, 224}),
       "model.toml:1:8: the model's input 'image' [0,3,224,224] f32 has an impossible batch size"},
      {"impossible_side", "", net({-1, 3, 20000, 20000}),
       "model.toml:1:8: the model's input 'image' [?,3,20000,20000] f32 must have sides from 1 to "
       "16384 "
       "pixels"},
      {"resize_to", "[input]\nresize_to = 200\n", net({-1, 3, 192, 224}),
       "model.toml:3:13: input.resize_to is 200, smaller than the size 224x192 that is cut out: "
       "set "
       "resize_to to 224 or more"},
      {"label_count", labels3, net({-1, 3, 224, 224}),
       "model.toml:4:10: there are 3 labels, but the model's output 'logits' [?,4] f32 has 4 "
       "classes: "
       "name each class once, in the model's order"},
      {"top_k", "[output]\nkind = \"classification\"\ntop_k = 5\n", net({-1, 3, 224, 224}),
       "model.toml:4:9: output.top_k is 5, but there are only 4 classes: set top_k to 4 or less"},
      {"top_k_over_labels", "[output]\nkind = \"classification\"\nlabels = [\"a\"]\ntop_k = 2\n",
       net({-1, 3, 224, 224}, {-1, -1}),
       "model.toml:5:9: output.top_k is 2, but there are only 1 classes: set top_k to 1 or less"},
      {"output_rank", classification, net({-1, 3, 224, 224}, {-1, 1, 64, 64}),
       "model.toml:3:8: a classification needs an output [batch, classes] of numbers, but the "
       "model's "
       "first output is 'logits' [?,1,64,64] f32: set kind = \"raw\" in [output]"},
      {"output_of_words", classification, words,
       "model.toml:3:8: a classification needs an output [batch, classes] of numbers, but the "
       "model's "
       "first output is 'word' [?,4] string: set kind = \"raw\" in [output]"},
      {"raw_output_of_words", "", words,
       "model.toml:1:8: the model's output 'word' [?,4] string is no tensor of numbers: export the "
       "model "
       "without it"},
      {"classification_of_tensors",
       "[input]\nkind = \"tensors\"\n[output]\nkind = \"classification\"\n", net({-1, 4}),
       "model.toml:5:8: with kind = \"tensors\" in [input] the outputs are given as they are: set "
       "kind = \"raw\" in [output]"},
      {"tensors_of_words", "[input]\nkind = \"tensors\"\n", words,
       "model.toml:1:8: the model's output 'word' [?,4] string is no tensor of numbers: export the "
       "model "
       "without it"},
      {"no_classes", classification, net({-1, 3, 224, 224}, {-1, 0}),
       "model.toml:1:8: the model's output 'logits' [?,0] f32 has no classes"},
  };
}

class Disagreement : public ::testing::TestWithParam<Wrong> {};

TEST_P(Disagreement, PointsAtTheLineToChange) {
  const auto model = settled(GetParam().toml, GetParam().signature);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(Settle, Disagreement, ::testing::ValuesIn(wrongs()),
                         [](const auto& each) { return std::string(each.param.what); });

TEST(Settle, WhatIsLeftOutFollowsTheModel) {
  const auto model = settled("[output]\nkind = \"classification\"\n", u8_net({2, 192, 320, 3}));
  ASSERT_TRUE(model) << model.error().message;
  const image::Recipe& recipe = model->input.picture;
  EXPECT_EQ(recipe.width, 320U);
  EXPECT_EQ(recipe.height, 192U);
  EXPECT_EQ(recipe.layout, image::Layout::nhwc);
  EXPECT_EQ(recipe.element, image::Element::u8);
  EXPECT_EQ(recipe.resize_to, 366U);
  EXPECT_EQ(model->output.top_k, 4U);
  EXPECT_EQ(model->fixed_batch, 2U);
  EXPECT_TRUE(model->guesses.empty());
}

TEST(Settle, OpenDimensionsTakeWhatTheUserSays) {
  const auto model = settled("[input]\nsize = [64, 48]\nlayout = \"nhwc\"\nresize_to = 64\n",
                             net({-1, -1, -1, -1}));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->input.picture.width, 64U);
  EXPECT_EQ(model->input.picture.height, 48U);
  EXPECT_EQ(model->input.picture.layout, image::Layout::nhwc);
  EXPECT_EQ(model->fixed_batch, 0U);
}

TEST(Settle, AnOpenRankIsTakenOnTrust) {
  Signature open = net({});
  open.inputs[0].dims.reset();
  open.outputs[0].dims.reset();
  const auto model = settled("[output]\nkind = \"classification\"\ntop_k = 9\n", open);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->input.picture.width, 224U);
  EXPECT_EQ(model->output.top_k, 9U);
}

TEST(Settle, TheLengthOfBytesFollowsTheModel) {
  const auto model = settled("[input]\nkind = \"name\"\n", u8_net({-1, 64}));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->input.max_bytes, 64U);
}

TEST(Settle, WithoutASignatureDefaultsHold) {
  auto draft = parse_model_toml("[input]\nsize = 448\n", "model.toml", "/m");
  ASSERT_TRUE(draft);
  ASSERT_TRUE(settle(draft->model, draft->given, nullptr, Source::toml));
  EXPECT_EQ(draft->model.input.picture.resize_to, 512U);
}

TEST(Settle, ABareClassifierIsGuessedInSentences) {
  const auto model = bare(net({-1, 3, 224, 224}, {-1, 1000}));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->output.kind, OutputKind::classification);
  EXPECT_EQ(model->output.top_k, 5U);
  EXPECT_THAT(model->input.picture.scale, ElementsAre(255, 255, 255));
  EXPECT_THAT(
      model->guesses,
      ElementsAre("the input 'image' [?,3,224,224] f32 is a picture",
                  "layout nchw, from the model's shape",
                  "input size 224x224, from the model's shape",
                  "colour order rgb, pixels scaled to 0..1 (mean 0, scale 255); a model file "
                  "does not say",
                  "a picture's shorter side is scaled to 256, then the centre is cut out",
                  "the output is a classification: the best 5 of 1000 classes by number, "
                  "scores as the model gives them"));
}

TEST(Settle, ABareGrayModelWithOpenSidesIsGuessed) {
  const auto model = bare(net({-1, -1, -1, 1}, {-1, 1, 64, 64}));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->input.picture.color, image::ColorOrder::gray);
  EXPECT_EQ(model->input.picture.layout, image::Layout::nhwc);
  EXPECT_EQ(model->output.kind, OutputKind::raw);
  EXPECT_THAT(
      model->guesses,
      ElementsAre("the input 'image' [?,?,?,1] f32 is a picture",
                  "layout nhwc, from the model's shape",
                  "input size 224x224, since the model's shape leaves it open",
                  "colour order gray, pixels scaled to 0..1 (mean 0, scale 255); a model file "
                  "does not say",
                  "the output is given as raw numbers",
                  "a picture's shorter side is scaled to 256, then the centre is cut out"));
}

TEST(Settle, ABareU8ModelGetsPixelsAsTheyAre) {
  const auto model = bare(u8_net({-1, 3, 96, 96}));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->input.picture.element, image::Element::u8);
  EXPECT_THAT(model->input.picture.scale, ElementsAre(1, 1, 1));
}

TEST(Settle, ABareModelWithoutPicturesTakesTensors) {
  Signature two = net({-1, 3, 224, 224});
  two.inputs.push_back(tensor("mask", {-1, 1}));
  for (const Signature& signature :
       {net({-1, 10}), net({4, 64, 7, 7}), net({}), u8_net({-1, 16}), two}) {
    const auto model = bare(signature);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->input.kind, InputKind::tensors);
    EXPECT_EQ(model->output.kind, OutputKind::raw);
    EXPECT_EQ(model->fixed_batch, 1U);
  }
  const auto guessed = bare(two);
  EXPECT_THAT(
      guessed->guesses,
      ElementsAre("the model takes tensors: 'image' [?,3,224,224] f32 and 'mask' [?,1] f32"));
}

TEST(Settle, TensorsAreHeldToNoShape) {
  Signature two = net({});
  two.inputs[0].dims.reset();
  two.inputs.push_back(tensor("mask", {7}, HR_BOOL, "bool"));
  const auto model = settled("[input]\nkind = \"tensors\"\n", two);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->fixed_batch, 1U);
  EXPECT_TRUE(model->guesses.empty());
}

TEST(Settle, ABareModelWithoutAnInputIsRefused) {
  Signature none = net({});
  none.inputs.clear();
  EXPECT_FALSE(bare(none));
}

TEST(Settle, OneColumnIsNoClassification) {
  const auto model = bare(net({-1, 3, 224, 224}, {-1, 1}));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->output.kind, OutputKind::raw);
}

}  // namespace
}  // namespace headrace::model
