#include "shm/served.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>
#include <string>

namespace headrace::shm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kI32 = 7, kF32 = 11;  // hr_dtype
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

using Memory = std::vector<std::byte>;

ServedTensor tensor(std::uint32_t dtype, const std::vector<std::int64_t>& dims) {
  return served_tensor(dtype, dims).value();
}

// Two inputs, the second given first; the bytes of part i are all i + 1.
Memory two_inputs() {
  std::vector<ServedPart> parts = {{.input = 1, .unused = 0, .tensor = tensor(kF32, {2, 3})},
                                   {.input = 0, .unused = 0, .tensor = tensor(kI32, {5})}};
  Memory memory(lay_out(std::span(parts)).value());
  write_tensors(memory, parts);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::span<std::byte> bytes = payload(std::span(memory), parts[i].tensor);
    std::memset(bytes.data(), static_cast<int>(i + 1), bytes.size());
  }
  return memory;
}

Memory two_results() {
  std::vector<ServedOutput> outputs = {{.name = {}, .tensor = tensor(kF32, {1, 4})},
                                       {.name = {}, .tensor = tensor(kI32, {})}};
  set_name(outputs[0], "scores");
  set_name(outputs[1], "count");
  Memory memory(lay_out(std::span(outputs)).value());
  write_results(memory, outputs);
  return memory;
}

Memory a_picture(std::string_view file) {
  Memory memory(served_input_header(1) + file.size());
  write_picture(memory, file.size());
  std::memcpy(memory.data() + served_input_header(1), file.data(), file.size());
  return memory;
}

Memory a_json(std::string_view text) {
  Memory memory(served_result_header(0) + text.size());
  write_json(memory, text.size());
  std::memcpy(memory.data() + served_result_header(0), text.data(), text.size());
  return memory;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Served, TensorsOfAnInputComeBackWithTheirBytes) {
  const Memory memory = two_inputs();
  const auto input = read_served_input(memory);
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(input->kind, ServedInputKind::tensors);
  ASSERT_EQ(input->parts.size(), 2U);
  const ServedPart& first = input->parts[0];
  EXPECT_EQ(first.input, 1U);
  EXPECT_EQ(first.tensor.dtype, kF32);
  EXPECT_THAT(dims_of(first.tensor), ElementsAre(2, 3));
  EXPECT_EQ(text_of(payload(std::span(memory), first.tensor)), std::string(24, '\1'));
  EXPECT_EQ(text_of(payload(std::span(memory), input->parts[1].tensor)), std::string(20, '\2'));
  for (const ServedPart& part : input->parts) EXPECT_EQ(part.tensor.offset % 64, 0U);
}

TEST(Served, APictureIsTheFileAsItWasSent) {
  const Memory memory = a_picture("not really a JPEG");
  const auto input = read_served_input(memory);
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(input->kind, ServedInputKind::picture);
  ASSERT_EQ(input->parts.size(), 1U);
  EXPECT_EQ(text_of(payload(std::span(memory), input->parts[0].tensor)), "not really a JPEG");
}

TEST(Served, ResultsComeBackByName) {
  const Memory memory = two_results();
  const auto result = read_served_result(memory);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->kind, ServedResultKind::tensors);
  ASSERT_EQ(result->outputs.size(), 2U);
  EXPECT_EQ(name_of(result->outputs[0]), "scores");
  EXPECT_THAT(dims_of(result->outputs[0].tensor), ElementsAre(1, 4));
  EXPECT_EQ(name_of(result->outputs[1]), "count");
  EXPECT_EQ(result->outputs[1].tensor.bytes, 4U) << "no dimension is one element";
}

TEST(Served, AResultMayBeJson) {
  const Memory memory = a_json("{\"a\":1}");
  const auto result = read_served_result(memory);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->kind, ServedResultKind::json);
  EXPECT_EQ(result->json, "{\"a\":1}");
}

TEST(Served, ALongNameIsCutBetweenCharacters) {
  ServedOutput output{};
  std::string name = "x";
  for (int i = 0; i < 100; ++i) name += "\u00e9";
  set_name(output, name);
  EXPECT_EQ(name_of(output), name.substr(0, 127));
  set_name(output, "x" + name);
  EXPECT_EQ(name_of(output), ("x" + name).substr(0, 126));
  set_name(output, "short");
  EXPECT_EQ(name_of(output), "short");
}

TEST(Served, ShapesThatCannotBeMakeNoTensor) {
  EXPECT_FALSE(served_tensor(0, {}));
  EXPECT_FALSE(served_tensor(13, {}));
  const std::vector<std::vector<std::int64_t>> impossible = {
      {-1}, {kMost, 3}, {kMost}, {kMost, kMost, 0}, {1, 1, 1, 1, 1, 1, 1, 1, 1}};
  for (const auto& dims : impossible) EXPECT_FALSE(served_tensor(kF32, dims));
  EXPECT_EQ(tensor(kF32, {0, 7}).bytes, 0U);
}

TEST(Served, ALayoutThatOverflowsIsNone) {
  std::vector<ServedPart> parts(3, {.input = 0, .unused = 0, .tensor = tensor(2, {kMost})});
  EXPECT_FALSE(lay_out(std::span(parts)));
}

struct Wrong {
  const char* what;
  void (*spoil)(ServedInputFormat& header, ServedPart& first);
  const char* error;
};

