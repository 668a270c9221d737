#include "worker/served_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "image/sample_jpeg.h"
#include "model/onnx_writer.h"
#include "shm/files_message.h"
#include "shm/served.h"
#include "sys/memory.h"
#include "sys/poller.h"
#include "worker/fake_feed.h"
#include "worker/loaded_model.h"
#include "worker/make_body.h"

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Dims = std::vector<std::int64_t>;

// What a client sent, in memory that is aligned as a body of the slots is.
struct Sent {
  AlignedBytes memory;
  std::size_t bytes = 0;
  std::string_view view() const { return {reinterpret_cast<const char*>(memory.get()), bytes}; }
};

Sent room_for(std::size_t bytes) {
  return {aligned_zeros(bytes), bytes};
}

Sent picture(std::string_view file) {
  Sent sent = room_for(shm::served_input_header(1) + file.size());
  shm::write_picture({sent.memory.get(), sent.bytes}, file.size());
  std::memcpy(sent.memory.get() + shm::served_input_header(1), file.data(), file.size());
  return sent;
}

struct Given {
  std::uint32_t input = 0;
  engine::DType type = HR_F32;
  Dims dims;
  std::string content;  // its bytes
};

// `astray`: how far each payload lies from where engines would like it.
Sent tensors(const std::vector<Given>& all, std::size_t astray = 0) {
  std::vector<shm::ServedPart> parts;
  for (const Given& given : all) {
    const auto tensor = shm::served_tensor(given.type, given.dims).value();
    EXPECT_EQ(tensor.bytes, given.content.size());
    parts.push_back({.input = given.input, .unused = 0, .tensor = tensor});
  }
  Sent sent = room_for(shm::lay_out(std::span(parts)).value() + astray);
  for (std::size_t i = 0; i < all.size(); ++i) {
    parts[i].tensor.offset += astray;
    std::memcpy(sent.memory.get() + parts[i].tensor.offset, all[i].content.data(),
                all[i].content.size());
  }
  shm::write_tensors({sent.memory.get(), sent.bytes}, parts);
  return sent;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// `rows` rows of floats [rows, 3, 8, 8], no two alike.
constexpr std::int64_t kRow = std::int64_t{3} * 8 * 8;
Given rows(std::int64_t count, int first = 0) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count * kRow; ++i)
    values.push_back(static_cast<float>(i) + 1000.0F * static_cast<float>(first));
  return {.input = 0, .type = HR_F32, .dims = {count, 3, 8, 8}, .content = bytes_of(values)};
}

// Items with these inputs, and what became of them.
struct Round {
  explicit Round(const std::vector<std::string_view>& inputs, std::size_t room = 64 << 10) {
    for (const std::string_view input : inputs) {
      slots.push_back(room_for(room));
      items.push_back({.input = input,
                       .result = {reinterpret_cast<char*>(slots.back().memory.get()), room},
                       .error = {}});
    }
  }
  Round& through(Body& body) {
    if (body.has_streams()) {
      ListFeed feed(items);
      body.work(feed);
      return *this;
    }
    for (std::size_t i = 0; i < items.size(); ++i) body.prepare(items[i], i);
    body.run(items);
    return *this;
  }
  std::string text(std::size_t i) const { return {items[i].result.data(), items[i].bytes}; }
  std::string message(std::size_t i = 0) const { return items[i].error ? text(i) : ""; }
  shm::ServedResult result(std::size_t i = 0) const {
    EXPECT_FALSE(items[i].error) << text(i);
    auto read = shm::read_served_result(bytes(i));
    EXPECT_TRUE(read) << read.error().message;
    return read ? *read : shm::ServedResult{};
  }
  std::span<const std::byte> bytes(std::size_t i) const {
    return std::as_bytes(items[i].result.first(items[i].bytes));
  }
  std::string content(std::size_t i, const shm::ServedOutput& output) const {
    const auto found = shm::payload(bytes(i), output.tensor);
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }
  std::vector<Sent> slots;
  std::vector<Item> items;
};

