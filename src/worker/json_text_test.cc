#include "worker/json_text.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace headrace::worker {
namespace {

struct Room {
  std::array<char, 64> bytes{};
  JsonText json{bytes};
  std::string text() const { return {bytes.data(), json.size()}; }
};

TEST(JsonText, WritesNumbersInTheFewestDigitsThatGiveThemBack) {
  Room room;
  room.json.number(0.1F)
      .raw(" ")
      .number(0.1)
      .raw(" ")
      .number(std::int64_t{-7})
      .raw(" ")
      .number(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(room.text(), "0.1 0.1 -7 18446744073709551615");
}

TEST(JsonText, WhatJsonCannotSayBecomesNull) {
  Room room;
  room.json.number(NAN).raw(",").number(-INFINITY).raw(",").number(std::nan(""));
  EXPECT_EQ(room.text(), "null,null,null");
}

TEST(JsonText, EscapesStrings) {
  Room room;
  room.json.string("a\"b\\c\n");
  EXPECT_EQ(room.text(), R"("a\"b\\c\n")");
}

TEST(JsonText, OverflowIsKeptAndNothingIsWrittenAfterIt) {
  std::array<char, 4> bytes = {'#', '#', '#', '#'};
  JsonText json{std::span(bytes).first(3)};
  json.raw("ab").raw("cd").raw("e");
  EXPECT_TRUE(json.overflowed());
  EXPECT_EQ(json.size(), 2U);
  EXPECT_EQ(bytes[2], '#');
  EXPECT_EQ(bytes[3], '#') << "never beyond the room";
}

}  // namespace
}  // namespace headrace::worker
