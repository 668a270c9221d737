#include "oip/infer_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace headrace::oip {
namespace {

using testing::HasSubstr;

Signature signature(std::string_view inputs, std::string_view outputs) {
  return *read_signature(R"({"inputs":[)" + std::string(inputs) + R"(],"outputs":[)" +
                         std::string(outputs) + "]}");
}
// The two tensors in, two out, that the examples of tritonclient use.
Signature sums() {
  return signature(R"({"name":"INPUT0","datatype":"INT32","shape":[-1,16]},)"
                   R"({"name":"INPUT1","datatype":"INT32","shape":[-1,16]})",
                   R"({"name":"OUTPUT0","datatype":"INT32","shape":[-1,16]},)"
                   R"({"name":"OUTPUT1","datatype":"INT32","shape":[-1,16]})");
}
Signature one(std::string_view datatype, std::string_view shape = "[-1]") {
  return signature(R"({"name":"x","datatype":")" + std::string(datatype) + R"(","shape":)" +
                       std::string(shape) + "}",
                   R"({"name":"y","datatype":"FP32","shape":[-1]})");
}

Answer<InferRequest> read(const Signature& model, std::string_view json, std::size_t tail = 0) {
  return InferReader().read(std::string(json), tail, model);
}

template <class T>
std::vector<T> filled(const Signature& model, std::string_view json, std::size_t input = 0) {
  InferReader reader;
  const Answer<InferRequest> request = reader.read(std::string(json), 0, model);
  EXPECT_TRUE(request) << request.error().message;
  std::vector<T> values(request->inputs.at(input).bytes / sizeof(T));
  const Answer<Ok> done =
      reader.fill(*request, input, model, std::as_writable_bytes(std::span(values)));
  EXPECT_TRUE(done) << done.error().message;
  return values;
}

TEST(InferRequestTest, TakesTheFirstRequestOfTheProtocol) {
  const Signature model = signature(R"({"name":"input0","datatype":"UINT32","shape":[2,2]},)"
                                    R"({"name":"input1","datatype":"BOOL","shape":[3]})",
                                    R"({"name":"output0","datatype":"FP32","shape":[3,2]})");
  const std::string_view json = R"({
    "id" : "42",
    "inputs" : [
      { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "data" : [ 1, 2, 3, 4 ] },
      { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "data" : [ true, false, true ] }
    ],
    "outputs" : [ { "name" : "output0" } ]
  })";
  const Answer<InferRequest> request = read(model, json);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->id, "42");
  EXPECT_EQ(request->inputs.at(0).bytes, 16U);
  EXPECT_EQ(request->inputs.at(1).bytes, 3U);
  ASSERT_EQ(request->outputs.size(), 1U);
  EXPECT_FALSE(request->outputs[0].binary);
  EXPECT_EQ(filled<std::uint32_t>(model, json), (std::vector<std::uint32_t>{1, 2, 3, 4}));
  EXPECT_EQ(filled<std::uint8_t>(model, json, 1), (std::vector<std::uint8_t>{1, 0, 1}));
}

// tritonclient without outputs: everything binary, both ways.
TEST(InferRequestTest, TakesWhatThePythonClientSendsByDefault) {
  const Answer<InferRequest> request = read(
      sums(),
      R"({"id":"r1","inputs":[{"name":"INPUT1","shape":[1,16],"datatype":"INT32",)"
      R"("parameters":{"binary_data_size":64}},{"name":"INPUT0","shape":[1,16],)"
      R"("datatype":"INT32","parameters":{"binary_data_size":64}}],)"
      R"("parameters":{"sequence_id":0,"sequence_start":false,"sequence_end":false,)"
      R"("priority":2,"timeout":5000,"my_key":"mine","weight":0.5,"binary_data_output":true}})",
      128);
  ASSERT_TRUE(request) << request.error().message;
  // In the signature's order, each with its own place in the tail.
  EXPECT_EQ(request->inputs.at(0).tail_offset, 64U);
  EXPECT_EQ(request->inputs.at(1).tail_offset, 0U);
  EXPECT_EQ(request->inputs.at(0).source, InferInput::Source::tail);
  EXPECT_EQ(request->priority, 2U);
  EXPECT_EQ(request->timeout, std::chrono::milliseconds(5));
  ASSERT_EQ(request->outputs.size(), 2U);
  EXPECT_TRUE(request->outputs[0].binary && request->outputs[1].binary);
}