class ServedBodyTest : public testing::Test {
 protected:
  ServedBodyTest() {
    std::string pattern = (fs::temp_directory_path() / "served-body.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ServedBodyTest() override { fs::remove_all(folder_); }

  ModelSettings settings(const std::string& engine_text, model::InputKind kind,
                         unsigned streams = 1) const {
    ModelSettings settings;
    settings.model.file = folder_ / "it.fake";
    std::ofstream(settings.model.file) << engine_text << '\n';
    settings.model.engine = "fake";
    settings.model.input.kind = kind;
    settings.model.input.max_bytes = 32;
    settings.model.input.picture.width = settings.model.input.picture.height = 8;
    settings.model.input.picture.resize_to = 8;
    settings.engine_folders = {HEADRACE_TEST_ENGINE_FOLDER};
    settings.threads = settings.streams = streams;
    return settings;
  }
  static std::unique_ptr<Body> made(Result<std::unique_ptr<Body>> body) {
    EXPECT_TRUE(body) << body.error().message;
    return std::move(*body);
  }
  static std::unique_ptr<Body> serve(const ModelSettings& settings, unsigned batch = 1) {
    return made(make_served_body(settings, settings.streams * batch));
  }
  std::unique_ptr<Body> echo_rows(unsigned batch, unsigned streams = 1) const {
    return serve(settings("kind = echo", model::InputKind::image, streams), batch);
  }
  std::unique_ptr<Body> echo_tensors(const std::string& more) const {
    return serve(settings("kind = echo\n" + more, model::InputKind::tensors));
  }
  // The file of the first item, as a supervisor passes it to a worker over files.
  void pass(const std::string& content, Round& round) const {
    const sys::Fd file = std::move(*sys::sealed_text("test", content));
    round.items[0].token = 7;
    std::vector<char> message;
    shm::write_files_message(std::array{round.items[0].token}, message);
    ASSERT_TRUE(sys::send_message(control_.ours.get(), message, std::array{file.get()}));
  }
  fs::path file_with(const std::string& name, std::string_view content) const {
    fs::path file = folder_ / name;
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

  fs::path folder_;
  sys::ControlPair control_ = sys::make_control_pair();
};

TEST_F(ServedBodyTest, APictureBecomesWhatTheBodyOverFilesMakesOfIt) {
  for (const auto kind : {model::OutputKind::classification, model::OutputKind::raw}) {
    ModelSettings model = settings(
        kind == model::OutputKind::raw ? "kind = raw\noutput = 3" : "kind = classify\nclasses = 9",
        model::InputKind::image);
    model.model.output.kind = kind;
    for (const unsigned batch : {1U, 2U}) {
      const auto over_files = made(make_model_body(model, batch, control_.theirs.get()));
      const auto served = serve(model, batch);
      for (const std::string& file : {*image::sample_jpeg(40, 30), *image::sample_jpeg(90, 200)}) {
        Round expected({"a picture"});
        pass(file, expected);
        expected.through(*over_files);
        ASSERT_FALSE(expected.items[0].error) << expected.text(0);
        const Sent sent = picture(file);
        Round answer({sent.view()});
        answer.through(*served);
        EXPECT_EQ(answer.result().kind, shm::ServedResultKind::json);
        EXPECT_EQ(answer.result().json, expected.text(0));
      }
    }
  }
}

TEST_F(ServedBodyTest, BytesAreFedAsAFileWouldBe) {
  const ModelSettings bytes = settings("kind = raw", model::InputKind::bytes);
  Round expected({"some file"});
  pass("some bytes", expected);
  expected.through(*made(make_model_body(bytes, 1, control_.theirs.get())));
  const Sent sent = picture("some bytes"), large = picture(std::string(33, 'x'));
  Round answer({sent.view(), large.view()});
  answer.through(*serve(bytes, 2));
  EXPECT_EQ(answer.result().json, expected.text(0));
  EXPECT_EQ(answer.items[1].error, ItemError::too_large);
}

TEST_F(ServedBodyTest, RowsAreJoinedWhateverTheBatch) {
  for (const unsigned batch : {1U, 2U, 4U}) {
    for (const unsigned streams : {1U, 2U}) {
      const auto body = echo_rows(batch, streams);
      for (const std::int64_t count : {1, 3, 5}) {
        for (const std::size_t astray : {0U, 4U}) {
          const Given given = rows(count);
          const Sent sent = tensors({given}, astray);
          Round round({sent.view()});
          const auto result = round.through(*body).result();
          ASSERT_EQ(result.outputs.size(), 1U);
          EXPECT_EQ(shm::name_of(result.outputs[0]), "OUTPUT0");
          EXPECT_EQ(result.outputs[0].tensor.dtype, std::uint32_t{HR_F32});
          EXPECT_THAT(shm::dims_of(result.outputs[0].tensor), ElementsAre(count, 3, 8, 8));
          EXPECT_EQ(round.content(0, result.outputs[0]), given.content)
              << count << " rows in batches of " << batch;
        }
      }
    }
  }
}

TEST_F(ServedBodyTest, ItemsOfEveryFormShareARound) {
  const auto body = echo_rows(4);
  const std::string file = *image::sample_jpeg(40, 30);
  const Given one = rows(1, 1), three = rows(3, 2), other = rows(1, 3);
  const Sent a = tensors({one}), b = tensors({three}), c = picture(file), d = tensors({other}, 4);
  Round round({a.view(), b.view(), c.view(), d.view()});
  round.through(*body);
  EXPECT_EQ(round.content(0, round.result(0).outputs.at(0)), one.content);
  EXPECT_EQ(round.content(1, round.result(1).outputs.at(0)), three.content);
  EXPECT_THAT(std::string(round.result(2).json), StartsWith("{\"outputs\":["));
  EXPECT_EQ(round.content(3, round.result(3).outputs.at(0)), other.content);
  EXPECT_THAT(shm::dims_of(round.result(3).outputs.at(0).tensor), ElementsAre(1, 3, 8, 8));
  Round again({c.view()});
  EXPECT_EQ(again.through(*body).result().json, round.result(2).json);
}

TEST_F(ServedBodyTest, TensorsComeInAnyShapeAndOrder) {
  const auto body = echo_tensors("inputs = 2\ninput = i64\nrank = 2");
  const Given first{.input = 0, .type = HR_I64, .dims = {2, 1}, .content = std::string(16, 'a')};
  const Given second{.input = 1, .type = HR_I64, .dims = {1, 3}, .content = std::string(24, 'b')};
  const Given empty{.input = 1, .type = HR_I64, .dims = {0, 3}, .content = ""};
  for (const std::size_t astray : {0U, 8U, 1U}) {
    const Sent sent = tensors({second, first}, astray);
    Round round({sent.view()});
    const auto result = round.through(*body).result();
    ASSERT_EQ(result.outputs.size(), 2U);
    EXPECT_THAT(shm::dims_of(result.outputs[0].tensor), ElementsAre(2, 1));
    EXPECT_EQ(round.content(0, result.outputs[0]), first.content);
    EXPECT_EQ(round.content(0, result.outputs[1]), second.content);
    const Sent with_empty = tensors({first, empty}, astray);
    Round other({with_empty.view()});
    EXPECT_THAT(shm::dims_of(other.through(*body).result().outputs[1].tensor), ElementsAre(0, 3));
  }
}

TEST_F(ServedBodyTest, EachStreamAnswersItsOwnItems) {
  const auto body =
      serve(settings("kind = echo\ninput = u8\nrank = 1", model::InputKind::tensors, 4));
  std::vector<Sent> sent;
  std::vector<std::string_view> inputs;
  for (std::size_t i = 0; i < 40; ++i) {
    const std::string content(i * 50, static_cast<char>('A' + i));
    sent.push_back(tensors(
        {{.type = HR_U8, .dims = {static_cast<std::int64_t>(i * 50)}, .content = content}}));
    inputs.push_back(sent.back().view());
  }
  Round round(inputs);
  round.through(*body);
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(round.content(i, round.result(i).outputs.at(0)),
              std::string(i * 50, static_cast<char>('A' + i)));
    EXPECT_GT(round.items[i].times.begin.time_since_epoch().count(), 0);
  }
}

TEST_F(ServedBodyTest, WhatTheModelDoesNotTakeIsRefusedWithAReason) {
  const auto in_rows = echo_rows(2);
  const auto in_tensors = echo_tensors("inputs = 2\ninput = u8\nrank = 1");
  const Given byte{.input = 0, .type = HR_U8, .dims = {1}, .content = "x"};
  Given second = byte, third = byte, flat = rows(1), whole = rows(1);
  second.input = 1;
  third.input = 2;
  flat.dims = {1, 192};
  whole.dims = {1, 8, 8, 3};
  const auto expect = [](Body& body, const Sent& sent, ItemError code, const char* why) {
    Round round({sent.view()});
    round.through(body);
    EXPECT_EQ(round.items[0].error, code) << why;
    EXPECT_THAT(round.message(), HasSubstr(why));
  };
  using enum ItemError;
  expect(*in_rows, tensors({{.type = HR_I32, .dims = {1, 3, 8, 8}, .content = rows(1).content}}),
         unsupported, "input 'INPUT0' takes FP32[?, 3, 8, 8], not INT32[1, 3, 8, 8]");
  expect(*in_rows, tensors({flat}), unsupported, "not FP32[1, 192]");
  expect(*in_rows, tensors({whole}), unsupported, "not FP32[1, 8, 8, 3]");
  expect(*in_rows, tensors({rows(0)}), unsupported, "input 'INPUT0' has no rows");
  expect(*in_rows, tensors({rows(1), rows(1)}), unsupported, "input 'INPUT0' is given twice");
  expect(*in_rows, picture("no picture"), unsupported, "");
  expect(*in_tensors, tensors({byte}), unsupported, "input 'INPUT1' is missing");
  expect(*in_tensors, tensors({second, second}), unsupported, "input 'INPUT1' is given twice");
  expect(*in_tensors, tensors({byte, second, third}), unsupported, "there is no input 2");
  expect(*in_tensors, picture("x"), unsupported, "the model takes tensors");
  Sent nonsense = tensors({byte, second});
  nonsense.memory[8] = std::byte{9};
  expect(*in_tensors, nonsense, corrupt, "no header of an input");
  expect(*in_tensors, room_for(1), corrupt, "no header of an input");
}

TEST_F(ServedBodyTest, AnItemThatIsRefusedLeavesTheOthersOfItsRoundAlone) {
  const auto body = echo_rows(3);
  const Given good = rows(1, 5);
  const Sent a = room_for(7), b = tensors({good}), c = picture("no picture");
  Round round({a.view(), b.view(), c.view()});
  round.through(*body);
  EXPECT_TRUE(round.items[0].error);
  EXPECT_TRUE(round.items[2].error);
  EXPECT_EQ(round.content(1, round.result(1).outputs.at(0)), good.content);
}

TEST_F(ServedBodyTest, AnItemThatTheEngineRefusesFailsAlone) {
  const auto body = serve(settings("kind = raw\nfail_on = bad", model::InputKind::bytes), 4);
  const Sent good = picture("good"), bad = picture("a bad one"), better = picture("better");
  Round round({good.view(), bad.view(), better.view()}), one({better.view()});
  round.through(*body);
  one.through(*body);
  EXPECT_EQ(round.items[1].error, ItemError::infer_failed);
  EXPECT_THAT(std::string(round.result(0).json), StartsWith("{"));
  EXPECT_EQ(round.result(2).json, one.result().json);
}

TEST_F(ServedBodyTest, APictureOverTheLimitIsRefused) {
  ModelSettings small = settings("kind = raw", model::InputKind::image);
  small.max_bytes = Bytes{100};
  const Sent sent = picture(*image::sample_jpeg(40, 30));
  Round round({sent.view()});
  EXPECT_EQ(round.through(*serve(small)).items[0].error, ItemError::too_large);
}

TEST_F(ServedBodyTest, AResultThatDoesNotFitSaysHowMuchItNeeds) {
  const auto body = echo_rows(2);
  const Sent one = tensors({rows(1)}), three = tensors({rows(3)}),
             file = picture(*image::sample_jpeg(40, 30));
  for (const Sent* sent : {&one, &three, &file}) {
    for (const std::size_t room : {40U, 100U, 500U}) {
      Round round({sent->view()}, room);
      round.through(*body);
      EXPECT_EQ(round.items[0].error, ItemError::result_too_large);
      EXPECT_LE(round.items[0].bytes, room);
      if (room == 500U) {
        EXPECT_THAT(round.message(), HasSubstr("raise --result-bytes"));
      }
    }
  }
  Round fits({one.view()}, 256 + static_cast<std::size_t>(kRow) * 4);
  EXPECT_FALSE(fits.through(*body).items[0].error) << fits.text(0);
}

TEST_F(ServedBodyTest, AClientIsNotToldOfFiles) {
  const auto body = echo_tensors("input = u8\nrank = 1\nfail_on = /secret/place");
  const Sent sent = tensors({{.type = HR_U8, .dims = {15}, .content = "x/secret/place/"}});
  Round round({sent.view()});
  round.through(*body);
  EXPECT_EQ(round.items[0].error, ItemError::infer_failed);
  EXPECT_THAT(round.message(), HasSubstr("engine fake: the item holds the text"));
  EXPECT_THAT(round.message(), Not(HasSubstr("/")));
}

TEST_F(ServedBodyTest, SaysWhatTheModelTakesAndGives) {
  EXPECT_EQ(json::parse(echo_rows(4)->signature()), json::parse(R"({
      "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [-1, 3, 8, 8]}],
      "outputs": [{"name": "OUTPUT0", "datatype": "FP32", "shape": [-1, 3, 8, 8]}]})"));
  EXPECT_EQ(json::parse(echo_tensors("input = bool\nrank = 1")->signature()), json::parse(R"({
      "inputs": [{"name": "INPUT0", "datatype": "BOOL", "shape": [-1]}],
      "outputs": [{"name": "OUTPUT0", "datatype": "BOOL", "shape": [-1]}]})"));
  EXPECT_EQ(
      made(make_model_body(settings("kind = raw", model::InputKind::name), 1, -1))->signature(),
      "");
  const auto long_one =
      make_served_body(settings("kind = echo\ninputs = 1000", model::InputKind::tensors), 1);
  ASSERT_FALSE(long_one);
  EXPECT_THAT(long_one.error().message, HasSubstr("at most 65535 can be served"));
}

TEST_F(ServedBodyTest, AModelOfTensorsRunsEachItemAlone) {
  const ModelSettings open = settings("kind = echo", model::InputKind::tensors);
  EXPECT_FALSE(make_served_body(open, 2));
  const auto over_files = make_model_body(open, 1, -1);
  ASSERT_FALSE(over_files);
  EXPECT_THAT(over_files.error().message, HasSubstr("headrace serve"));
}

TEST_F(ServedBodyTest, IsWhatABriefAsksFor) {
  const ModelSettings asked = settings("kind = echo", model::InputKind::image);
  const auto body = make_body({.batch = 2, .body = to_json(asked, "served")});
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ((*body)->equipment(), "fake 1, 1 thread");
  EXPECT_THAT((*body)->signature(), HasSubstr("OUTPUT0"));
}

// The same on the engines that were built, with a model of two inputs and open rows.
class ServedOnEngine : public ServedBodyTest, public testing::WithParamInterface<const char*> {};

TEST_P(ServedOnEngine, TwoInputsBecomeTwoOutputs) {
  ModelSettings real = settings("", model::InputKind::tensors, 2);
  if (!engine::find(GetParam(), real.engine_folders)) GTEST_SKIP() << "not built";
  real.model.engine = GetParam();
  real.model.file = file_with("it.onnx", model::onnx_writer::sum_and_difference().text());
  const auto body = serve(real);
  const json signature = json::parse(body->signature());
  EXPECT_EQ(signature["inputs"][1],
            json::parse(R"({"name": "INPUT1", "datatype": "INT32", "shape": [-1, 16]})"));
  for (const std::int64_t count : {1, 3}) {
    std::vector<std::int32_t> a, b, sum, difference;
    for (std::int32_t i = 0; i < 16 * count; ++i) {
      a.push_back(i * i);
      b.push_back(1000 - i);
      sum.push_back(a.back() + b.back());
      difference.push_back(a.back() - b.back());
    }
    for (const std::size_t astray : {0U, 4U}) {
      const Sent sent =
          tensors({{.input = 1, .type = HR_I32, .dims = {count, 16}, .content = bytes_of(b)},
                   {.input = 0, .type = HR_I32, .dims = {count, 16}, .content = bytes_of(a)}},
                  astray);
      Round round({sent.view()});
      const auto result = round.through(*body).result();
      ASSERT_EQ(result.outputs.size(), 2U);
      EXPECT_EQ(shm::name_of(result.outputs[0]), "OUTPUT0");
      EXPECT_THAT(shm::dims_of(result.outputs[0].tensor), ElementsAre(count, 16));
      EXPECT_EQ(round.content(0, result.outputs[0]), bytes_of(sum));
      EXPECT_EQ(round.content(0, result.outputs[1]), bytes_of(difference));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, ServedOnEngine, testing::Values("onnxruntime", "openvino"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace headrace::worker
