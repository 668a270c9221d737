#include "model/wording.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace headrace::model {
namespace {

constexpr std::array<std::string_view, 5> kKeys{"size", "resize", "resize_to", "scale",
                                                "max_bytes"};

TEST(Wording, TheNearestWordSurvivesTyposSwapsAndCase) {
  EXPECT_EQ(nearest("siz", kKeys), "size");
  EXPECT_EQ(nearest("szie", kKeys), "size");
  EXPECT_EQ(nearest("SIZE", kKeys), "size");
  EXPECT_EQ(nearest("resizeto", kKeys), "resize_to");
  EXPECT_EQ(nearest("maxbyte", kKeys), "max_bytes");
}

TEST(Wording, AWordThatIsNearNothingGetsTheList) {
  EXPECT_EQ(nearest("normalisation", kKeys), std::nullopt);
  EXPECT_EQ(nearest("", kKeys), std::nullopt);
  EXPECT_EQ(suggestion("zzz", kKeys), "valid are size, resize, resize_to, scale and max_bytes");
  EXPECT_EQ(suggestion("sizee", kKeys), "did you mean 'size'?");
}

TEST(Wording, ALongListIsCut) {
  const std::vector<std::string> words{"a", "b", "c"};
  EXPECT_EQ(listing(words), "a, b and c");
  EXPECT_EQ(listing(words, 2), "a, b and 1 more");
  EXPECT_EQ(listing(std::vector<std::string>{}), "");
}

TEST(Wording, QuotedNamesAreHarmless) {
  EXPECT_EQ(in_quotes("größe"), "'größe'");
  EXPECT_EQ(in_quotes("a\x1B[31m\nb\x7F"), "'a?[31m?b?'");
  EXPECT_EQ(in_quotes("a\xFFz"), "'a\xEF\xBF\xBDz'");
  EXPECT_EQ(in_quotes("\xC2\x9B"), "'?'");  // the one-character form of ESC [
  EXPECT_EQ(in_quotes(std::string(9999, 'x')), "'" + std::string(120, 'x') + "...'");
  EXPECT_EQ(in_quotes(std::string(119, 'x') + "\xC3\xA9 and more"),
            "'" + std::string(119, 'x') + "...'");
}

}  // namespace
}  // namespace headrace::model