TEST(InferRequestTest, AnOutputsOwnWordOnBinaryDataWins) {
  const Answer<InferRequest> request =
      read(sums(),
           R"({"parameters":{"binary_data_output":true},)"
           R"("outputs":[{"name":"OUTPUT1","parameters":{"binary_data":false,"classification":3}},)"
           R"({"name":"OUTPUT0"}],)"
           R"("inputs":[{"name":"INPUT0","shape":[1,16],"datatype":"INT32",)"
           R"("parameters":{"binary_data_size":64}},{"name":"INPUT1","shape":[1,16],)"
           R"("datatype":"INT32","data":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}]})",
           64);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->outputs.at(0).index, 1U);
  EXPECT_FALSE(request->outputs.at(0).binary);
  EXPECT_EQ(request->outputs.at(0).classes, 3U);
  EXPECT_TRUE(request->outputs.at(1).binary);
  EXPECT_EQ(request->inputs.at(1).source, InferInput::Source::json);
}

// KServe's client flattens and sends "parameters" only sometimes; others send null for what is absent.
TEST(InferRequestTest, TakesNestedAndFlatDataAndNullForAbsent) {
  const Signature model = one("FP32", "[-1,2]");
  const std::vector<float> expected = {0.1F, -2, 3e10F, 0.25F};
  EXPECT_EQ(filled<float>(model, R"({"id":null,"parameters":null,"outputs":null,"inputs":[)"
                                 R"({"name":"x","shape":[2,2],"datatype":"FP32",)"
                                 R"("parameters":null,"data":[0.1,-2,3e10,0.25]}]})"),
            expected);
  EXPECT_EQ(filled<float>(model, R"({"model_name":"m","inputs":[{"data":[[0.1,-2],[3e10,0.25]],)"
                                 R"("datatype":"FP32","shape":[2,2],"name":"x"}]})"),
            expected);
}

TEST(InferRequestTest, StringsGetTheirLengthInFront) {
  const std::string_view json =
      R"({"inputs":[{"name":"x","shape":[3],"datatype":"BYTES","data":["a","","\u00e9\n"]}]})";
  EXPECT_EQ(filled<char>(one("BYTES"), json),
            (std::vector<char>{1, 0, 0, 0, 'a', 0, 0, 0, 0, 3, 0, 0, 0, '\xc3', '\xa9', '\n'}));
}

struct Wrong {
  std::string json;
  const char* sentence;
  Refusal::Kind kind = Refusal::Kind::invalid;
};

std::string x(std::string_view fields) {
  return R"({"inputs":[{"name":"x",)" + std::string(fields) + "}]}";
}
std::string with(std::string_view more) {
  return R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1,2]}],)" +
         std::string(more) + "}";
}

