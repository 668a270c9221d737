#include "cli/container.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace headrace::cli {
namespace {

using testing::HasSubstr;

Container unknown() {
  return {.groups = {},
          .affinity = {0},
          .processors = {},
          .processor = Error{"No such file or directory"},
          .rights = Error{"Permission denied"},
          .shm = Error{"No such file or directory"},
          .kernel = {},
          .identity = {}};
}

TEST(Ranges, JoinNeighbours) {
  EXPECT_EQ(ranges({}), "");
  EXPECT_EQ(ranges({3}), "3");
  EXPECT_EQ(ranges({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

TEST(ContainerSections, SayWhyThereIsNothing) {
  const std::string text = to_text(container_sections(unknown(), {}));
  EXPECT_THAT(text, HasSubstr("model: unreadable: No such file or directory\n"));
  EXPECT_THAT(text, HasSubstr("rights: unreadable: Permission denied\n"));
  EXPECT_THAT(text, HasSubstr("/dev/shm: unreadable: No such file or directory\n"));
  EXPECT_TRUE(container_json(unknown(), {})["memory"]["shm"].is_null());
}

TEST(ContainerSections, MarkTheLevelsThatBind) {
  Container c = unknown();
  c.groups.cpu = {{"/own", Cpus{4}, {}}, {"/pod", Cpus{1.5}, sys::Throttling{200, 50, {}}}};
  c.groups.memory = {{.path = "/own", .max = 512_MiB}, {.path = "/pod", .high = 256_MiB}};
  plan::Budget budget;
  budget.cpu.from = "/pod";
  budget.memory.from = "/pod/memory.high";
  const std::string text = to_text(container_sections(c, budget));
  EXPECT_THAT(text, HasSubstr("quota: 4 at /own\n"));
  EXPECT_THAT(text,
              HasSubstr("quota: 1.5 at /pod  <- binds\nthrottled: in 50 of 200 periods (25.0 %)"));
  EXPECT_THAT(text, HasSubstr("group: limit 512 MiB at /own\n"));
  EXPECT_THAT(text, HasSubstr("group: no limit, slowed down from 256 MiB at /pod  <- binds\n"));
  const auto json = container_json(c, budget);
  EXPECT_FALSE(json["cpu"]["levels"][0]["binds"]);
  EXPECT_TRUE(json["cpu"]["levels"][1]["binds"]);
  EXPECT_TRUE(json["memory"]["levels"][1]["binds"]);
}

TEST(Facts, AreALineEach) {
  Section section{"heading"};
  section.add("a file", std::string("one\ntwo\tthree\xff"));
  section.add("another", Result<std::string>(Error{"Permission denied"}));
  EXPECT_EQ(
      to_text({section}),
      "== heading\na file: one; two three\xEF\xBF\xBD\nanother: unreadable: Permission denied\n");
}

}  // namespace
}  // namespace headrace::cli
