// The report as one page. Everything that others wrote (names, messages) is escaped; the plots are
// SVG in the page, in its colours.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/text.h"
#include "plan/words.h"
#include "tune/report.h"

namespace headrace::tune {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1c2430; --dim: #667085; --paper: #ffffff; --panel: #f5f7fa;
  --rule: #d8dee8; --water: #1f6feb; --water2: #12a594; --warm: #d9730d; --bad: #c4314b; --violet: #7a4fd0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --dim: #98a2b3; --paper: #12161d;
  --panel: #1a202a; --rule: #303846; --water: #5b9dff; --water2: #3fcfb9; --warm: #f0a04b;
  --bad: #f0718a;
  --violet: #b094ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p.dim, td.dim, caption { color: var(--dim); }
.answer { background: var(--panel); border-left: 4px solid var(--water); padding: .9rem 1.2rem;
  margin: 1.4rem 0; border-radius: 0 6px 6px 0; }
.answer b { font-size: 1.25rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(27rem, 1fr)); gap: 1rem; }
@media (max-width: 30rem) { .plots { grid-template-columns: 1fr; } }
figure { margin: 0; background: var(--panel); border-radius: 8px; padding: .8rem 1rem; }
figcaption { font-weight: 600; margin-bottom: .4rem; }
svg { width: 100%; height: auto; display: block; font: 11px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .dim { fill: var(--dim); } svg .rule { stroke: var(--rule); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--rule);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.chosen { background: var(--panel); font-weight: 600; }
pre { background: var(--panel); border-radius: 8px; padding: 1rem; overflow-x: auto; }
)";

constexpr double kFarLimit = 3;  // times the longest bar

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : to_utf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // What no page may hold, a terminal's escapes among them.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

// A round number at or above `value`, whose quarters are round too, for the end of an axis.
double axis_end(double value) {
  if (!(value > 0)) return 1;
  const double scale = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0}) {
    if (step * scale >= value) return step * scale;
  }
  return 10 * scale;
}

std::string number(double value) {
  return value >= 100 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

struct Bar {
  std::string label{};
  double value = 0;
  double low = 0, high = 0;      // an interval, unless both are 0
  std::optional<double> mark{};  // a second value, as a tick
  bool strong = false;
};

// Horizontal bars, one a candidate. `limit` is drawn as a line across all.
std::string bars(const std::string& title, const std::string& unit, const std::vector<Bar>& rows,
                 std::optional<double> limit) {
  constexpr double kLeft = 228, kWidth = 540, kRow = 20, kRight = 56;
  double most = 0;
  for (const Bar& bar : rows) most = std::max({most, bar.value, bar.high, bar.mark.value_or(0)});
  // A limit far away is told, not drawn: the bars would be specks beside it.
  const bool far = limit && *limit > kFarLimit * most;
  if (limit && !far) most = std::max(most, *limit);
  const double end = axis_end(most);
  const double room = kWidth - kLeft - kRight;
  const auto x = [&](double value) { return kLeft + room * std::clamp(value / end, 0.0, 1.0); };
  const double height = kRow * static_cast<double>(rows.size()) + 22;
  std::string out = fmt::format(
      "<figure><figcaption>{}</figcaption>\n<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" "
      "aria-label=\"{}\">\n",
      escaped(title), kWidth, height, escaped(title));
  for (int i = 0; i <= 4; ++i) {
    const double at = x(end * i / 4);
    out += fmt::format(
        "<line class=\"rule\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"0\" y2=\"{1:.1f}\"/><text "
        "class=\"dim\" x=\"{0:.1f}\" y=\"{2:.1f}\" text-anchor=\"middle\">{3}{4}</text>\n",
        at, height - 18, height - 5, number(end * i / 4), i == 4 ? " " + escaped(unit) : "");
  }
  double y = 3;
  for (const Bar& bar : rows) {
    const char* const colour = bar.strong ? "var(--water)" : "var(--water2)";
    out += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\"{}>{}</text><rect x=\"{:.1f}\" "
        "y=\"{:.1f}\" width=\"{:.1f}\" height=\"13\" rx=\"2\" fill=\"{}\"{}/>",
        kLeft - 8, y + 10.5, bar.strong ? " font-weight=\"700\"" : "", escaped(bar.label), kLeft, y,
        std::max(1.0, x(bar.value) - kLeft), colour, bar.strong ? "" : " opacity=\"0.6\"");
    if (bar.high > bar.low) {
      out += fmt::format(
          "<path d=\"M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3:.1f}v6M{1:.1f} {3:.1f}v6\" "
          "stroke=\"var(--ink)\" fill=\"none\"/>",
          x(bar.low), x(bar.high), y + 6.5, y + 3.5);
    }
    if (bar.mark) {
      out +=
          fmt::format("<path d=\"M{0:.1f} {1:.1f}v13\" stroke=\"var(--warm)\" stroke-width=\"3\"/>",
                      x(*bar.mark), y);
    }
    const double right = std::max({bar.value, bar.high, bar.mark.value_or(0)});
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x(right) + 6, y + 10.5,
                       number(bar.mark.value_or(bar.value)));
    y += kRow;
  }
  if (limit && !far) {
    out += fmt::format(
        "<path d=\"M{0:.1f} 0V{1:.1f}\" stroke=\"var(--bad)\" stroke-width=\"1.5\" "
        "stroke-dasharray=\"4 3\"/>\n",
        x(*limit), height - 18);
  }
  return out + "</svg></figure>\n";
}