TEST(InferRequestTest, RefusesWithASentence) {
  constexpr auto kUnsupported = Refusal::Kind::unsupported;
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  const std::vector<Wrong> cases = {
      {"", "no valid JSON"},
      {"7", "must be a JSON object"},
      {"[]", "must be a JSON object"},
      {"{}", "input 'x' is missing; the model's inputs are 'x'"},
      {"{\"inputs\":[]", "no valid JSON"},
      {with("\"id\":\"a\"") + "{}", "no valid JSON"},
      {R"({"inputs":{}})", "'inputs' must be an array"},
      {R"({"inputs":[7]})", "an input must be an object"},
      {R"({"inputs":[],"inputs":[]})", "gives 'inputs' twice"},
      {x(R"("datatype":"FP32","data":[1])"), "'x' has no shape"},
      {x(R"("shape":[2],"datatype":"FP32")"), "exactly one of data and"},
      {x(R"("shape":[2],"datatype":"FP32","data":[1,2],"parameters":{"binary_data_size":8})"),
       "exactly one of data and"},
      {x(R"("shape":[2],"datatype":"FP32","data":[1,2],"data":[1,2])"), "gives 'data' twice"},
      {x(R"("shape":[2],"datatype":"FP32","data":7)"), "data of an input must be an array"},
      {x(R"("shape":[2],"datatype":"FP64","data":[1,2])"), "the model takes 'FP32'"},
      {x(R"("shape":[2,1],"datatype":"FP32","data":[1,2])"), "the model takes [?]"},
      {x(R"("shape":[2.5],"datatype":"FP32","data":[1,2])"), "whole numbers"},
      {x(R"("shape":[-1],"datatype":"FP32","data":[1,2])"), "at least 1"},
      {x(R"("shape":[1,1,1,1,1,1,1,1,1],"datatype":"FP32","data":[1])"), "more than 8"},
      {x(R"("shape":[99999999999999999999],"datatype":"FP32","data":[1])"), "whole numbers"},
      {x(R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":-8})"),
       "'binary_data_size' must be a whole number"},
      {x(R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":"8"})"),
       "'binary_data_size' must be a whole number"},
      {x(R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":7})"),
       "shape [2] of FP32 has 8 bytes"},
      {x(R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8})"),
       "the binary inputs have 8 bytes, but 0 follow the JSON"},
      {x(R"("shape":[2],"datatype":"FP32","parameters":{"shared_memory_region":"r"})"),
       "client shared memory is not supported", kUnsupported},
      {x(R"("shape":[2],"datatype":"FP32","data":[1,2]},{"name":"x","shape":[2],)"
         R"("datatype":"FP32","data":[1,2])"),
       "'x' is given twice"},
      {x(R"("shape":[2],"datatype":"FP32","data":[1,2]},{"name":"z","shape":[2],)"
         R"("datatype":"FP32","data":[1,2])"),
       "no input 'z'; its inputs are 'x'"},
      {with(R"("outputs":[{"name":"z"}])"), "no output 'z'; its outputs are 'y'"},
      {with(R"("outputs":[{"name":"y"},{"name":"y"}])"), "'y' is asked for twice"},
      {with(R"("outputs":[{"name":"y","parameters":{"shared_memory_offset":0}}])"),
       "client shared memory is not supported", kUnsupported},
      {with(R"("outputs":[{"name":"y","parameters":{"binary_data":1}}])"), "true or false"},
      {with(R"("outputs":[{"name":"y","parameters":{"classification":1000001}}])"), "more than"},
      {with(R"("parameters":{"sequence_id":7})"), "sequences are not supported", kUnsupported},
      {with(R"("parameters":{"sequence_id":"a"})"), "sequences are not supported", kUnsupported},
      {with(R"("parameters":{"sequence_start":true})"), "sequences are not supported",
       kUnsupported},
      {with(R"("parameters":{"priority":-1})"), "'priority' must be a whole number"},
      {with(R"("parameters":{"mine":[1]})"), "'mine' must be a string, a number or a boolean"},
      {with(R"("parameters":{"mine":nul})"), "no valid JSON"},
      {with(R"("id":7)"), "'id' must be a string"},
      {with(R"("id":")" + std::string(1025, 'i') + "\""), "'id' is longer than 1024 bytes"},
      {with(R"("more":)" + deep), "nested more than 64 deep"},
      {with(R"("more":[1,2}])"), "no valid JSON"},
      {with(R"("more":01)"), "no valid JSON"},
      {with("\"more\":\"\xff\""), "no valid JSON"},
  };
  const Signature model = one("FP32");
  for (const Wrong& wrong : cases) {
    const Answer<InferRequest> request = read(model, wrong.json);
    ASSERT_FALSE(request) << wrong.json;
    EXPECT_THAT(request.error().message, HasSubstr(wrong.sentence)) << wrong.json;
    EXPECT_EQ(request.error().kind, wrong.kind) << wrong.json;
  }
}

