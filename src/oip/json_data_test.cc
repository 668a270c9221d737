// The values of inputs in JSON: every number that a type has comes through, and no other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "oip/infer_request.h"
#include "oip/infer_response.h"

namespace headrace::oip {
namespace {

using testing::HasSubstr;

Signature model_of(Datatype type) {
  const std::string tensor =
      R"({"name":"x","datatype":")" + std::string(name_of(type)) + R"(","shape":[-1]})";
  return *read_signature(R"({"inputs":[)" + tensor + R"(],"outputs":[)" + tensor + "]}");
}

std::string request_of(Datatype type, std::size_t count, std::string_view data) {
  return R"({"inputs":[{"name":"x","shape":[)" + std::to_string(count) + R"(],"datatype":")" +
         std::string(name_of(type)) + R"(","data":)" + std::string(data) + "}]}";
}

// The bytes of the data in binary form, or the sentence that refuses it.
std::string converted(Datatype type, std::size_t count, std::string_view data) {
  const Signature model = model_of(type);
  InferReader reader;
  const auto request = reader.read(request_of(type, count, data), 0, model);
  if (!request) return request.error().message;
  std::string bytes(request->inputs.at(0).bytes, '?');
  const auto done = reader.fill(*request, 0, model, std::as_writable_bytes(std::span(bytes)));
  return done ? bytes : done.error().message;
}

// As the response writes it: flat, between brackets.
std::string written(Datatype type, std::size_t count, std::string_view bytes) {
  const std::array<std::int64_t, 1> dims = {static_cast<std::int64_t>(count)};
  const std::array<OutputTensor, 1> outputs = {{{.name = "x",
                                                 .datatype = type,
                                                 .shape = engine::Shape::of(dims).value(),
                                                 .bytes = std::as_bytes(std::span(bytes))}}};
  const Result<InferResponse> response = write_infer_response({.model = "m"}, outputs);
  if (!response) return response.error().message;
  const std::size_t begin = response->json.find("\"data\":") + 7;
  return response->json.substr(begin, response->json.size() - begin - 3);
}

template <class T>
std::vector<T> interesting(std::mt19937_64& random) {
  std::vector<T> values = {T{}, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                           std::numeric_limits<T>::lowest()};
  if constexpr (std::is_floating_point_v<T>) {
    values.insert(values.end(), {T(-0.0), std::numeric_limits<T>::denorm_min(), T(0.1), T(1) / 3});
  }
  while (values.size() < 3000) {
    T value{};
    const std::uint64_t bits = random();
    std::memcpy(&value, &bits, sizeof value);
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) continue;
    }
    values.push_back(value);
  }
  return values;
}

template <class T>
void expect_same_both_ways(Datatype type) {
  std::mt19937_64 random(7);
  const std::vector<T> values = interesting<T>(random);
  const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  const std::string json = written(type, values.size(), bytes);
  EXPECT_TRUE(converted(type, values.size(), json) == bytes) << name_of(type);
}

TEST(JsonDataTest, EveryNumberComesBackAsItWasWritten) {
  expect_same_both_ways<std::uint8_t>(Datatype::uint8);
  expect_same_both_ways<std::uint16_t>(Datatype::uint16);
  expect_same_both_ways<std::uint32_t>(Datatype::uint32);
  expect_same_both_ways<std::uint64_t>(Datatype::uint64);
  expect_same_both_ways<std::int8_t>(Datatype::int8);
  expect_same_both_ways<std::int16_t>(Datatype::int16);
  expect_same_both_ways<std::int32_t>(Datatype::int32);
  expect_same_both_ways<std::int64_t>(Datatype::int64);
  expect_same_both_ways<float>(Datatype::fp32);
  expect_same_both_ways<double>(Datatype::fp64);
}

TEST(JsonDataTest, EveryTruthAndStringComesBackAsItWasWritten) {
  const std::string truths("\1\0\0\1", 4);
  EXPECT_EQ(written(Datatype::boolean, 4, truths), "[true,false,false,true]");
  EXPECT_EQ(converted(Datatype::boolean, 4, "[true,false,false,true]"), truths);

  std::mt19937_64 random(7);
  std::string bytes;
  for (int i = 0; i < 500; ++i) {
    std::string text;
    while (text.size() < random() % 40) text += static_cast<char>(random() % 128);
    const auto size = static_cast<std::uint32_t>(text.size());
    bytes.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
  }
  EXPECT_TRUE(converted(Datatype::bytes, 500, written(Datatype::bytes, 500, bytes)) == bytes);
}

TEST(JsonDataTest, NestingDoesNotMatter) {
  EXPECT_EQ(converted(Datatype::int8, 4, "[[1,2],[[3],4]]"), "\1\2\3\4");
  EXPECT_EQ(converted(Datatype::int8, 4, " [ 1 , [ 2, [], 3 ] ,\n4 ] "), "\1\2\3\4");
}

