#include "base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace headrace {
namespace {

using namespace std::string_view_literals;

TEST(Text, AcceptsWellFormedUtf8OfEveryLength) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x90\xBF, \xF4\x8F\xBF\xBF"));
}

TEST(Text, RefusesOverlongSurrogateTruncatedAndStrayBytes) {
  for (const char* bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\xE2\x82", "\x80", "a\xFF"}) {
    EXPECT_FALSE(is_utf8(bad)) << testing::PrintToString(std::string(bad));
  }
}

TEST(Text, ReplacesEachStrayByteOnce) {
  EXPECT_EQ(to_utf8("a\xFF\xFE z"), "a\xEF\xBF\xBD\xEF\xBF\xBD z");
}

TEST(Text, JsonStringEscapesWhatJsonForbids) {
  std::string out;
  append_json_string(out, "q\" b\\ n\n t\t r\r nul\0 e\x1b \xC3\xA9 \xFF"sv);
  EXPECT_EQ(out.substr(0, 38), R"("q\" b\\ n\n t\t r\r nul\u0000 e\u001b)");
  EXPECT_TRUE(is_utf8(out));
}

}  // namespace
}  // namespace headrace