TEST(InferRequestTest, TakesTheValuesThatStandForNoSequence) {
  const Signature model = one("FP32");
  EXPECT_TRUE(read(model, with(R"("parameters":{"sequence_id":"","sequence_end":false})")));
  EXPECT_TRUE(read(model, with(R"("parameters":{"sequence_id":0,"sequence_start":0})")));
}

TEST(InferRequestTest, TheTailMustBeExactlyWhatTheInputsNeed) {
  const std::string json =
      x(R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8})");
  EXPECT_TRUE(read(one("FP32"), json, 8));
  for (const std::size_t tail : {0U, 7U, 9U}) EXPECT_FALSE(read(one("FP32"), json, tail)) << tail;
}

// 1 GiB, said in a few bytes.
TEST(InferRequestTest, AShapeWithoutTheDataForItIsRefusedBeforeAnythingIsAllocated) {
  const Signature model = one("FP32", "[-1,-1,-1]");
  EXPECT_THAT(
      read(model, x(R"("shape":[1024,1024,256],"datatype":"FP32","data":[1])")).error().message,
      HasSubstr("too short for the 268435456 values"));
  EXPECT_THAT(read(model, x(R"("shape":[9223372036854775807,4,4],"datatype":"FP32","data":[1])"))
                  .error()
                  .message,
              HasSubstr("no computer holds"));
  EXPECT_THAT(read(model,
                   x(R"("shape":[1024,1024,256],"datatype":"FP32",)"
                     R"("parameters":{"binary_data_size":1073741824})"),
                   100)
                  .error()
                  .message,
              HasSubstr("1073741824 bytes, but 100 follow"));
  EXPECT_THAT(read(model,
                   x(R"("shape":[1,1,1],"datatype":"FP32",)"
                     R"("parameters":{"binary_data_size":18446744073709551615})"),
                   3)
                  .error()
                  .message,
              HasSubstr("has 4 bytes"));
}

TEST(InferRequestTest, SizesOfStringsMayNotOverflowTogether) {
  const Signature model = signature(R"({"name":"a","datatype":"BYTES","shape":[-1]},)"
                                    R"({"name":"b","datatype":"BYTES","shape":[-1]})",
                                    R"({"name":"y","datatype":"FP32","shape":[1]})");
  const std::string size = R"("parameters":{"binary_data_size":9223372036854775810})";
  EXPECT_THAT(read(model,
                   R"({"inputs":[{"name":"a","shape":[1],"datatype":"BYTES",)" + size +
                       R"(},{"name":"b","shape":[1],"datatype":"BYTES",)" + size + "}]}",
                   4)
                  .error()
                  .message,
              HasSubstr("too large"));
}

TEST(InferRequestTest, IsBoundedInNumbers) {
  std::string many = R"({"inputs":[)";
  for (int i = 0; i < 257; ++i) many += i == 0 ? "{}" : ",{}";
  EXPECT_THAT(read(one("FP32"), many + "]}").error().message, HasSubstr("more than 256 inputs"));
}

TEST(InferRequestTest, ShortFloatsTravelInBinaryOnly) {
  for (const char* type : {"FP16", "BF16"}) {
    const std::string fields = R"("shape":[2],"datatype":")" + std::string(type) + R"(",)";
    EXPECT_THAT(read(one(type), x(fields + R"("data":[1,2])")).error().message,
                HasSubstr("JSON cannot carry: send it as binary data"));
    EXPECT_TRUE(read(one(type), x(fields + R"("parameters":{"binary_data_size":4})"), 4));
  }
  const Signature halves = signature(R"({"name":"x","datatype":"FP32","shape":[2]})",
                                     R"({"name":"y","datatype":"FP16","shape":[2]})");
  EXPECT_THAT(read(halves, with("\"id\":\"\"")).error().message,
              HasSubstr("ask for it with parameter 'binary_data' true"));
  EXPECT_TRUE(read(halves, with(R"("parameters":{"binary_data_output":true})")));
  EXPECT_TRUE(read(halves, with(R"("outputs":[{"name":"y","parameters":{"classification":1}}])")));
}

