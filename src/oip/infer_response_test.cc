#include "oip/infer_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

namespace headrace::oip {
namespace {

using testing::HasSubstr;

template <class T>
OutputTensor tensor(std::string_view name, Datatype type, std::vector<std::int64_t> dims,
                    const T& values) {
  return {.name = name,
          .datatype = type,
          .shape = engine::Shape::of(dims).value(),
          .bytes = std::as_bytes(std::span(values))};
}

std::string json_of(const OutputTensor& output) {
  const auto response = write_infer_response({.model = "m"}, std::span(&output, 1));
  return response ? response->json : response.error().message;
}

TEST(InferResponseTest, WritesNumbersAsJson) {
  const std::array<float, 4> scores = {0.1F, -2, 3e10F, 16777216};
  const std::array<std::int8_t, 2> classes = {-128, 127};
  const std::array<OutputTensor, 2> outputs = {tensor("scores", Datatype::fp32, {2, 2}, scores),
                                               tensor("classes", Datatype::int8, {2}, classes)};
  const auto response = write_infer_response({.model = "m", .version = "1", .id = "a\"b"}, outputs);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->json,
            R"({"model_name":"m","model_version":"1","id":"a\"b","outputs":[)"
            R"({"name":"scores","datatype":"FP32","shape":[2,2],"data":[0.1,-2,3e+10,16777216]},)"
            R"({"name":"classes","datatype":"INT8","shape":[2],"data":[-128,127]}]})");
  EXPECT_FALSE(response->binary);
  EXPECT_TRUE(response->tail.empty());
}

TEST(InferResponseTest, BinaryOutputsFollowInTheirOrderUncopied) {
  const std::array<float, 2> a = {1, 2};
  const std::array<std::uint8_t, 3> b = {1, 2, 3};
  const std::array<std::uint16_t, 1> c = {0x3C00};
  std::array<OutputTensor, 3> outputs = {tensor("a", Datatype::fp32, {2}, a),
                                         tensor("b", Datatype::uint8, {3}, b),
                                         tensor("c", Datatype::fp16, {1}, c)};
  outputs[0].binary = true;
  outputs[2].binary = true;
  const auto response = write_infer_response({.model = "m"}, outputs);
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->binary);
  EXPECT_EQ(response->tail_bytes, 10U);
  ASSERT_EQ(response->tail.size(), 2U);
  EXPECT_EQ(response->tail[0].data(), outputs[0].bytes.data());
  EXPECT_EQ(response->tail[1].data(), outputs[2].bytes.data());
  EXPECT_EQ(response->json,
            R"({"model_name":"m","outputs":[)"
            R"({"name":"a","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}},)"
            R"({"name":"b","datatype":"UINT8","shape":[3],"data":[1,2,3]},)"
            R"({"name":"c","datatype":"FP16","shape":[1],"parameters":{"binary_data_size":2}}]})");
}

TEST(InferResponseTest, WhatIsNoNumberBecomesNull) {
  const std::array<double, 4> values = {NAN, INFINITY, -INFINITY, 1.5};
  EXPECT_THAT(json_of(tensor("y", Datatype::fp64, {4}, values)), HasSubstr("[null,null,null,1.5]"));
}

TEST(InferResponseTest, StringsAreEscapedAndMadeFitForJson) {
  const std::string bytes("\3\0\0\0a\"\n\1\0\0\0\xff", 12);
  EXPECT_THAT(json_of(tensor("y", Datatype::bytes, {2}, bytes)),
              HasSubstr("[\"a\\\"\\n\",\"\uFFFD\"]"));
}

TEST(InferResponseTest, LargeArraysAreWhole) {
  std::vector<std::int64_t> values(10'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = INT64_MIN + static_cast<int>(i);
  const auto parsed =
      nlohmann::json::parse(json_of(tensor("y", Datatype::int64, {10'000}, values)));
  EXPECT_EQ(parsed["outputs"][0]["data"].get<std::vector<std::int64_t>>(), values);
}

TEST(InferResponseTest, ClassificationsAreStringsInEitherForm) {
  const std::array<float, 3> scores = {0.25F, 0.5F, 0};
  const std::array<std::string, 2> labels = {"cat", "dog"};
  OutputTensor output = tensor("y", Datatype::fp32, {1, 3}, scores);
  output.classes = 2;
  output.labels = labels;
  EXPECT_THAT(json_of(output), HasSubstr(R"("datatype":"BYTES","shape":[1,2],)"
                                         R"("data":["0.5:1:dog","0.25:0:cat"]})"));
  output.binary = true;
  auto response = write_infer_response({.model = "m"}, std::span(&output, 1));
  ASSERT_TRUE(response);
  const InferResponse moved = *std::move(response);
  EXPECT_EQ(moved.tail_bytes, 4U + 9 + 4 + 10);
  const std::string_view tail(reinterpret_cast<const char*>(moved.tail.at(0).data()),
                              moved.tail.at(0).size());
  EXPECT_EQ(tail, std::string_view("\x09\0\0\0"
                                   "0.5:1:dog\x0a\0\0\0"
                                   "0.25:0:cat",
                                   27));
}

// What a worker wrote is checked before it is sent.
TEST(InferResponseTest, BytesThatDoNotFitTheShapeAreAnError) {
  const std::array<float, 3> values{};
  EXPECT_THAT(json_of(tensor("y", Datatype::fp32, {4}, values)),
              HasSubstr("output 'y' has 12 bytes, which is not what its shape [4] of FP32 needs"));
  EXPECT_THAT(json_of(tensor("y", Datatype::fp32, {-1}, values)), HasSubstr("impossible shape"));
  EXPECT_THAT(json_of(tensor("y", Datatype::fp32, {INT64_MAX, 4}, values)),
              HasSubstr("impossible shape"));
  EXPECT_THAT(json_of(tensor("y", Datatype::bytes, {2}, std::string("\xff\xff\xff\xff", 4))),
              HasSubstr("does not hold the strings"));
  const std::array<std::uint16_t, 1> half{};
  EXPECT_THAT(json_of(tensor("y", Datatype::bf16, {1}, half)),
              HasSubstr("BF16, which JSON cannot carry"));
}

}  // namespace
}  // namespace headrace::oip
