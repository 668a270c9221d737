// Each layout says what other programs answer there; here the line is held against their rules.
#include <gmock/gmock.h>

#include "others/score.h"

namespace headrace::others {
namespace {

class Others : public testing::TestWithParam<std::string> {};

TEST_P(Others, AnswerAsTheLayoutSays) {
  const Row row = row_of(GetParam());
  EXPECT_EQ(row.layout.others, answers_text(row))
      << "if the rules are right, the line is\nothers " << answers_text(row);
}

INSTANTIATE_TEST_SUITE_P(All, Others, testing::ValuesIn(layouts::names()),
                         [](const auto& layout) { return layout.param; });

TEST(Judge, TakesEitherRoundingAndAtLeastOne) {
  EXPECT_EQ(judge(1.5, 1), Verdict::right);
  EXPECT_EQ(judge(1.5, 2), Verdict::right);
  EXPECT_EQ(judge(1.5, 3), Verdict::too_many);
  EXPECT_EQ(judge(3.2, 2), Verdict::too_few);
  EXPECT_EQ(judge(0.25, 1), Verdict::right);
  EXPECT_EQ(judge(0.25, 2), Verdict::too_many);
  EXPECT_EQ(judge(4, 4), Verdict::right);
  EXPECT_EQ(judge(4, std::nullopt), Verdict::no_answer);
}

TEST(WhatIsAlwaysThere, MakesNoDifferenceToOurDetection) {
  for (const char* name : {"v1_docker_without_namespace", "v2_pod_tighter_than_container"}) {
    const layouts::Layout layout = layouts::load(name);
    sys::FakeRoot root;
    layouts::expand(layout, root);
    const auto before = plan::make_budget(layouts::input_from(root, layout));
    add_what_is_always_there(root.path());
    const auto after = plan::make_budget(layouts::input_from(root, layout));
    ASSERT_TRUE(before && after);
    EXPECT_EQ(before->cpu.why, after->cpu.why);
    EXPECT_EQ(before->memory.why, after->memory.why);
    EXPECT_EQ(before->notes, after->notes);
  }
}

}  // namespace
}  // namespace headrace::others
