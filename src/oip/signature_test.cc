#include "oip/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace headrace::oip {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPictures =
    R"({"inputs":[{"name":"images","datatype":"FP32","shape":[-1,3,224,224]}],)"
    R"("outputs":[{"name":"scores","datatype":"FP32","shape":[-1,1000]}]})";

std::string refused(std::string_view json) {
  const Result<Signature> signature = read_signature(json);
  return signature ? "" : signature.error().message;
}
std::string tensor(std::string_view fields) {
  return R"({"inputs":[{)" + std::string(fields) +
         R"(}],"outputs":[{"name":"y","datatype":"FP32","shape":[1]}]})";
}

TEST(SignatureTest, IsReadAsItIsWritten) {
  const Result<Signature> signature = read_signature(kPictures);
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->inputs.at(0).name, "images");
  EXPECT_EQ(signature->inputs.at(0).shape.to_string(), "[?, 3, 224, 224]");
  EXPECT_EQ(signature->outputs.at(0).datatype, Datatype::fp32);
  EXPECT_EQ(write_signature(*signature), kPictures);
}

TEST(SignatureTest, RefusesWhatNoWorkerWrites) {
  const std::string deep = R"({"more":)" + std::string(100, '[') + std::string(100, ']') + "}";
  const std::array<std::pair<std::string, const char*>, 17> cases = {{
      {"", "no valid JSON"},
      {"[]", "must be a JSON object"},
      {"{}", "lacks inputs or outputs"},
      {std::string(kPictures) + "x", "no valid JSON"},
      {std::string(kPictures.substr(0, 90)), "no valid JSON"},
      {R"({"inputs":[],"outputs":[]})", "lacks inputs or outputs"},
      {R"({"inputs":7})", "'inputs' must be an array"},
      {tensor(R"("name":"x","datatype":"FP32")"), "lacks its name"},
      {tensor(R"("name":"","datatype":"FP32","shape":[1])"), "lacks its name"},
      {tensor(R"("name":7,"datatype":"FP32","shape":[1])"), "must be a string"},
      {tensor(R"("name":"x","datatype":"f32","shape":[1])"), "'f32' is no datatype"},
      {tensor(R"("name":"x","datatype":"FP32","shape":[-2])"), "below -1"},
      {tensor(R"("name":"x","datatype":"FP32","shape":[1.5])"), "whole number"},
      {tensor(R"("name":"x","datatype":"FP32","shape":[1,1,1,1,1,1,1,1,1])"), "8 dimensions"},
      {tensor(R"("name":")" + std::string(200, 'n') + R"(","datatype":"FP32","shape":[1])"),
       "longer than 127 bytes"},
      {tensor(R"("name":"x","datatype":"FP32","shape":[1]},)"
              R"({"name":"x","datatype":"FP32","shape":[1])"),
       "two inputs 'x'"},
      {deep, "nested more than 64 deep"},
  }};
  for (const auto& [json, sentence] : cases)
    EXPECT_THAT(refused(json), HasSubstr(sentence)) << json;
}

TEST(SignatureTest, IsBoundedInSizeAndNumber) {
  EXPECT_THAT(refused(std::string(kMostSignatureBytes + 1, ' ')), HasSubstr("more than"));
  std::string many = R"({"inputs":[)";
  for (int i = 0; i < 257; ++i) {
    if (i > 0) many += ',';
    many += R"({"name":"x)" + std::to_string(i) + R"(","datatype":"FP32","shape":[1]})";
  }
  EXPECT_THAT(refused(many + "]}"), HasSubstr("more than 256 inputs"));
}

struct Refused {
  std::string name;
  std::string datatype;
  std::vector<std::int64_t> shape;
  const char* sentence;
};

TEST(InputCheckTest, NamesWhatDoesNotFitAndWhatWould) {
  const Signature signature = *read_signature(kPictures);
  const std::array<Refused, 7> cases = {{
      {"image", "FP32", {1, 3, 224, 224}, "no input 'image'; its inputs are 'images'"},
      {"images", "FP64", {1, 3, 224, 224}, "is 'FP64' in the request, but the model takes 'FP32'"},
      {"images", "float", {1, 3, 224, 224}, "is 'float' in the request"},
      {"images",
       "FP32",
       {1, 224, 224, 3},
       "has shape [1, 224, 224, 3], but the model takes [?, 3, 224, 224]"},
      {"images", "FP32", {3, 224, 224}, "has shape [3, 224, 224]"},
      {"images", "FP32", {0, 3, 224, 224}, "must be at least 1"},
      {"images", "FP32", {-1, 3, 224, 224}, "must be at least 1"},
  }};
  for (const Refused& wrong : cases) {
    InputCheck check(signature);
    const auto taken = check.take(wrong.name, wrong.datatype, wrong.shape);
    ASSERT_FALSE(taken) << wrong.sentence;
    EXPECT_THAT(taken.error().message, HasSubstr(wrong.sentence));
    EXPECT_EQ(http_status(taken.error().kind), 400);
  }
}

TEST(InputCheckTest, RefusesAShapeThatNoComputerHolds) {
  const Signature signature = *read_signature(kPictures);
  const std::array<std::int64_t, 4> shape = {INT64_MAX, 3, 224, 224};
  const auto taken = InputCheck(signature).take("images", "FP32", shape);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("no computer holds"));
}

TEST(InputCheckTest, WantsEveryInputOnce) {
  const Signature signature =
      *read_signature(R"({"inputs":[{"name":"a","datatype":"INT8","shape":[1]},)"
                      R"({"name":"b","datatype":"INT8","shape":[1]}],)"
                      R"("outputs":[{"name":"y","datatype":"INT8","shape":[1]}]})");
  const std::array<std::int64_t, 1> one = {1};
  InputCheck check(signature);
  ASSERT_TRUE(check.take("b", "INT8", one));
  EXPECT_THAT(check.finish().error().message, HasSubstr("'a' is missing"));
  EXPECT_THAT(check.take("b", "INT8", one).error().message, HasSubstr("given twice"));
  const auto taken = check.take("a", "INT8", one);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->index, 0U);
  EXPECT_TRUE(check.finish());
}

TEST(FindOutputTest, ListsWhatTheModelHas) {
  const Signature signature = *read_signature(kPictures);
  EXPECT_EQ(*find_output(signature, "scores"), 0U);
  EXPECT_THAT(find_output(signature, "probabilities").error().message,
              HasSubstr("no output 'probabilities'; its outputs are 'scores'"));
}

}  // namespace
}  // namespace headrace::oip
