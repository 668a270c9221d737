#include "tune/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "pipeline/temporary.h"

namespace headrace::tune {
namespace {

using testing::HasSubstr;

PlanFile a_plan() {
  return {.made_by = "headrace 1.2.3",
          .made_at = "2026-02-03T10:11:12Z",
          .numbers = {"openvino", 3, 4, 2, 8},
          .place = {Cpus{1.5}, 2048_MiB, "Some \"Processor\" \\ 3", "0123456789abcdef"},
          .model_name = "a \xC3\xA9 model",
          .equipment = "openvino 2026.4.1",
          .goal = {true, 50.5, 20.0},
          .rate = 123.25,
          .rate_low = 120,
          .rate_high = 126.5,
          .p50_ms = 3.5,
          .p99_ms = 9.75,
          .memory = 512_MiB,
          .untuned_rate = 100};
}

std::string error_of(std::string_view text) {
  const auto plan = parse_plan_file(text, "x/plan.toml");
  return plan ? "" : plan.error().message;
}

TEST(PlanFile, ReadsWhatItWrote) {
  const PlanFile plan = a_plan();
  const auto read = parse_plan_file(to_toml(plan), "plan.toml");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_toml(*read), to_toml(plan));
  EXPECT_EQ(read->numbers, plan.numbers);
  EXPECT_EQ(read->place.processor, plan.place.processor);
  EXPECT_EQ(read->goal.p99_ms, plan.goal.p99_ms);
}

TEST(PlanFile, HoldsAHandlersPlanToo) {
  PlanFile plan = a_plan();
  plan.numbers = {"", 2, 1, 1, 1};
  plan.place.processor = "";
  plan.goal = {};
  const auto read = parse_plan_file(to_toml(plan), "plan.toml");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->numbers, plan.numbers);
  EXPECT_FALSE(read->goal.latency);
}

TEST(PlanFile, NamesLineAndNearestKeyOfAMistake) {
  EXPECT_THAT(error_of("format = 1\n[plan]\nworkes = 2\n"), HasSubstr("x/plan.toml:3:"));
  EXPECT_THAT(error_of("format = 1\n[plan]\nworkes = 2\n"), HasSubstr("did you mean 'workers'"));
  EXPECT_THAT(error_of("[plan]\n[containr]\n"), HasSubstr("did you mean 'container'"));
  EXPECT_THAT(error_of("[plan]\nworkers = 0\n"), HasSubstr(":2:"));
  EXPECT_THAT(error_of("[plan]\nworkers = 5000\n"), HasSubstr("256"));
  EXPECT_THAT(error_of("[plan]\nworkers = \"two\"\n"), HasSubstr("whole number"));
  EXPECT_THAT(error_of("[plan]\nthreads = 1\nstreams = 2\n"), HasSubstr("more than plan.threads"));
  EXPECT_THAT(error_of("[plan]\n[goal]\nfor = \"latence\"\n"), HasSubstr("'latency'"));
  EXPECT_THAT(error_of("[plan]\n[container]\ncpus = -1\n"), HasSubstr("0 or more"));
  EXPECT_THAT(error_of("format = 2\n[plan]\n"), HasSubstr("format is 2"));
  EXPECT_THAT(error_of("format = 1\n"), HasSubstr("no section [plan]"));
  EXPECT_THAT(error_of("[plan\n"), HasSubstr("x/plan.toml:1"));
}

TEST(PlanFile, HoldsOnlyWhereItWasMade) {
  const PlanFile plan = a_plan();
  EXPECT_FALSE(mismatch(plan, plan.place));
  Place other = plan.place;
  other.cpus.value = 2;
  EXPECT_EQ(mismatch(plan, other), "made for 1.5 CPUs, here are 2");
  other = plan.place;
  other.memory_limit = 1024_MiB;
  EXPECT_THAT(mismatch(plan, other).value_or(""), HasSubstr("2048 MiB"));
  other = plan.place;
  other.processor = "Another";
  EXPECT_THAT(mismatch(plan, other).value_or(""), HasSubstr("here is Another"));
  other = plan.place;
  other.model_hash = "1";
  EXPECT_EQ(mismatch(plan, other), "the model has changed since");
}

TEST(PlanFile, IsNotFussyAboutWhatChangesByItself) {
  const PlanFile plan = a_plan();
  Place other = plan.place;
  other.memory_limit = 2047_MiB;
  other.cpus.value = 1.502;
  EXPECT_FALSE(mismatch(plan, other));
}

TEST(PlanFile, LiesBesideTheModel) {
  const pipeline::TemporaryFolder folder;
  folder.write("m/model.toml", "");
  EXPECT_EQ(plan_path(folder / "m"), folder / "m/plan.toml");
  EXPECT_EQ(plan_path(folder / "m/model.toml"), folder / "m/plan.toml");
  EXPECT_EQ(plan_path("x/net.onnx"), "x/net.onnx.plan.toml");
}

TEST(Hash, SeesEveryChangeOfASmallFileAndTheEndsOfALargeOne) {
  const pipeline::TemporaryFolder folder;
  const auto hash = [&](const std::string& content) {
    const std::array<std::filesystem::path, 1> files{folder.write("f", content)};
    return *hash_of(files);
  };
  std::string large(3 << 20, 'x');
  const std::string before = hash(large);
  EXPECT_EQ(before, hash(large));
  large.back() = 'y';
  EXPECT_NE(before, hash(large));
  EXPECT_NE(hash(large), hash(large + "y"));
  EXPECT_NE(hash("abc"), hash("abd"));
  EXPECT_NE(hash(""), hash("a"));
  const std::array<std::filesystem::path, 1> missing{folder / "missing"};
  EXPECT_THAT(hash_of(missing).error().message, HasSubstr("missing"));
}

}  // namespace
}  // namespace headrace::tune
