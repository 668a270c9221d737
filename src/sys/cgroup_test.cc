#include "sys/cgroup.h"

#include <gmock/gmock.h>

#include <string>

#include "sys/cgroup_places.h"
#include "sys/fake_root.h"

// What follows from whole layouts is tested with plan/; here are the facts that a plan does not
// show.
namespace headrace::sys {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kV2Mount =
    "30 1 0:26 / /sys/fs/cgroup ro,nosuid shared:4 - cgroup2 cgroup rw,nsdelegate\n";

FakeRoot& v2_group(FakeRoot& root, std::string_view path) {
  return root.put("proc/self/cgroup", "0::" + std::string(path) + "\n")
      .put("proc/self/mountinfo", kV2Mount)
      .folder("sys/fs/cgroup" + std::string(path));
}

std::vector<std::string> paths_of(const CgroupFacts& facts) {
  std::vector<std::string> paths;
  for (const CpuLevel& level : facts.cpu) paths.push_back(level.path);
  return paths;
}

std::string place_text(std::string_view group, std::string_view mount_root) {
  std::vector<std::string> notes;
  const auto places = cgroup_places(
      "memory", "4:memory:" + std::string(group) + "\n",
      "30 1 0:26 " + std::string(mount_root) + " /m rw - cgroup cgroup rw,memory\n", notes);
  if (places.size() != 1) return std::to_string(places.size()) + " places";
  return (places[0].exact ? "exact " : "guess ") + places[0].mount_point + places[0].below;
}

TEST(CgroupPlaces, StripTheMountRootFromTheGroup) {
  EXPECT_EQ(place_text("/", "/"), "exact /m");
  EXPECT_EQ(place_text("/a/b", "/"), "exact /m/a/b");
  EXPECT_EQ(place_text("/a/b", "/a/b"), "exact /m");
  EXPECT_EQ(place_text("/a/b/c", "/a"), "exact /m/b/c");
  EXPECT_EQ(place_text("/with:colon/x", "/with:colon"), "exact /m/x");
  EXPECT_EQ(place_text("/a b/c", "/a\\040b"), "exact /m/c");
}

TEST(CgroupPlaces, DoNotTakeASiblingWithALongerNameForTheOwnGroup) {
  EXPECT_EQ(place_text("/docker/abcd", "/docker/abc"), "guess /m");
}

TEST(CgroupPlaces, FallBackToTheMountWhenTheNamespaceHidesTheGroup) {
  EXPECT_EQ(place_text("/../..", "/"), "guess /m");
  EXPECT_EQ(place_text("/../sibling", "/"), "guess /m");
  EXPECT_EQ(place_text("/", "/.."), "guess /m");
  EXPECT_EQ(place_text("/..", "/.."), "exact /m");
  EXPECT_EQ(place_text("/../sibling", "/.."), "exact /m/sibling");
}

TEST(CgroupPlaces, PreferTheMountThatShowsMostAncestors) {
  std::vector<std::string> notes;
  const auto places = cgroup_places("cpu", "3:cpu,cpuacct:/docker/x\n",
                                    "30 1 0:26 /docker/x /own rw - cgroup cgroup rw,cpuacct,cpu\n"
                                    "31 1 0:26 / /host rw - cgroup cgroup rw,cpuacct,cpu\n"
                                    "32 1 0:26 /other /other rw - cgroup cgroup rw,cpuacct,cpu\n",
                                    notes);
  ASSERT_THAT(places, SizeIs(3));
  EXPECT_EQ(places[0].mount_point + places[0].below, "/host/docker/x");
  EXPECT_EQ(places[1].mount_point + places[1].below, "/own");
  EXPECT_FALSE(places[2].exact);
}

TEST(CgroupPlaces, LeaveOutAMountThatALaterOneHides) {
  std::vector<std::string> notes;
  EXPECT_THAT(
      cgroup_places("cpu", "0::/\n",
                    std::string(kV2Mount) + "40 30 0:50 / /sys/fs/cgroup rw - tmpfs t rw\n", notes),
      IsEmpty());
}

TEST(CgroupPlaces, SurviveLinesThatAreNone) {
  std::vector<std::string> notes;
  for (const std::string_view bad :
       {"", "\n\n", "x", "1:", "::", "0::", "9:cpu:/a", "30 1 0:26 / /m rw - cgroup",
        "30 1 0:26 / /m rw cgroup cgroup rw,cpu x y z", "- - - - - - - - - -", "\\", "\\04"}) {
    EXPECT_THAT(cgroup_places("cpu", bad, bad, notes), IsEmpty()) << bad;
  }
}

TEST(Cgroup, ListsLevelsFromTheOwnGroupOutwards) {
  FakeRoot root;
  v2_group(root, "/a/b");
  EXPECT_THAT(paths_of(read_cgroup(root.path())),
              ElementsAre("/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"));
}

TEST(Cgroup, ReadsUseAndTroubleOfV2) {
  FakeRoot root;
  v2_group(root, "/a")
      .put("sys/fs/cgroup/a/memory.current", "1000000\n")
      .put("sys/fs/cgroup/a/memory.stat", "anon 5\nfile 7\ninactive_anon 1\ninactive_file 4096\n")
      .put("sys/fs/cgroup/a/memory.events", "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n")
      .put("sys/fs/cgroup/a/cpu.stat",
           "usage_usec 12\nuser_usec 8\nsystem_usec 4\nnr_periods 50\nnr_throttled 7\n"
           "throttled_usec 9\nnr_bursts 0\n")
      .put("sys/fs/cgroup/a/cpuset.cpus", "\n")
      .put("sys/fs/cgroup/a/cpuset.cpus.effective", "0-1,4\n")
      .put("proc/meminfo", "MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n");
  const CgroupFacts facts = read_cgroup(root.path());
  ASSERT_THAT(facts.memory, SizeIs(2));
  EXPECT_EQ(facts.memory[0].current, Bytes{1000000});
  EXPECT_EQ(facts.memory[0].inactive_file, Bytes{4096});
  EXPECT_EQ(facts.oom_kills, 4U);
  EXPECT_EQ(facts.cpu_used, std::chrono::microseconds(12));
  ASSERT_TRUE(facts.cpu[0].throttling);
  EXPECT_EQ(facts.cpu[0].throttling->periods, 50U);
  EXPECT_EQ(facts.cpu[0].throttling->throttled, 7U);
  EXPECT_EQ(facts.cpu[0].throttling->time, std::chrono::microseconds(9));
  EXPECT_EQ(facts.cpuset, "0-1,4");
  EXPECT_EQ(facts.mem_total, 2048_KiB);
  EXPECT_EQ(facts.mem_available, 1024_KiB);
  EXPECT_FALSE(facts.oom_kills_group);
  EXPECT_THAT(facts.notes, IsEmpty());
}

TEST(Cgroup, ReadsUseAndTroubleOfV1) {
  FakeRoot root;
  root.put("proc/self/cgroup", "5:memory:/x\n2:cpuacct:/x\n1:cpu:/x\n3:cpuset:/\n")
      .put(
          "proc/self/mountinfo",
          "1 0 0:1 / /c/cpu rw - cgroup cgroup rw,cpu\n2 0 0:2 / /c/acct rw - cgroup c rw,cpuacct\n"
          "3 0 0:3 / /c/mem rw - cgroup c rw,memory\n4 0 0:4 / /c/set rw - cgroup c rw,cpuset\n")
      .put("c/cpu/x/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 777\n")
      .put("c/acct/x/cpuacct.usage", "123456789\n")
      .put("c/mem/x/memory.usage_in_bytes", "4096\n")
      .put("c/mem/x/memory.stat", "inactive_file 1\ntotal_inactive_file 2\n")
      .put("c/mem/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
      .put("c/set/cpuset.cpus", "0-3\n");
  const CgroupFacts facts = read_cgroup(root.path());
  EXPECT_EQ(facts.version, CgroupVersion::v1);
  ASSERT_TRUE(facts.cpu[0].throttling);
  EXPECT_EQ(facts.cpu[0].throttling->time, std::chrono::nanoseconds(777));
  EXPECT_EQ(facts.cpu_used, std::chrono::nanoseconds(123456789));
  EXPECT_EQ(facts.memory[0].current, 4_KiB);
  EXPECT_EQ(facts.memory[0].inactive_file, Bytes{2});
  EXPECT_EQ(facts.oom_kills, 3U);
  EXPECT_EQ(facts.cpuset, "0-3");
}

TEST(Cgroup, AnAncestorThatKillsAsAGroupCounts) {
  FakeRoot root;
  v2_group(root, "/a/b")
      .put("sys/fs/cgroup/a/b/memory.oom.group", "0\n")
      .put("sys/fs/cgroup/a/memory.oom.group", "1\n");
  EXPECT_TRUE(read_cgroup(root.path()).oom_kills_group);
}

TEST(Cgroup, AFileThatCannotBeReadIsNoLimitAndANote) {
  FakeRoot root;
  v2_group(root, "/a")
      .folder("sys/fs/cgroup/a/memory.max");  // reading a folder fails even for root
  const CgroupFacts facts = read_cgroup(root.path());
  EXPECT_FALSE(facts.memory[0].max);
  EXPECT_THAT(facts.notes, ElementsAre(HasSubstr("/sys/fs/cgroup/a/memory.max: ")));
}

struct LimitCase {
  std::string_view content;
  std::optional<std::uint64_t> bytes;
  std::size_t notes;
};

TEST(Cgroup, ParsesEveryFormOfAMemoryLimit) {
  using std::string_view_literals::operator""sv;
  const LimitCase cases[] = {
      {"max\n"sv, {}, 0},
      {"4096\n"sv, 4096, 0},
      {"4096"sv, 4096, 0},
      {" \t4096 \r\n\n"sv, 4096, 0},
      {"4096\0\0"sv, 4096, 0},
      {"1099511627776\n"sv, 1099511627776, 0},
      {"-1\n"sv, {}, 0},
      {"9223372036854771712\n"sv, {}, 0},
      {"9223372036854710272\n"sv, {}, 0},
      {"18446744073709551615\n"sv, {}, 0},
      {"99999999999999999999999999999999\n"sv, {}, 0},
      {"0\n"sv, {}, 1},
      {""sv, {}, 1},
      {"\n"sv, {}, 1},
      {"\0\0"sv, {}, 1},
      {"-\n"sv, {}, 1},
      {"4096 junk\n"sv, 4096, 1},
      {"4096junk\n"sv, {}, 1},
      {"4k\n"sv, {}, 1},
      {"0x1000\n"sv, {}, 1},
      {"+4096\n"sv, {}, 1},
      {"Max\n"sv, {}, 1},
      {"\x80\xff\n"sv, {}, 1},
  };
  for (const LimitCase& c : cases) {
    FakeRoot root;
    v2_group(root, "/").put("sys/fs/cgroup/memory.max", c.content);
    const CgroupFacts facts = read_cgroup(root.path());
    const auto expected = c.bytes ? std::optional(Bytes{*c.bytes}) : std::nullopt;
    EXPECT_EQ(facts.memory.at(0).max, expected) << c.content;
    EXPECT_THAT(facts.notes, SizeIs(c.notes)) << c.content;
  }
}

struct QuotaCase {
  std::string_view content;
  std::optional<double> cpus;
  std::size_t notes;
};

TEST(Cgroup, ParsesEveryFormOfAQuota) {
  const QuotaCase cases[] = {
      {"max 100000\n", {}, 0},
      {"150000 100000\n", 1.5, 0},
      {"50000 100000", 0.5, 0},
      {"150000\n", 1.5, 0},
      {"max\n", {}, 0},
      {"1000 1000000\n", 0.001, 0},
      {"409600000 100000\n", 4096.0, 0},
      {"-1 100000\n", {}, 0},
      {"99999999999999999999999 100000\n", {}, 0},
      {"150000 100000 0\n", 1.5, 1},
      {"150000 0\n", {}, 1},
      {"150000 max\n", {}, 1},
      {"150000 junk\n", {}, 1},
      {"1.5 100000\n", {}, 1},
      {"junk\n", {}, 1},
      {"0 100000\n", {}, 1},
      {"", {}, 1},
  };
  for (const QuotaCase& c : cases) {
    FakeRoot root;
    v2_group(root, "/").put("sys/fs/cgroup/cpu.max", c.content);
    const CgroupFacts facts = read_cgroup(root.path());
    ASSERT_THAT(facts.cpu, SizeIs(1));
    ASSERT_EQ(facts.cpu[0].quota.has_value(), c.cpus.has_value()) << c.content;
    EXPECT_DOUBLE_EQ(facts.cpu[0].quota.value_or(Cpus{}).value, c.cpus.value_or(0)) << c.content;
    EXPECT_THAT(facts.notes, SizeIs(c.notes)) << c.content;
  }
}

// One byte of one file is damaged at a time; whatever is then believed must still make sense.
TEST(Cgroup, DamagedBytesGiveSensibleFactsOrNone) {
  constexpr std::string_view kDamage("\0\n /.:-9\\\xff", 10);
  const std::pair<std::string_view, std::string_view> files[] = {
      {"proc/self/cgroup", "5:cpu,cpuacct:/a/b\n0::/a\n"},
      {"proc/self/mountinfo",
       "30 1 0:26 / /c rw shared:1 - cgroup cgroup rw,cpu,cpuacct\n31 1 0:27 /a /m\\040n rw - "
       "cgroup2 none rw\n"},
      {"proc/meminfo", "MemTotal:       4096 kB\nMemAvailable:   1024 kB\n"},
      {"c/a/b/cpu.cfs_quota_us", "150000\n"},
      {"c/a/b/cpu.cfs_period_us", "100000\n"},
      {"c/a/b/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 777\n"},
      {"m n/memory.max", "1048576\n"},
      {"m n/memory.stat", "anon 1\ninactive_file 4096\n"}};
  FakeRoot root;
  for (const auto& [name, content] : files) root.put(name, content);
  const CgroupFacts whole = read_cgroup(root.path());
  ASSERT_EQ(whole.cpu.at(0).quota, Cpus{1.5});
  ASSERT_EQ(whole.memory.at(0).max, Bytes{1048576});
  for (const auto& [name, content] : files) {
    for (std::size_t at = 0; at < content.size(); ++at) {
      std::string damaged(content);
      damaged[at] = kDamage[at % kDamage.size()];
      root.put(name, damaged);
      const CgroupFacts facts = read_cgroup(root.path());
      for (const CpuLevel& level : facts.cpu) {
        ASSERT_GT(level.quota.value_or(Cpus{1}).value, 0) << name << " at " << at;
      }
      for (const MemoryLevel& level : facts.memory) {
        ASSERT_GT(level.max.value_or(Bytes{1}).value, 0U) << name << " at " << at;
      }
    }
    root.put(name, content);
  }
}

TEST(Cgroup, ReadsPressureOfTheOwnGroupBeforeThatOfTheMachine) {
  FakeRoot root;
  root.put("proc/self/cgroup", "0::/\n")
      .put("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup rw\n")
      .put("proc/pressure/cpu", "some avg10=9.00 avg60=8.00 avg300=7.00 total=6\n");
  EXPECT_EQ(read_cgroup(root.path()).cpu_pressure.value().some_avg10, 9.0);
  EXPECT_TRUE(read_cgroup(root.path()).pressure_of_machine);
  root.put("cg/cpu.max", "max 100000\n")
      .put("cg/cpu.pressure",
           "some avg10=1.85 avg60=16.12 avg300=23.51 total=7307622508\n"
           "full avg10=0.50 avg60=0.25 avg300=0.00 total=0\n");
  const CgroupFacts facts = read_cgroup(root.path());
  ASSERT_TRUE(facts.cpu_pressure);
  EXPECT_FALSE(facts.pressure_of_machine);
  EXPECT_EQ(facts.cpu_pressure->some_avg10, 1.85);
  EXPECT_EQ(facts.cpu_pressure->some_avg60, 16.12);
  EXPECT_EQ(facts.cpu_pressure->full_avg10, 0.5);
  EXPECT_EQ(facts.cpu_pressure->full_avg60, 0.25);
  EXPECT_FALSE(facts.memory_pressure);
  for (const char* nonsense :
       {"", "some\n", "some avg10=x\n", "full avg10=1.0\n", "some avg60=1"}) {
    root.put("cg/cpu.pressure", nonsense);
    EXPECT_EQ(read_cgroup(root.path()).cpu_pressure.value_or(Pressure{}).some_avg10 > 10, false);
  }
}

TEST(Cgroup, WhatCannotBeReclaimedIsUseLessPageCache) {
  FakeRoot root;
  root.put("proc/self/cgroup", "3:memory:/a\n")
      .put("proc/self/mountinfo", "30 23 0:26 / /m rw - cgroup cgroup rw,memory\n")
      .put("m/a/memory.usage_in_bytes", "1000000\n")
      .put("m/a/memory.stat",
           "rss 1\ninactive_file 2\ntotal_rss 400000\ntotal_shmem 250000\ntotal_inactive_file "
           "100000\n"
           "total_active_file 150000\n");
  const MemoryLevel level = read_cgroup(root.path()).memory.at(0);
  EXPECT_EQ(level.anonymous, Bytes{400000});
  EXPECT_EQ(level.shared, Bytes{250000});
  EXPECT_EQ(level.unreclaimable(), Bytes{650000})
      << "the rest is the kernel's, names of files mostly";

  EXPECT_EQ(MemoryLevel{}.unreclaimable(), std::nullopt);
}

TEST(Cgroup, ALimitThatChangesIsSeenByTheNextRead) {
  FakeRoot root;
  root.put("proc/self/cgroup", "0::/a\n")
      .put("proc/self/mountinfo", "30 1 0:26 / /c rw - cgroup2 none rw\n")
      .put("c/a/cpu.max", "150000 100000\n")
      .put("c/a/memory.max", "1048576\n");
  const CgroupFacts before = read_cgroup(root.path());
  EXPECT_EQ(before.cpu.at(0).quota, Cpus{1.5});
  EXPECT_EQ(before.memory.at(0).max, Bytes{1048576});
  root.put("c/a/cpu.max", "max 100000\n")
      .put("c/a/memory.max", "2097152\n")
      .put("c/cpu.max", "400000 100000\n");
  const CgroupFacts after = read_cgroup(root.path());
  EXPECT_FALSE(after.cpu.at(0).quota);
  EXPECT_EQ(after.cpu.at(1).quota, Cpus{4});
  EXPECT_EQ(after.memory.at(0).max, Bytes{2097152});
  // The process may also be moved, and be shown another mount.
  root.put("proc/self/cgroup", "0::/b\n").put("c/b/cpu.max", "50000 100000\n");
  EXPECT_EQ(read_cgroup(root.path()).cpu.at(0).quota, Cpus{0.5});
}

// With the mounts compared each with each, this would take minutes and run into the time limit.
TEST(Cgroup, FindsItsGroupAmongTensOfThousandsOfMounts) {
  std::string mounts = "30 1 0:26 / /c rw - cgroup2 none rw\n";
  for (int i = 0; i < 100'000; ++i) {
    mounts += "31 1 0:27 / /run/" + std::to_string(i) + " rw - overlay overlay rw,lowerdir=/a\n";
  }
  FakeRoot root;
  root.put("proc/self/cgroup", "0::/\n").put("proc/self/mountinfo", mounts);
  root.put("c/cpu.max", "150000 100000\n");
  EXPECT_EQ(read_cgroup(root.path()).cpu.at(0).quota, Cpus{1.5});
}

TEST(Cgroup, FiguresThatCannotBeAreNone) {
  FakeRoot root;
  root.put("proc/self/cgroup", "0::/\n")
      .put("proc/self/mountinfo", "30 1 0:26 / /c rw - cgroup2 none rw\n")
      .put("proc/meminfo", "MemTotal: 0 kB\n")
      .put("c/cpu.pressure", "some avg10=nan avg60=1 avg300=1 total=1\n")
      .put("c/memory.pressure", "some avg10=inf avg60=nan avg300=1 total=1\n")
      .put("c/cpu.stat",
           "usage_usec 18446744073709551\nnr_periods 1\nthrottled_usec 18446744073709551615\n");
  const CgroupFacts facts = read_cgroup(root.path());
  EXPECT_FALSE(facts.cpu_used);
  EXPECT_EQ(facts.cpu.at(0).throttling.value().time.count(), 0);
  EXPECT_FALSE(facts.mem_total);
  EXPECT_FALSE(facts.cpu_pressure);
  EXPECT_EQ(facts.memory_pressure.value().some_avg10, 100);
  EXPECT_EQ(facts.memory_pressure.value().some_avg60, 0);
}

TEST(Cgroup, AnEmptyRootGivesNoFactsAndSaysSo) {
  const FakeRoot root;
  const CgroupFacts facts = read_cgroup(root.path());
  EXPECT_EQ(facts.version, CgroupVersion::none);
  EXPECT_THAT(facts.cpu, IsEmpty());
  EXPECT_THAT(facts.memory, IsEmpty());
  EXPECT_THAT(facts.notes, ElementsAre(HasSubstr("no cgroup of this process is visible")));
}

TEST(Cgroup, TheRealMachineHasMemory) {
  const CgroupFacts facts = read_cgroup();
  ASSERT_TRUE(facts.mem_total);
  EXPECT_GT(facts.mem_total->value, (16_MiB).value);
}

}  // namespace
}  // namespace headrace::sys