// For a model that takes files, what stands in its signature is not what BYTES are for.
Answer<InferRequest> read_file(std::string_view json, std::size_t tail) {
  return InferReader().read(std::string(json), tail, one("FP32"), true);
}

TEST(FileRequestTest, OneElementOfBytesIsAFileUnderAnyName) {
  const auto request = read_file(
      R"({"id":"7","inputs":[{"name":"image","datatype":"BYTES","shape":[1,1],)"
      R"("parameters":{"binary_data_size":104}}],"parameters":{"binary_data_output":true}})",
      104);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_TRUE(request->file);
  EXPECT_EQ(request->id, "7");
  ASSERT_EQ(request->inputs.size(), 1U);
  EXPECT_EQ(request->inputs[0].bytes, 104U);
  ASSERT_EQ(request->outputs.size(), 1U);
  EXPECT_TRUE(request->outputs[0].binary);
}

TEST(FileRequestTest, AnyOtherRequestIsOneForTheModel) {
  const auto request =
      read_file(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1,2]}]})", 0);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_FALSE(request->file);
  EXPECT_FALSE(read(one("FP32"),
                    R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[1],)"
                    R"("parameters":{"binary_data_size":104}}]})",
                    104));
}

TEST(FileRequestTest, RefusesWithASentence) {
  const auto sentence = [](const std::string& fields, std::size_t tail,
                           const std::string& more = "") {
    const auto request = read_file(
        R"({"inputs":[{"name":"image","datatype":"BYTES",)" + fields + "}]" + more + "}", tail);
    return request ? "" : request.error().message;
  };
  const std::string sized = R"("shape":[1],"parameters":{"binary_data_size":9})";
  EXPECT_EQ(sentence(sized, 9), "");
  EXPECT_EQ(sentence(sized, 9, R"(,"outputs":[{"name":"result"}])"), "");
  EXPECT_THAT(sentence(sized, 9, R"(,"outputs":[{"name":"y"}])"), HasSubstr("'result'"));
  EXPECT_THAT(sentence(sized, 8), HasSubstr("8 bytes follow the JSON"));
  EXPECT_THAT(sentence(R"("shape":[1],"data":["x"])", 0), HasSubstr("JSON cannot carry"));
  EXPECT_THAT(sentence(R"("shape":[2],"parameters":{"binary_data_size":9})", 9),
              HasSubstr("its shape is [1]"));
  EXPECT_THAT(sentence(R"("shape":[1],"parameters":{"binary_data_size":4})", 4),
              HasSubstr("empty picture"));
}