using Curves = std::map<std::string, std::map<unsigned, const Row*>>;

// The best batch of each number of workers, a curve an engine and number of threads.
Curves curves_of(const Report& report) {
  Curves curves;
  for (const Row& row : report.rows) {
    if (row.rate <= 0 || !row.lost_for.empty()) continue;
    const Numbers& n = row.numbers;
    std::string name = n.engine.empty() ? "" : n.engine + ", ";
    name += plan::count(n.threads, "thread");
    if (n.streams > 1) name += fmt::format(", {} streams", n.streams);
    const Row*& best = curves[name][n.workers];
    if (best == nullptr || best->rate < row.rate) best = &row;
  }
  return curves;
}

std::string curve_marks(const std::map<unsigned, const Row*>& points, const char* colour,
                        const std::function<double(double)>& x,
                        const std::function<double(double)>& y) {
  std::string path;
  std::string dots;
  for (const auto& [workers, row] : points) {
    const double at = x(workers);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", at, y(row->rate));
    dots += fmt::format(
        "<path d=\"M{0:.1f} {1:.1f}V{2:.1f}\" stroke=\"{3}\"/><circle cx=\"{0:.1f}\" "
        "cy=\"{4:.1f}\" r=\"4\" fill=\"{3}\"><title>{5}: {6} items/s</title></circle>\n",
        at, y(row->rate_low), y(row->rate_high), colour, y(row->rate),
        escaped(short_text(row->numbers)), number(row->rate));
  }
  return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path,
                     colour) +
         dots;
}

std::string rate_by_workers(const Report& report) {
  constexpr double kLeft = 48, kTop = 8, kWidth = 480, kHeight = 190;
  static constexpr const char* kColours[] = {"var(--water)", "var(--warm)",   "var(--water2)",
                                             "var(--bad)",   "var(--violet)", "var(--dim)"};
  const Curves curves = curves_of(report);
  double most_rate = 0;
  unsigned most_workers = 1;
  for (const auto& [name, points] : curves) {
    for (const auto& [workers, row] : points) {
      most_rate = std::max(most_rate, row->rate_high);
      most_workers = std::max(most_workers, workers);
    }
  }
  const double end = axis_end(most_rate);
  const auto x = [&](double workers) {
    return kLeft + (kWidth - kLeft - 20) * workers / (most_workers + 0.5);
  };
  const auto y = [&](double rate) {
    return kTop + kHeight * (1 - std::clamp(rate / end, 0.0, 1.0));
  };
  const double height = kTop + kHeight + 36 + 16 * static_cast<double>(curves.size());
  std::string out = fmt::format(
      "<figure><figcaption>Rate against workers (the best batch of each)</figcaption>\n<svg "
      "viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"Rate against workers\">\n",
      kWidth, height);
  for (int i = 0; i <= 4; ++i) {
    out += fmt::format(
        "<line class=\"rule\" x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text "
        "class=\"dim\" x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
        kLeft, kWidth, y(end * i / 4), y(end * i / 4), kLeft - 6, y(end * i / 4) + 4,
        number(end * i / 4));
  }
  const unsigned step = std::max(1U, most_workers / 8);
  for (unsigned workers = step; workers <= most_workers; workers += step) {
    out += fmt::format(
        "<text class=\"dim\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
        x(workers), kTop + kHeight + 16, workers);
  }
  double legend = kTop + kHeight + 38;
  std::size_t which = 0;
  for (const auto& [name, points] : curves) {
    const char* const colour = kColours[which++ % std::size(kColours)];
    out += curve_marks(points, colour, x, y);
    out += fmt::format(
        "<rect x=\"{:.0f}\" y=\"{:.1f}\" width=\"12\" height=\"3\" fill=\"{}\"/><text x=\"{:.0f}\" "
        "y=\"{:.1f}\">{}</text>\n",
        kLeft, legend - 5, colour, kLeft + 18, legend, escaped(name));
    legend += 16;
  }
  return out + "</svg></figure>\n";
}