TEST(Served, NonsenseInAnInputIsAnError) {
  const Wrong wrongs[] = {
      {"magic", [](auto& header, auto&) { ++header.magic; }, "no header"},
      {"version", [](auto& header, auto&) { ++header.version; }, "no header"},
      {"kind", [](auto& header, auto&) { header.kind = 3; }, "no known kind"},
      {"no parts", [](auto& header, auto&) { header.parts = 0; }, "number of parts"},
      {"many parts", [](auto& header, auto&) { header.parts = 1000; }, "number of parts"},
      {"most parts", [](auto& header, auto&) { header.parts = 0xFFFFFFFF; }, "number of parts"},
      {"picture", [](auto& header, auto&) { header.kind = 1; }, "one row of bytes"},
      {"type", [](auto&, auto& part) { part.tensor.dtype = 13; }, "type or shape"},
      {"rank", [](auto&, auto& part) { part.tensor.rank = 9; }, "type or shape"},
      {"dimension", [](auto&, auto& part) { part.tensor.dims[0] = -2; }, "type or shape"},
      {"overflow", [](auto&, auto& part) { part.tensor.dims[0] = kMost; }, "type or shape"},
      {"size", [](auto&, auto& part) { ++part.tensor.bytes; }, "its shape makes 24"},
      {"offset", [](auto&, auto& part) { part.tensor.offset += 400; }, "beyond the end"},
      {"far offset", [](auto&, auto& part) { part.tensor.offset = ~0ULL; }, "beyond the end"},
  };
  for (const Wrong& wrong : wrongs) {
    Memory memory = two_inputs();
    ServedInputFormat header{};
    ServedPart part{};
    std::memcpy(&header, memory.data(), sizeof header);
    std::memcpy(&part, memory.data() + sizeof header, sizeof part);
    wrong.spoil(header, part);
    std::memcpy(memory.data(), &header, sizeof header);
    std::memcpy(memory.data() + sizeof header, &part, sizeof part);
    const auto input = read_served_input(memory);
    ASSERT_FALSE(input) << wrong.what;
    EXPECT_THAT(input.error().message, HasSubstr(wrong.error)) << wrong.what;
  }
}

TEST(Served, NonsenseInAResultIsAnError) {
  Memory memory = two_results();
  std::memset(memory.data() + sizeof(ServedResultFormat), 'x', kServedNameBytes);
  EXPECT_FALSE(read_served_result(memory)) << "a name without an end";
  memory = two_results();
  memory[sizeof(ServedResultFormat)] = std::byte{0xFF};
  EXPECT_FALSE(read_served_result(memory)) << "a name that is not UTF-8";
  memory = a_json("{}");
  memory[offsetof(ServedResultFormat, text_bytes)] = std::byte{3};
  EXPECT_FALSE(read_served_result(memory)) << "a text that is longer than the result";
  EXPECT_FALSE(read_served_result({}));
  EXPECT_FALSE(read_served_result(two_inputs())) << "an input is no result";
  EXPECT_FALSE(read_served_input(two_results()));
}

// Reads every byte that an input or a result says to have, so that a sanitizer sees a place outside.
std::size_t touch(std::span<const std::byte> bytes) {
  std::size_t sum = 0;
  const auto add = [&](std::span<const std::byte> part) {
    for (const std::byte b : part) sum += std::to_integer<std::size_t>(b);
  };
  if (const auto input = read_served_input(bytes)) {
    for (const ServedPart& part : input->parts) {
      EXPECT_LE(part.tensor.rank, kMostServedRank);
      add(payload(bytes, part.tensor));
    }
  }
  if (const auto result = read_served_result(bytes)) {
    for (const char c : result->json) sum += static_cast<unsigned char>(c);
    for (const ServedOutput& output : result->outputs) {
      sum += name_of(output).size();
      add(payload(bytes, output.tensor));
    }
  }
  return sum;
}

TEST(Served, RandomDamageNeverLeadsOutside) {
  const Memory seeds[] = {two_inputs(), two_results(), a_picture("a file"), a_json("{\"a\":1}")};
  std::mt19937 random(11);
  const std::uint64_t numbers[] = {0,    1,          2,          8,
                                   9,    63,         64,         1024,
                                   1025, 0x7FFFFFFF, 0xFFFFFFFF, static_cast<std::uint64_t>(kMost),
                                   ~0ULL};
  std::size_t readable = 0;
  for (int i = 0; i < 40'000; ++i) {
    Memory memory = seeds[random() % std::size(seeds)];
    for (auto changes = random() % 4; changes > 0; --changes) {
      const std::size_t at = random() % memory.size();
      switch (random() % 3) {
        case 0:
          memory[at] ^= static_cast<std::byte>(1U << random() % 8);
          break;
        case 1: {
          const std::uint64_t number = numbers[random() % std::size(numbers)];
          const std::size_t width = random() % 2 == 0 ? 4 : 8, place = at / width * width;
          std::memcpy(memory.data() + place, &number, std::min(width, memory.size() - place));
          break;
        }
        default:
          memory.resize(std::max<std::size_t>(at, 1));
          memory.shrink_to_fit();  // so that a sanitizer knows where it ends
      }
    }
    readable += touch(memory) > 0 ? 1 : 0;
  }
  EXPECT_GT(readable, 5000U) << "the damage is too great to test anything";
}

}  // namespace
}  // namespace headrace::shm
