#include "deploy/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace::deploy {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST(Scripts, AskForWhatIsNotSet) {
  const std::string text =
      script_values({{.name = "KEY", .what = "the key of `rm -rf` $(x) \"y\" }"},
                     {.name = "PLACE", .what = "where", .found_by = "az group show"}});
  EXPECT_EQ(text,
            ": \"${KEY:?set it to the key of  rm -rf   (x)  y   }\"\n"
            "if [[ -z ${PLACE:-} ]]; then  # where\n  PLACE=$(az group show)\nfi\n");
}

TEST(Scripts, FillInOnlyWhatIsAskedFor) {
  EXPECT_THAT(script_filled("a.yaml", {{.name = "KEY", .what = ""}}, "create it\n"),
              AllOf(HasSubstr("fill KEY\n"), HasSubstr("umask 077"), HasSubstr("trap 'rm -rf"),
                    EndsWith("create it\nrm -rf -- \"$folder\"\n")));
  EXPECT_THAT(script_filled("a.yaml", {}, "create it\n"),
              AllOf(HasSubstr("filled=$beside/a.yaml\ncreate it\n"), Not(HasSubstr("mktemp"))));
}

TEST(Scripts, EndAtTheFirstMistake) {
  EXPECT_THAT(script_opening({"what it is"}),
              HasSubstr("#!/usr/bin/env bash\n# what it is\nset -euo pipefail\n"));
}

}  // namespace
}  // namespace headrace::deploy