std::string plots(const Report& report) {
  std::vector<Bar> rate, latency, cpu, throttled, memory;
  bool any_throttling = false;
  for (const Row& row : report.rows) {
    if (row.rate <= 0) continue;
    const std::string label = short_text(row.numbers);
    const auto bar = [&](double value) {
      return Bar{.label = label, .value = value, .strong = row.chosen};
    };
    rate.push_back(bar(row.rate));
    rate.back().low = row.rate_low;
    rate.back().high = row.rate_high;
    latency.push_back(bar(row.whole.p50_ms));
    latency.back().mark = row.whole.p99_ms;
    cpu.push_back(bar(row.cpu_used));
    memory.push_back(bar(row.memory.mib()));
    throttled.push_back(bar(100 * row.throttled.value_or(0)));
    any_throttling = any_throttling || row.throttled;
  }
  std::string out = "<div class=\"plots\">\n" + rate_by_workers(report);
  out += bars(report.goal.latency ? "Rate" : "Rate, with 95 % interval", "items/s", rate,
              std::nullopt);
  out += bars(report.goal.arrivals
                  ? "From arrival to answer: median (bar) and 99th percentile (tick)"
                  : "From admission to answer, queue full: median (bar) and 99th percentile (tick)",
              "ms", latency, report.goal.p99_ms);
  out += bars(fmt::format("Cores used, of {}", plan::decimal(report.place.cpus.value)), "", cpu,
              report.place.cpus.value);
  out += bars("Memory of all workers, of " + plan::mib(report.usable_memory), "MiB", memory,
              report.usable_memory.mib());
  if (any_throttling) {
    out += bars("Throttled periods", "%", throttled, std::nullopt);
  } else {
    out +=
        "<figure><figcaption>Throttled periods</figcaption><p class=\"dim\">The container has "
        "no CPU quota that counts them.</p></figure>\n";
  }
  return out + "</div>\n";
}

std::string table(const Report& report) {
  std::string out =
      "<div class=\"scroll\"><table><thead><tr><th>plan (workers x threads)</th><th>items/s</th>"
      "<th>&#177;</th><th>p50 ms</th><th>p95 ms</th><th>p99 ms</th><th>cores</th><th>MiB</th>"
      "<th>throttled</th><th>load s</th><th>trials</th><th></th></tr></thead><tbody>\n";
  for (const Row& row : report.rows) {
    out += fmt::format("<tr{}><td>{}</td>", row.chosen ? " class=\"chosen\"" : "",
                       escaped(short_text(row.numbers)));
    if (!row.lost_for.empty() || row.trials == 0) {
      out += fmt::format("<td colspan=\"11\" class=\"dim\">{}</td></tr>\n", escaped(row.lost_for));
      continue;
    }
    out += fmt::format(
        "<td>{:.1f}</td><td>{}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.2f}</td>"
        "<td>{:.0f}</td><td>{}</td><td>{:.2f}</td><td>{}</td><td>{}{}</td></tr>\n",
        row.rate,
        row.rate_high > row.rate_low ? fmt::format("{:.1f}", (row.rate_high - row.rate_low) / 2)
                                     : "",
        row.whole.p50_ms, row.whole.p95_ms, row.whole.p99_ms, row.cpu_used, row.memory.mib(),
        row.throttled ? fmt::format("{:.0f} %", 100 * *row.throttled) : "-", row.load_seconds,
        row.trials, row.chosen ? "chosen" : "",
        row.untuned ? (row.chosen ? ", as without tuning" : "without tuning") : "");
  }
  return out + "</tbody></table></div>\n";
}

std::string list(const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string out = "<h2>" + escaped(title) + "</h2>\n<ul>\n";
  for (const std::string& line : lines) out += "<li>" + escaped(line) + "</li>\n";
  return out + "</ul>\n";
}

}  // namespace

std::string to_html(const Report& report) {
  const auto chosen = std::find_if(report.rows.begin(), report.rows.end(),
                                   [](const Row& row) { return row.chosen; });
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta "
      "name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{} tuned for "
      "{}</title>\n<style>{}</style>\n</head>\n<body>\n",
      escaped(report.model), escaped(to_text(report.goal)), kStyle);
  out += fmt::format("<h1>{}</h1>\n<p class=\"dim\">tuned for {} by {}, {}, in {:.0f} s</p>\n",
                     escaped(report.model), escaped(to_text(report.goal)), escaped(report.made_by),
                     escaped(report.made_at), report.seconds);
  out +=
      fmt::format("<p>{} CPUs ({}), {} of memory for workers. {} inputs, evenly from {}.</p>\n",
                  plan::decimal(report.place.cpus.value),
                  escaped(report.place.processor.empty() ? "unknown" : report.place.processor),
                  plan::mib(report.usable_memory), report.inputs - report.left_out, report.listed);
  if (!report.stopped.empty())
    out += fmt::format("<p><b>Stopped early ({}): the best so far.</b></p>\n",
                       escaped(report.stopped));
  if (chosen != report.rows.end()) {
    out += fmt::format("<div class=\"answer\"><b>{}</b><br/>{}</div>\n",
                       escaped(short_text(chosen->numbers)), escaped(report.decision));
  }
  out += plots(report) + "<h2>Everything that was measured</h2>\n" + table(report);
  out += list("Not tried", report.not_tried);
  out += list("Inputs that failed and were left out", report.failures);
  out += fmt::format("<h2>The plan</h2>\n<p class=\"dim\">{}</p>\n<pre>{}</pre>\n",
                     escaped(report.plan_file), escaped(report.plan_text));
  out += fmt::format("<h2>Again</h2>\n<pre>{}</pre>\n", escaped(report.command));
  return out + "</body>\n</html>\n";
}

}  // namespace headrace::tune
