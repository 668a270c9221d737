#include "infer_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace headrace::grpc_door {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using oip::Datatype;
using oip::Refusal;
using testing::ElementsAre;
using testing::HasSubstr;

oip::TensorSpec spec(const std::string& name, Datatype type, std::vector<std::int64_t> dims) {
  return {.name = name, .datatype = type, .shape = engine::Shape::of(dims).value()};
}

const oip::Signature& two_inputs() {
  static const oip::Signature signature{
      .inputs = {spec("a", Datatype::fp32, {-1, 2}), spec("b", Datatype::uint8, {-1})},
      .outputs = {spec("x", Datatype::fp32, {-1, 2}), spec("y", Datatype::fp32, {-1})}};
  return signature;
}

void add_input(ModelInferRequest& request, const std::string& name, const std::string& datatype,
               std::vector<std::int64_t> shape) {
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype(datatype);
  input.mutable_shape()->Add(shape.begin(), shape.end());
}

// b before a, which is not the model's order.
ModelInferRequest by_value() {
  ModelInferRequest request;
  request.set_id("seven");
  add_input(request, "b", "UINT8", {3});
  add_input(request, "a", "FP32", {1, 2});
  for (const unsigned value : {1U, 2U, 255U})
    request.mutable_inputs(0)->mutable_contents()->add_uint_contents(value);
  for (const float value : {0.5F, 1.5F})
    request.mutable_inputs(1)->mutable_contents()->add_fp32_contents(value);
  return request;
}

ModelInferRequest raw() {
  ModelInferRequest request;
  add_input(request, "b", "UINT8", {3});
  add_input(request, "a", "FP32", {1, 2});
  request.add_raw_input_contents("abc");
  request.add_raw_input_contents(std::string(8, '\1'));
  return request;
}

template <class T>
std::vector<T> filled(const ModelInferRequest& message, const oip::InferRequest& request,
                      std::size_t input, const oip::Signature& signature = two_inputs()) {
  std::vector<T> out(request.inputs[input].bytes / sizeof(T));
  EXPECT_TRUE(fill(message, request, input, signature, std::as_writable_bytes(std::span(out))));
  return out;
}

Refusal refusal(const ModelInferRequest& message, const oip::Signature& signature = two_inputs()) {
  const auto request = read_request(message, signature);
  EXPECT_FALSE(request);
  return request ? Refusal{} : request.error();
}

TEST(InferMessage, ValuesGoToTheInputsThatTheyAreNamedFor) {
  const ModelInferRequest message = by_value();
  const auto request = read_request(message, two_inputs());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->id, "seven");
  EXPECT_THAT(filled<float>(message, *request, 0), ElementsAre(0.5F, 1.5F));
  EXPECT_THAT(filled<std::uint8_t>(message, *request, 1), ElementsAre(1, 2, 255));
}

TEST(InferMessage, RawBytesAreTakenInTheOrderOfTheInputsOfTheRequest) {
  const ModelInferRequest message = raw();
  const auto request = read_request(message, two_inputs());
  ASSERT_TRUE(request);
  EXPECT_THAT(filled<char>(message, *request, 1), ElementsAre('a', 'b', 'c'));
  EXPECT_THAT(filled<char>(message, *request, 0), testing::Each('\1'));
}

TEST(InferMessage, AllOutputsAreWantedUnlessSomeAreNamed) {
  ModelInferRequest message = raw();
  ASSERT_EQ(read_request(message, two_inputs())->outputs.size(), 2U);
  auto& output = *message.add_outputs();
  output.set_name("y");
  (*output.mutable_parameters())["classification"].set_int64_param(3);
  const auto request = read_request(message, two_inputs());
  ASSERT_EQ(request->outputs.size(), 1U);
  EXPECT_EQ(request->outputs[0].index, 1U);
  EXPECT_EQ(request->outputs[0].classes, 3U);
  *message.add_outputs() = message.outputs(0);
  EXPECT_THAT(refusal(message).message, HasSubstr("asked for twice"));
}

TEST(InferMessage, PriorityAndTimeoutComeInAnyWholeNumber) {
  ModelInferRequest message = raw();
  (*message.mutable_parameters())["priority"].set_uint64_param(2);
  (*message.mutable_parameters())["timeout"].set_int64_param(1500);
  const auto request = read_request(message, two_inputs());
  EXPECT_EQ(request->priority, 2U);
  EXPECT_EQ(request->timeout.count(), 1500);
  (*message.mutable_parameters())["timeout"].set_int64_param(-1);
  EXPECT_THAT(refusal(message).message, HasSubstr("'timeout'"));
}

TEST(InferMessage, RawBytesAndContentsExcludeEachOther) {
  ModelInferRequest message = raw();
  message.mutable_inputs(1)->mutable_contents();
  EXPECT_THAT(refusal(message).message, HasSubstr("must not be"));
}

TEST(InferMessage, RefusesRawBytesOfTheWrongNumberOrSize) {
  ModelInferRequest message = raw();
  message.set_raw_input_contents(0, "ab");
  EXPECT_THAT(refusal(message).message, HasSubstr("has 2 bytes in raw_input_contents"));
  message.add_raw_input_contents("");
  EXPECT_THAT(refusal(message).message, HasSubstr("3 raw_input_contents for 2 inputs"));
  message.clear_raw_input_contents();
  EXPECT_THAT(refusal(message).message, HasSubstr("neither"));
}

