// Writes docs/detection.md, and the short table of README.md, from the layouts and the rules of
// other programs; with --check it writes nothing and fails when either is out of date.
//   detection_page [--check] DETECTION_MD README_MD
#include <fmt/core.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "others/score.h"

namespace headrace::others {
namespace {

constexpr std::string_view kBegin = "<!-- detection: made by tests/others/detection_page -->\n";
constexpr std::string_view kEnd = "<!-- detection: end -->\n";

using Score = std::map<Verdict, unsigned>;

std::vector<Score> scores_of(const std::vector<Row>& rows) {
  std::vector<Score> scores(programs().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; row.counts && i < scores.size(); ++i) {
      ++scores[i][judge(row.budget, row.answers[i])];
    }
  }
  return scores;
}

std::size_t counted(const std::vector<Row>& rows) {
  std::size_t count = 0;
  for (const Row& row : rows) count += row.counts ? 1 : 0;
  return count;
}

std::string score_table(const std::vector<Row>& rows) {
  std::string text = fmt::format(
      "| of {} layouts | right | too many | too few | no answer |\n|---|---:|---:|---:|---:|\n",
      counted(rows));
  const std::vector<Score> scores = scores_of(rows);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto number = [&](Verdict verdict) {
      const auto found = scores[i].find(verdict);
      return found == scores[i].end() ? 0U : found->second;
    };
    text += fmt::format("| {} | {} | {} | {} | {} |\n", programs()[i].title, number(Verdict::right),
                        number(Verdict::too_many), number(Verdict::too_few),
                        number(Verdict::no_answer));
  }
  return text;
}

std::string rules() {
  std::string text;
  for (const Program& program : programs()) {
    text += fmt::format("- **{}** (`{}` below): {}.\n", program.title, program.key, program.rule);
  }
  return text;
}

std::string matrix(const std::vector<Row>& rows) {
  std::string text = "| layout | what it is about | right |";
  std::string rule = "|---|---|---:|";
  for (const Program& program : programs()) {
    text += fmt::format(" {} |", program.key);
    rule += "---:|";
  }
  text += "\n" + rule + "\n";
  for (const Row& row : rows) {
    if (!row.counts) continue;
    text += fmt::format("| `{}` | {} | {} |", row.layout.name, row.layout.about,
                        row.layout.expected.at("cpus"));
    for (const Answer& answer : row.answers) {
      const std::string word = answer ? fmt::format("{}", *answer) : "none";
      text += judge(row.budget, answer) == Verdict::right ? fmt::format(" {} |", word)
                                                          : fmt::format(" **{}** |", word);
    }
    text += "\n";
  }
  return text;
}

std::string page(const std::vector<Row>& rows) {
  return fmt::format(
      R"(# Who sees the container right

Made by `tests/others/detection_page` from the layouts of [tests/layouts](../tests/layouts/README.md) and from the rules of
other programs, written down in [tests/others](../tests/others/others.cc); a test fails when this page is out of date.
Go 1.26.8, automaxprocs 1.6.0, OpenJDK 25.0.2, Rust 1.95, libuv 1.52.1 and loky 3.7.0 were also run on every layout, with the
layout's files in place of the machine's, and answered as their rules say; the rules of .NET and of coreutils are from their
sources alone.

A layout is a machine as a container shows it. What is *right* there is the tightest of the mask and all quotas from the
process's group up to the last that can be seen, as a fraction; an answer counts as right when it is that rounded down or
up (and at least 1), as *too many* above it, which is throttled, and as *too few* below it, which leaves paid-for
processors idle. This project answers right on all of them, because the layouts are its test. The other {0} layouts, about
the variables HEADRACE_CPUS and HEADRACE_MEMORY_MB, are no questions to others and do not count here.

The layouts are chosen to be difficult and not to be frequent, and a few hold what no kernel writes: a program that is right
on half of them may well be right in most containers. What counts is in which it is wrong.

## Score

{1}
## Rules

Each is the mask of `sched_getaffinity` unless a quota is tighter. "Group" is the process's control group, "mount" where its
hierarchy is mounted, "root of the mount" which part of it.

{2}
## Answers

Wrong ones are bold; *none* where a call fails or its result is left to chance.

{3})",
      rows.size() - counted(rows), score_table(rows), rules(), matrix(rows));
}

std::string file_text(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// README.md with its table made anew; empty when the markers are not there.
std::string with_table(const std::string& readme, const std::string& table) {
  const std::size_t begin = readme.find(kBegin);
  const std::size_t end = readme.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return "";
  return readme.substr(0, begin + kBegin.size()) + "\n" + table + "\n" + readme.substr(end);
}

bool bring_up_to_date(const char* path, const std::string& wanted, bool only_check) {
  if (wanted == file_text(path)) return true;
  if (only_check) {
    fmt::print(stderr, "{} is out of date; run detection_page without --check\n", path);
    return false;
  }
  std::ofstream out(path, std::ios::binary);
  out << wanted << std::flush;
  if (!out) fmt::print(stderr, "{} cannot be written\n", path);
  return static_cast<bool>(out);
}

int run(bool only_check, const char* detection, const char* readme) {
  std::vector<Row> rows;
  for (const std::string& name : layouts::names()) rows.push_back(row_of(name));
  const std::string table = with_table(file_text(readme), score_table(rows));
  if (table.empty()) {
    fmt::print(stderr, "{} has no line '{}'\n", readme, kBegin.substr(0, kBegin.size() - 1));
    return 1;
  }
  const bool page_good = bring_up_to_date(detection, page(rows), only_check);
  return bring_up_to_date(readme, table, only_check) && page_good ? 0 : 1;
}

}  // namespace
}  // namespace headrace::others

int main(int count, char** words) {
  const bool only_check = count == 4 && std::strcmp(words[1], "--check") == 0;
  if (count != 3 && !only_check) {
    fmt::print(stderr, "usage: detection_page [--check] DETECTION_MD README_MD\n");
    return 2;
  }
  return headrace::others::run(only_check, words[count - 2], words[count - 1]);
}