TEST(JsonDataTest, WholeNumbersMayBeWrittenAsFractions) {
  EXPECT_EQ(converted(Datatype::int8, 4, "[1.0,-2.0,3e0,-0.0]"), std::string("\1\xfe\3\0", 4));
  EXPECT_EQ(converted(Datatype::uint8, 3, "[255.0,2.5e1,0.0]"), std::string("\xff\x19\0", 3));
  EXPECT_EQ(converted(Datatype::uint64, 1, "[9007199254740992.0]"),
            std::string("\0\0\0\0\0\0\x20\0", 8));
  EXPECT_EQ(converted(Datatype::boolean, 5, "[1.0,0.0,1,0,true]"), std::string("\1\0\1\0\1", 5));
}

struct Wrong {
  Datatype type;
  const char* data;
  const char* sentence;
};

TEST(JsonDataTest, RefusesWhatTheTypeDoesNotHave) {
  const std::vector<Wrong> cases = {
      {Datatype::int8, "[1,300]", "'300', number 2 of its values, is no INT8: a whole number"},
      {Datatype::int8, "[1,-129]", "'-129', number 2 of its values, is no INT8"},
      {Datatype::uint8, "[1,-1]", "is no UINT8"},
      {Datatype::uint8, "[1,256]", "is no UINT8"},
      {Datatype::uint16, "[1,65536]", "is no UINT16"},
      {Datatype::int16, "[1,32768]", "is no INT16"},
      {Datatype::uint32, "[1,4294967296]", "is no UINT32"},
      {Datatype::int32, "[1,2147483648]", "is no INT32"},
      {Datatype::uint64, "[1,18446744073709551616]", "is no UINT64"},
      {Datatype::int64, "[1,9223372036854775808]", "is no INT64"},
      {Datatype::int32, "[1,1.5]", "'1.5', number 2 of its values, is no INT32"},
      {Datatype::int32, "[1,1e10]", "is no INT32"},
      {Datatype::uint8, "[1,-1.0]", "is no UINT8"},
      {Datatype::uint8, "[1,256.0]", "is no UINT8"},
      {Datatype::int64, "[1,9007199254740994.0]", "is no INT64"},
      {Datatype::uint64, "[1,1e19]", "is no UINT64"},
      {Datatype::int32, "[1,-0.5]", "is no INT32"},
      {Datatype::int32, "[1,true]", "'true', number 2 of its values, is no INT32"},
      {Datatype::int32, "[1,\"2\"]", "is no INT32"},
      {Datatype::int32, "[1,{}]", "is no INT32"},
      {Datatype::boolean, "[true,2]", "is no BOOL: true or false"},
      {Datatype::boolean, "[true,0.5]", "is no BOOL"},
      {Datatype::boolean, "[true,-1]", "is no BOOL"},
      {Datatype::boolean, "[true,nope]", "is no BOOL"},
      {Datatype::fp32, "[1,1e39]", "is no FP32: a finite number"},
      {Datatype::fp64, "[1,1e999]", "is no FP64"},
      {Datatype::fp32, "[1,null]", "'null', number 2 of its values, is no FP32"},
      {Datatype::fp32, "[1,NaN]", "'NaN', number 2 of its values, is no FP32"},
      {Datatype::fp32, "[1,-Infinity]", "is no FP32"},
      {Datatype::fp32, "[1,1.]", "is no FP32"},
      {Datatype::fp32, "[1,01]", "is no FP32"},
      {Datatype::fp32, "[1,2,3]", "more than the 2 values of its shape [2]"},
      {Datatype::fp32, "[1000]", "has 1 values, but its shape [2] has 2"},
      {Datatype::fp32, "[1]", "too short for the 2 values of its shape [2]"},
      {Datatype::fp32, "[1,2,]", "']', number 3 of its values, is no FP32"},
      {Datatype::fp32, "[1 2]", "no valid JSON"},
      {Datatype::bytes, "[\"a\",7]", "'7', number 2 of its values, is no BYTES: a string"},
      {Datatype::bytes, "[\"a\",\"\\ud800\"]", "no valid JSON"},
      {Datatype::bytes, "[\"abcdefg\"]", "has 1 values, but its shape [2] has 2"},
  };
  for (const Wrong& wrong : cases)
    EXPECT_THAT(converted(wrong.type, 2, wrong.data), HasSubstr(wrong.sentence)) << wrong.data;
}

TEST(JsonDataTest, IsNestedToABoundOnly) {
  const std::string open(60, '[');
  const std::string close(60, ']');
  EXPECT_EQ(converted(Datatype::int8, 1, open + "5" + close), "\5");
  EXPECT_THAT(converted(Datatype::int8, 1, "[[[" + open + "5" + close + "]]]"),
              HasSubstr("nested more than 64 deep"));
}

}  // namespace
}  // namespace headrace::oip