TEST(InferMessage, RefusesContentsOfTheWrongNumberOrKind) {
  ModelInferRequest message = by_value();
  message.mutable_inputs(0)->mutable_contents()->add_uint_contents(4);
  EXPECT_THAT(refusal(message).message, HasSubstr("has 4 values"));
  message = by_value();
  message.mutable_inputs(0)->mutable_contents()->clear_uint_contents();
  message.mutable_inputs(0)->mutable_contents()->add_int_contents(4);
  EXPECT_THAT(refusal(message).message, HasSubstr("has 0 values"));
}

TEST(InferMessage, RefusesAValueThatItsTypeCannotHold) {
  ModelInferRequest message = by_value();
  message.mutable_inputs(0)->mutable_contents()->set_uint_contents(2, 256);
  const auto request = read_request(message, two_inputs());
  ASSERT_TRUE(request);
  std::vector<std::byte> out(3);
  const auto done = fill(message, *request, 1, two_inputs(), out);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("holds 256, which is no UINT8"));
}

TEST(InferMessage, HalfPrecisionIsRawOnly) {
  const oip::Signature half{.inputs = {spec("a", Datatype::fp16, {2})},
                            .outputs = {spec("x", Datatype::fp16, {2})}};
  ModelInferRequest message;
  add_input(message, "a", "FP16", {2});
  message.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  EXPECT_THAT(refusal(message, half).message, HasSubstr("raw_input_contents"));
  message.mutable_inputs(0)->clear_contents();
  message.add_raw_input_contents("abcd");
  EXPECT_TRUE(read_request(message, half));
}

TEST(InferMessage, RawBooleansAreZeroOrOne) {
  const oip::Signature flags{.inputs = {spec("a", Datatype::boolean, {2})},
                             .outputs = {spec("x", Datatype::boolean, {2})}};
  ModelInferRequest message;
  add_input(message, "a", "BOOL", {2});
  message.add_raw_input_contents(std::string("\1\2", 2));
  const auto request = read_request(message, flags);
  ASSERT_TRUE(request);
  std::vector<std::byte> out(2);
  EXPECT_FALSE(fill(message, *request, 0, flags, out));
}

TEST(InferMessage, SaysWhatIsNotSupported) {
  ModelInferRequest message = raw();
  (*message.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("r");
  EXPECT_EQ(refusal(message).kind, Refusal::Kind::unsupported);
  message = raw();
  (*message.mutable_parameters())["sequence_id"].set_int64_param(4);
  EXPECT_EQ(refusal(message).kind, Refusal::Kind::unsupported);
  (*message.mutable_parameters())["sequence_id"].set_int64_param(0);
  (*message.mutable_parameters())["sequence_start"].set_bool_param(false);
  EXPECT_TRUE(read_request(message, two_inputs()));
}

TEST(InferMessage, SizesArePlannedBeforeAnythingIsCopied) {
  const auto request = read_request(raw(), two_inputs());
  const auto laid = lay_out(*request);
  ASSERT_TRUE(laid);
  ASSERT_EQ(laid->parts.size(), 2U);
  EXPECT_EQ(laid->parts[0].tensor.bytes, 8U);
  EXPECT_GE(laid->bytes, laid->parts[1].tensor.offset + 3);
}

TEST(InferMessage, OneElementOfBytesIsAPicture) {
  ModelInferRequest message;
  add_input(message, "whatever", "BYTES", {1, 1});
  message.add_raw_input_contents(std::string("\3\0\0\0abc", 7));
  auto picture = read_picture(message);
  ASSERT_TRUE(picture && *picture);
  EXPECT_EQ(**picture, "abc");
  message.set_raw_input_contents(0, std::string("\4\0\0\0abc", 7));
  EXPECT_FALSE(*read_picture(message));
  message.clear_raw_input_contents();
  EXPECT_FALSE(*read_picture(message));
  message.mutable_inputs(0)->mutable_contents()->add_bytes_contents("abcd");
  EXPECT_EQ(**read_picture(message), "abcd");
  message.add_outputs()->set_name("scores");
  EXPECT_FALSE(*read_picture(message));
  EXPECT_FALSE(read_picture(raw()));
}

TEST(InferMessage, EachOutputHasItsRawEntry) {
  const std::vector<float> scores = {0.25F, 0.75F};
  const std::vector<std::string> labels = {"cat", "dog"};
  oip::OutputTensor output{.name = "x",
                           .datatype = Datatype::fp32,
                           .shape = engine::Shape::of(std::vector<std::int64_t>{1, 2}).value(),
                           .bytes = std::as_bytes(std::span(scores)),
                           .labels = labels};
  ModelInferResponse response;
  ASSERT_TRUE(write_outputs({&output, 1}, response));
  EXPECT_EQ(response.raw_output_contents(0).size(), 8U);
  EXPECT_EQ(response.outputs(0).datatype(), "FP32");
  output.classes = 1;
  ASSERT_TRUE(write_outputs({&output, 1}, response));
  EXPECT_EQ(response.outputs(1).datatype(), "BYTES");
  EXPECT_THAT(response.outputs(1).shape(), ElementsAre(1, 1));
  EXPECT_THAT(response.raw_output_contents(1), HasSubstr(":1:dog"));
}

TEST(InferMessage, APictureIsAnsweredWithJson) {
  ModelInferResponse response;
  write_json("{}", response);
  EXPECT_EQ(response.outputs(0).name(), "result");
  EXPECT_EQ(response.raw_output_contents(0), std::string("\2\0\0\0{}", 6));
}

}  // namespace
}  // namespace headrace::grpc_door
