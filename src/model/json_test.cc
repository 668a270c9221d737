#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "model/model.h"
#include "model/words.h"

namespace headrace::model {
namespace {

class RandomModel {
 public:
  explicit RandomModel(unsigned seed) : random_(seed) {}

  Model make() {
    Model model;
    model.name = text();
    model.file = "/" + text();
    model.engine = text();
    model.precision = text();
    model.input.kind = any(kInputKinds.values);
    model.input.max_bytes = whole(1, kMostInputBytes);
    model.input.picture = picture();
    model.output.kind = any(kOutputKinds.values);
    for (std::uint32_t i = whole(0, 5); i > 0; --i) model.output.labels.push_back(text());
    model.output.top_k = whole(1, kMostTopK);
    model.output.softmax = whole(0, 1) == 1;
    model.fixed_batch = whole(0, 64);
    for (std::uint32_t i = whole(0, 3); i > 0; --i) model.guesses.push_back(text());
    for (std::uint32_t i = whole(0, 3); i > 0; --i) model.files.push_back("/" + text());
    return model;
  }

 private:
  std::uint32_t whole(std::uint32_t least, std::uint32_t most) {
    return std::uniform_int_distribution<std::uint32_t>(least, most)(random_);
  }
  template <class E, std::size_t N>
  E any(const std::array<E, N>& values) {
    return values[random_() % N];
  }
  // Any bytes but NUL, so most are no UTF-8.
  std::string text() {
    std::string out(whole(0, 12), 'x');
    if (whole(0, 1) == 0) {
      for (char& c : out) c = static_cast<char>(whole(1, 255));
    }
    return out;
  }
  float number() {
    return std::ldexp(static_cast<float>(whole(1, 1U << 24)), static_cast<int>(whole(0, 60)) - 30);
  }

  image::Recipe picture() {
    image::Recipe recipe;
    recipe.width = whole(1, kMostPixelsPerSide);
    recipe.height = whole(1, kMostPixelsPerSide);
    recipe.fit = any(kFits.values);
    recipe.resize_to = whole(std::max(recipe.width, recipe.height), kMostPixelsPerSide);
    recipe.filter = any(kFilters.values);
    recipe.color = any(kColors.values);
    for (float& each : recipe.mean) each = -number();
    for (float& each : recipe.scale) each = number();
    recipe.layout = any(kLayouts.values);
    recipe.element = any(kElementTypes.values);
    return recipe;
  }

  std::mt19937 random_;
};

void expect_equal(const Model& a, const Model& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.file.native(), b.file.native());
  EXPECT_EQ(a.files, b.files);
  EXPECT_EQ(a.engine, b.engine);
  EXPECT_EQ(a.precision, b.precision);
  EXPECT_EQ(a.fixed_batch, b.fixed_batch);
  EXPECT_EQ(a.guesses, b.guesses);
  EXPECT_EQ(a.input.kind, b.input.kind);
  EXPECT_EQ(a.input.max_bytes, b.input.max_bytes);
  const image::Recipe &p = a.input.picture, &q = b.input.picture;
  EXPECT_EQ(p.width, q.width);
  EXPECT_EQ(p.height, q.height);
  EXPECT_EQ(p.fit, q.fit);
  EXPECT_EQ(p.resize_to, q.resize_to);
  EXPECT_EQ(p.filter, q.filter);
  EXPECT_EQ(p.color, q.color);
  EXPECT_EQ(p.mean, q.mean);
  EXPECT_EQ(p.scale, q.scale);
  EXPECT_EQ(p.layout, q.layout);
  EXPECT_EQ(p.element, q.element);
  EXPECT_EQ(a.output.kind, b.output.kind);
  EXPECT_EQ(a.output.labels, b.output.labels);
  EXPECT_EQ(a.output.top_k, b.output.top_k);
  EXPECT_EQ(a.output.softmax, b.output.softmax);
}

TEST(ModelJson, EveryFieldArrivesAsItLeft) {
  RandomModel random(3);
  for (int round = 0; round < 500; ++round) {
    const Model model = random.make();
    const auto back = from_json(to_json(model));
    ASSERT_TRUE(back) << back.error().message;
    expect_equal(model, *back);
    if (HasFailure()) FAIL() << to_json(model);
  }
}

TEST(ModelJson, WhatIsNoModelIsAnError) {
  const std::string deep = std::string(200'000, '[');
  for (const std::string_view text :
       {std::string_view(""), std::string_view("null"), std::string_view("{}"),
        std::string_view("[]"), std::string_view("42"), std::string_view("{\"name\":"),
        std::string_view("\xFF\xFE"), std::string_view("{\"name\":\"a\",\"input\":3}"),
        std::string_view(deep)}) {
    EXPECT_FALSE(from_json(text)) << text.substr(0, 40);
  }
}

// Replaces the first `from` in a valid text by `to`, which must make it an error that names
// `field`.
void expect_refused(std::string_view from, std::string_view to, std::string_view field) {
  Model model;
  model.name = "a";
  model.file = "/a.onnx";
  std::string text = to_json(model);
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in " << text;
  text.replace(at, from.size(), to);
  const auto back = from_json(text);
  ASSERT_FALSE(back) << text;
  EXPECT_NE(back.error().message.find("field " + std::string(field) + ":"), std::string::npos)
      << back.error().message;
}

TEST(ModelJson, AFieldOutOfItsRangeIsAnError) {
  expect_refused("\"width\":224", "\"width\":0", "width");
  expect_refused("\"width\":224", "\"width\":-1", "width");
  expect_refused("\"height\":224", "\"height\":16385", "height");
  expect_refused("\"height\":224", "\"height\":1e3", "height");
  expect_refused("\"resize_to\":256", "\"resize_to\":100", "resize_to");
  expect_refused("\"mean\":[0.0", "\"mean\":[null", "mean");
  expect_refused("\"mean\":[0.0", "\"mean\":[1e300", "mean");
  expect_refused("\"scale\":[1.0", "\"scale\":[0.0", "scale");
  expect_refused("\"scale\":[1.0,", "\"scale\":[", "scale");
  expect_refused("\"top_k\":5", "\"top_k\":1001", "top_k");
  expect_refused("\"max_bytes\":1024", "\"max_bytes\":4294967297", "max_bytes");
  expect_refused("\"softmax\":false", "\"softmax\":0", "softmax");
  expect_refused("\"color\":\"rgb\"", "\"color\":\"rbg\"", "color");
  expect_refused("\"name\":\"a\"", "\"name\":[97,256]", "name");
  expect_refused("\"labels\":[]", "\"labels\":[3]", "labels");
  expect_refused("\"engine\":\"auto\",", "", "engine");
}

TEST(ModelJson, FlippedTextIsReadOrRefusedButNeverCrashes) {
  RandomModel models(5);
  std::mt19937 random(6);
  std::size_t refused = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string text = to_json(models.make());
    for (int flips = 0; flips < 2; ++flips)
      text[random() % text.size()] = static_cast<char>(random());
    if (!from_json(text)) ++refused;
  }
  EXPECT_GT(refused, 1'000U);
}

}  // namespace
}  // namespace headrace::model
