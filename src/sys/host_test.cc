#include "sys/host.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "sys/fake_root.h"

namespace headrace::sys {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST(ReadText, CutsLineEndsAndSaysWhyItCannot) {
  FakeRoot root;
  root.put("proc/some", "one\ntwo\n\n").folder("proc/folder");
  EXPECT_EQ(*read_text(root.path() + "/proc/some"), "one\ntwo");
  EXPECT_EQ(*read_text(root.path() + "/proc/some", 2), "on");
  EXPECT_EQ(read_text(root.path() + "/proc/other").error().message, "No such file or directory");
  EXPECT_EQ(read_text(root.path() + "/proc/folder").error().message, "Is a directory");
}

TEST(Cpuinfo, HasModelAndFlagsOfTheFirstProcessor) {
  const Processor p = parse_cpuinfo(
      "processor\t: 0\nmodel name\t: A Processor: Fast\nflags\t\t: fpu  avx2 amx_tile\n\n"
      "processor\t: 1\nmodel name\t: Another\nflags\t\t: none\n");
  EXPECT_EQ(p.model, "A Processor: Fast");
  EXPECT_THAT(p.flags, ElementsAre("fpu", "avx2", "amx_tile"));
  EXPECT_TRUE(p.has("avx2"));
  EXPECT_FALSE(p.has("avx"));
}

TEST(Cpuinfo, OfArmHasFeatures) {
  const Processor p = parse_cpuinfo("processor\t: 0\nFeatures\t: fp asimd\n");
  EXPECT_EQ(p.model, "");
  EXPECT_THAT(p.flags, ElementsAre("fp", "asimd"));
}

TEST(Cpuinfo, OfNonsenseIsEmpty) {
  for (const char* text : {"", ":", "flags", "flags:\n", "\n\n:::\n"})
    EXPECT_TRUE(parse_cpuinfo(text).flags.empty()) << text;
}

TEST(Status, TellsWhatTheProcessMayDo) {
  const Rights r = parse_status(
      "Name:\tx\nCapEff:\t00000000a80425fb\nCapBnd:\t000001ffffffffff\nNoNewPrivs:\t1\nSeccomp:"
      "\t2\n"
      "Seccomp_filters:\t1\n");
  EXPECT_TRUE(r.no_new_privileges);
  EXPECT_EQ(r.seccomp, "filter");
  const auto names = capability_names(r.effective);
  EXPECT_EQ(names.size(), 14U);
  EXPECT_THAT(names, Contains("net_bind_service"));
  EXPECT_THAT(names, testing::Not(Contains("sys_nice")));
  EXPECT_EQ(capability_names(r.bounding).size(), 41U);
  EXPECT_EQ(parse_status("").seccomp, "");
  EXPECT_THAT(capability_names(std::uint64_t{1} << 50), ElementsAre("50"));
}

TEST(Readings, FailOneByOneWithTheReason) {
  const FakeRoot empty;
  EXPECT_EQ(processor(empty.path()).error().message, "No such file or directory");
  EXPECT_EQ(rights(empty.path()).error().message, "No such file or directory");
  EXPECT_EQ(volume(empty.path() + "/none").error().message, "No such file or directory");
  EXPECT_TRUE(volume(empty.path()));
  EXPECT_TRUE(may_write(empty.path()));
  EXPECT_FALSE(may_write(empty.path() + "/none"));
}

TEST(VariableNames, HoldNoValue) {
  ::setenv("HEADRACE_HOST_TEST", "a=secret", 1);
  const auto names = variable_names();
  EXPECT_THAT(names, Contains("HEADRACE_HOST_TEST"));
  for (const std::string& name : names) EXPECT_EQ(name.find("secret"), std::string::npos);
}

TEST(ResourceLimits, AreAllThere) {
  EXPECT_EQ(resource_limits().size(), 16U);
}

}  // namespace
}  // namespace headrace::sys
