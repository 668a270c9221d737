#include "cli/command_line.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;

TEST(ShellWord, LeavesPlainWordsAsTheyAre) {
  for (const char* plain : {"pictures/a_1.jpg", "--time", "-x", "-", "@list.txt", "a:b=c+d%e,f"})
    EXPECT_EQ(shell_word(plain), plain);
}

TEST(ShellWord, QuotesWhatAShellWouldTakeApart) {
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("my pictures"), "'my pictures'");
  EXPECT_EQ(shell_word("it's"), R"('it'\''s')");
  EXPECT_EQ(shell_word("'"), R"(''\''')");
  EXPECT_EQ(shell_word("say \"$HOME\""), "'say \"$HOME\"'");
  EXPECT_EQ(shell_word("a\nb"), "'a\nb'");
  EXPECT_EQ(shell_word("*"), "'*'");
  EXPECT_EQ(shell_word("~"), "'~'");
  EXPECT_EQ(shell_word("a\\b"), "'a\\b'");
  EXPECT_EQ(shell_word("\xC3\xA9t\xC3\xA9"), "'\xC3\xA9t\xC3\xA9'");
}

TuneOptions a_tuning() {
  TuneOptions options;
  options.model = "lite0";
  options.inputs = {"my pictures", "@list.txt"};
  return options;
}

TEST(CommandLine, SaysWhatWasTunedAndForHowLong) {
  EXPECT_EQ(command_line(a_tuning()),
            "headrace tune lite0 'my pictures' @list.txt --time 100s --sample 500");
}

TEST(CommandLine, SaysAllThatDiffersFromTheUsual) {
  TuneOptions options = a_tuning();
  options.inputs = {"in"};
  options.latency = true;
  options.rate = 12.5;
  options.p99 = 1500us;
  options.time = 7500ms;
  options.sample = 20;
  options.engine = "openvino";
  options.cpus = "1.5";
  options.memory_mb = "512";
  options.timeout = 2s;
  options.load_timeout = 5s;
  options.max_bytes = 1000;
  options.max_pixels = 2000;
  options.result_bytes = 0;
  options.out = "the plan.toml";
  options.report = "none";
  EXPECT_EQ(command_line(options),
            "headrace tune lite0 in --for latency --rate 12.5 --p99 1.5ms --time 7.5s --sample 20 "
            "--engine openvino --cpus 1.5 --memory-mb 512 --timeout 2000ms --load-timeout 5000ms "
            "--max-bytes 1000 --max-pixels 2000 --result-bytes 0 --out 'the plan.toml' "
            "--report none");
}

TEST(CommandLine, KeepsNamesFromBeingTakenForOptions) {
  TuneOptions options = a_tuning();
  options.inputs = {"-x.jpg", "-"};
  EXPECT_EQ(command_line(options), "headrace tune --time 100s --sample 500 -- lite0 -x.jpg -");
  options.inputs = {"-"};
  EXPECT_EQ(command_line(options), "headrace tune lite0 - --time 100s --sample 500");
}

}  // namespace
}  // namespace headrace::cli