TEST(RawRequestTest, TheBodySettlesTheOneOpenDimension) {
  const Answer<InferRequest> request = read_raw(1'204'224, one("FP32", "[-1,3,224,224]"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->inputs.at(0).shape.to_string(), "[2, 3, 224, 224]");
  EXPECT_EQ(request->inputs.at(0).bytes, 1'204'224U);
  EXPECT_TRUE(request->outputs.at(0).binary);
  EXPECT_TRUE(read_raw(12, one("FP32", "[3]")));
}

TEST(RawRequestTest, AStringIsTheWholeBody) {
  const Answer<InferRequest> request = read_raw(100, one("BYTES", "[-1]"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->inputs.at(0).source, InferInput::Source::tail_as_element);
  EXPECT_EQ(request->inputs.at(0).bytes, 104U);
  EXPECT_EQ(request->inputs.at(0).elements, 1U);
}

TEST(RawRequestTest, RefusesWhatHasNoOneAnswer) {
  EXPECT_THAT(read_raw(64, sums()).error().message, HasSubstr("has 2 inputs"));
  EXPECT_THAT(read_raw(64, one("FP32", "[-1,-1]")).error().message, HasSubstr("more than one"));
  for (const std::size_t bytes : {0U, 11U, 16U})
    EXPECT_FALSE(read_raw(bytes, one("FP32", "[3]"))) << bytes;
  EXPECT_FALSE(read_raw(13, one("FP32", "[-1,3]")));
  EXPECT_FALSE(read_raw(8, one("BYTES", "[2]")));
  EXPECT_FALSE(read_raw(8, one("FP32", "[-1,9223372036854775807]")));
}

TEST(DivideBodyTest, TheHeaderSaysWhereTheJsonEnds) {
  const auto parts = divide_body("40", 100, 1000);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->json_bytes, 40U);
  EXPECT_EQ(parts->tail_bytes, 60U);
  EXPECT_EQ(divide_body(std::nullopt, 100, 1000)->json_bytes, 100U);
  EXPECT_TRUE(divide_body("0", 100, 1000)->raw);
  EXPECT_EQ(divide_body("100", 100, 1000)->tail_bytes, 0U);
}

TEST(DivideBodyTest, RefusesLengthsThatCannotBe) {
  for (const char* value : {"", "-1", "101", "4x", " 4", "99999999999999999999", "0x10"})
    EXPECT_EQ(http_status(divide_body(value, 100, 1000).error().kind), 400) << value;
  EXPECT_FALSE(divide_body(std::nullopt, 0, 1000));
  EXPECT_EQ(http_status(divide_body(std::nullopt, 1001, 1000).error().kind), 413);
  EXPECT_TRUE(divide_body("1000", 5000, 1000));
}

TEST(CheckTailTest, LooksAtWhatSizesDoNotTell) {
  const Answer<InferRequest> bools = read_raw(3, one("BOOL"));
  const std::array<std::byte, 3> good = {std::byte{1}, std::byte{0}, std::byte{1}};
  const std::array<std::byte, 3> bad = {std::byte{1}, std::byte{2}, std::byte{1}};
  EXPECT_TRUE(check_tail("x", bools->inputs.at(0), good));
  EXPECT_THAT(check_tail("x", bools->inputs.at(0), bad).error().message, HasSubstr("0 nor 1"));

  const Answer<InferRequest> strings = read(
      one("BYTES"), x(R"("shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":9})"), 9);
  ASSERT_TRUE(strings) << strings.error().message;
  const std::string two("\1\0\0\0a\0\0\0\0", 9);
  const std::string one_long("\5\0\0\0abcde", 9);
  const std::string cut("\6\0\0\0abcde", 9);
  const auto refused = [&](const std::string& bytes) {
    const auto done = check_tail("x", strings->inputs.at(0), std::as_bytes(std::span(bytes)));
    return done ? "" : done.error().message;
  };
  EXPECT_EQ(refused(two), "");
  EXPECT_THAT(refused(one_long), HasSubstr("holds 1 elements"));
  EXPECT_THAT(refused(cut), HasSubstr("middle of an element"));
  EXPECT_FALSE(read(one("BYTES"),
                    x(R"("shape":[3],"datatype":"BYTES","parameters":{"binary_data_size":9})"), 9));
}

// A reader is used for one request after the other, whatever became of the last.
TEST(InferReaderTest, IsGoodAfterARefusalAndAfterALargeRequest) {
  const Signature model = one("FP32");
  InferReader reader;
  EXPECT_FALSE(reader.read("{\"inputs\":[{\"name\":", 0, model));
  std::string many = R"({"inputs":[{"name":"x","shape":[1000000],"datatype":"FP32","data":[0)";
  for (int i = 1; i < 1'000'000; ++i) many += ",1";
  const Answer<InferRequest> large = reader.read(many + "]}]}", 0, model);
  ASSERT_TRUE(large) << large.error().message;
  const Answer<InferRequest> small = reader.read(with("\"id\":\"s\""), 0, model);
  ASSERT_TRUE(small);
  std::vector<float> values(1'000'000);
  ASSERT_TRUE(reader.fill(*large, 0, model, std::as_writable_bytes(std::span(values))));
  EXPECT_EQ(values.back(), 1);
  ASSERT_TRUE(reader.fill(*small, 0, model, std::as_writable_bytes(std::span(values).first(2))));
  EXPECT_EQ(values[1], 2);
}

}  // namespace
}  // namespace headrace::oip
