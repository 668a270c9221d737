#include "tune/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace::tune {
namespace {

using testing::HasSubstr;
using testing::Not;

Report a_report() {
  Report report{.model = "<script>alert(1)</script>", .decision = "the plan: a & b"};
  report.rows.push_back({.numbers = {"openvino", 2, 1, 1, 4},
                         .trials = 5,
                         .rate = 200,
                         .rate_low = 190,
                         .rate_high = 210,
                         .whole = {5, 6, 7},
                         .cpu_used = 1.9,
                         .throttled = 0.25,
                         .memory = 300_MiB,
                         .finalist = true,
                         .chosen = true});
  report.rows.push_back({.numbers = {"onnxruntime", 1, 2, 2, 1},
                         .trials = 1,
                         .lost_for = "killed \"there\" \x1b[0m"});
  return report;
}

TEST(Report, EscapesWhatOthersWrote) {
  const std::string page = to_html(a_report());
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(page, HasSubstr("a &amp; b"));
}

TEST(Report, NeedsNothingFromElsewhere) {
  const std::string page = to_html(a_report());
  for (const char* word : {"http", "src=", "url(", "@import", "<link"})
    EXPECT_THAT(page, Not(HasSubstr(word)));
}

TEST(Report, ShowsFinalistsLossesAndTheDecision) {
  const std::string text = to_text(a_report());
  EXPECT_THAT(text, HasSubstr("* openvino 2x1, batch 4"));
  EXPECT_THAT(text, HasSubstr("200.0 ± 10.0"));
  EXPECT_THAT(text, HasSubstr("25 %"));
  EXPECT_THAT(text, HasSubstr("lost: onnxruntime 1x2, 2 streams: killed"));
  EXPECT_THAT(text, HasSubstr("the plan: a & b"));
}

TEST(Report, IsAPageEvenOfNothing) {
  EXPECT_THAT(to_html(Report{}), HasSubstr("</html>"));
  EXPECT_THAT(to_text(Report{}), HasSubstr("items/s"));
}

}  // namespace
}  // namespace headrace::tune
