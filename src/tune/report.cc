#include "tune/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/words.h"

namespace headrace::tune {
namespace {

std::string plus_minus(const Row& row) {
  if (row.rate_high <= row.rate_low) return fmt::format("{:.1f}", row.rate);
  return fmt::format("{:.1f} ± {:.1f}", row.rate, (row.rate_high - row.rate_low) / 2);
}

// fmt counts "±" as one column, like a terminal.
std::string line(const Row& row) {
  std::string text =
      fmt::format("{} {:<36} {:>16} {:>9.1f} {:>9.1f} {:>6.2f} {:>9.0f}", row.chosen ? "*" : " ",
                  short_text(row.numbers), plus_minus(row), row.whole.p50_ms, row.whole.p99_ms,
                  row.cpu_used, row.memory.mib());
  text += row.throttled ? fmt::format(" {:>8.0f} %", 100 * *row.throttled) : "          ";
  if (row.untuned) text += "  without tuning";
  return text + "\n";
}

}  // namespace

std::string to_text(const Report& report) {
  std::string text =
      fmt::format("{:<38} {:>16} {:>9} {:>9} {:>6} {:>9} {:>10}\n", "  plan (workers x threads)",
                  "items/s", "p50 ms", "p99 ms", "cores", "MiB", "throttled");
  for (const Row& row : report.rows) {
    if (row.lost_for.empty() && row.trials > 0 && (row.finalist || row.chosen || row.untuned))
      text += line(row);
  }
  for (const Row& row : report.rows) {
    if (!row.lost_for.empty())
      text += fmt::format("lost: {}: {}\n", short_text(row.numbers), row.lost_for);
  }
  for (const std::string& reason : report.not_tried) text += "not tried: " + reason + "\n";
  if (report.left_out > 0) {
    text += fmt::format("{} of {} inputs failed and were left out", report.left_out, report.inputs);
    text += report.failures.empty() ? "\n" : ", such as " + report.failures.front() + "\n";
  }
  return text + report.decision + "\n";
}

}  // namespace headrace::tune
