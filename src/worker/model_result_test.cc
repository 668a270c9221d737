#include "worker/model_result.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace headrace::worker {
namespace {

using engine::Shape;
using engine::Tensor;
using nlohmann::json;

template <class T>
Tensor tensor(engine::DType type, std::vector<std::int64_t> dims, const std::vector<T>& values) {
  return {.type = type, .shape = *Shape::of(dims), .data = std::as_bytes(std::span(values))};
}

struct Written {
  std::vector<char> room = std::vector<char>(4096);
  Item item{.input = "x", .result = room, .error = {}};
  json value() const { return json::parse(std::string(room.data(), item.bytes)); }
  std::string message() const { return {room.data(), item.bytes}; }
};

const std::vector<engine::TensorInfo> kInfo = {{.name = "scores", .type = HR_F32, .shape = {}}};

model::Output classification(unsigned top_k, bool softmax, std::vector<std::string> labels = {}) {
  model::Output output;
  output.kind = model::OutputKind::classification;
  output.top_k = top_k;
  output.softmax = softmax;
  output.labels = std::move(labels);
  return output;
}

TEST(Classification, NamesTheBestClassesOfItsOwnRow) {
  const std::vector<float> values = {9, 9, 9, 0.1F, 0.7F, 0.2F};
  const Tensor scores = tensor(HR_F32, {2, 3}, values);
  Written w;
  write_result(classification(2, false, {"a", "b", "c"}), kInfo, {&scores, 1}, 1, 2, w.item);
  ASSERT_FALSE(w.item.error);
  EXPECT_EQ(w.value()["label"], "b");
  EXPECT_EQ(w.value()["top"].size(), 2U);
  EXPECT_EQ(w.value()["top"][1]["class"], 2);
  EXPECT_EQ(w.value()["top"][1]["label"], "c");
}

TEST(Classification, SoftmaxTurnsLogitsIntoSharesOfOne) {
  const std::vector<float> values = {1000, 1000, 990, -1000};
  const Tensor scores = tensor(HR_F32, {1, 4}, values);
  Written w;
  write_result(classification(4, true), kInfo, {&scores, 1}, 0, 1, w.item);
  double sum = 0;
  const json value = w.value();
  for (const auto& entry : value["top"]) sum += entry["score"].get<double>();
  EXPECT_NEAR(sum, 1.0, 1e-6);
  EXPECT_NEAR(w.value()["score"].get<double>(), 0.5, 1e-4);
  EXPECT_EQ(w.value()["top"][0]["class"], 0) << "of equals the first";
}

TEST(Classification, NotANumberComesLastAndIsNull) {
  const std::vector<float> values = {NAN, 0.5F, NAN};
  const Tensor scores = tensor(HR_F32, {1, 3}, values);
  Written w;
  write_result(classification(3, false), kInfo, {&scores, 1}, 0, 1, w.item);
  EXPECT_EQ(w.value()["top"][0]["class"], 1);
  EXPECT_TRUE(w.value()["top"][2]["score"].is_null());
}

TEST(Classification, AWrongNumberOfLabelsFailsTheItem) {
  const std::vector<float> values = {1, 2, 3};
  const Tensor scores = tensor(HR_F32, {1, 3}, values);
  Written w;
  write_result(classification(1, false, {"a", "b"}), kInfo, {&scores, 1}, 0, 1, w.item);
  EXPECT_EQ(w.item.error, ItemError::infer_failed);
  EXPECT_NE(w.message().find("3 scores"), std::string::npos);
}

TEST(Raw, GivesEveryOutputOfTheItemWithoutItsBatch) {
  const std::vector<float> floats = {1, 2, 3, 4};
  const std::vector<std::int64_t> longs = {-5, 6};
  const std::array tensors = {tensor(HR_F32, {2, 2}, floats), tensor(HR_I64, {2, 1}, longs)};
  const std::vector<engine::TensorInfo> infos = {{.name = "f", .type = HR_F32, .shape = {}},
                                                 {.name = "n", .type = HR_I64, .shape = {}}};
  Written w;
  write_result(model::Output{}, infos, tensors, 1, 2, w.item);
  EXPECT_EQ(w.value(), json::parse(R"({"outputs":[
      {"name":"f","datatype":"FP32","shape":[2],"data":[3.0,4.0]},
      {"name":"n","datatype":"INT64","shape":[1],"data":[6]}]})"));
}

TEST(Raw, ReadsHalfFloats) {
  const std::vector<std::uint16_t> halves = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x7C00};
  const Tensor half = tensor(HR_F16, {1, 5}, halves);
  Written w;
  write_result(model::Output{}, kInfo, {&half, 1}, 0, 1, w.item);
  const json data = w.value()["outputs"][0]["data"];
  EXPECT_EQ(data[0], 1.0);
  EXPECT_EQ(data[1], -2.0);
  EXPECT_NEAR(data[2].get<double>(), 5.9604645e-8, 1e-14);
  EXPECT_EQ(data[3], 65504.0);
  EXPECT_TRUE(data[4].is_null());
}

TEST(Raw, AResultThatDoesNotFitSaysWhatToDo) {
  const std::vector<float> values(2000, 0.123456F);
  const Tensor big = tensor(HR_F32, {1, 2000}, values);
  Written w;
  write_result(model::Output{}, kInfo, {&big, 1}, 0, 1, w.item);
  EXPECT_EQ(w.item.error, ItemError::result_too_large);
  EXPECT_NE(w.message().find("--result-bytes"), std::string::npos);
}

TEST(Raw, AnOutputWithoutTheBatchInFrontFailsTheItem) {
  const std::vector<float> values = {1, 2, 3};
  const Tensor odd = tensor(HR_F32, {3}, values);
  Written w;
  write_result(model::Output{}, kInfo, {&odd, 1}, 0, 2, w.item);
  EXPECT_EQ(w.item.error, ItemError::infer_failed);
}

}  // namespace
}  // namespace headrace::worker
