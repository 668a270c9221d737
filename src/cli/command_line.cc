#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

namespace headrace::cli {

using std::chrono::duration;

std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string command_line(const TuneOptions& o) {
  const TuneOptions usual;
  std::string text = "headrace tune";
  const auto word = [&](const std::string& given) { text += " " + shell_word(given); };
  const auto add = [&](const char* option, const std::string& value, bool differs) {
    if (!differs) return;
    word(option);
    word(value);
  };
  const auto time = [](std::chrono::microseconds value) {
    return fmt::format("{:g}ms", duration<double, std::milli>(value).count());
  };
  std::vector<std::string> names{o.model};
  names.insert(names.end(), o.inputs.begin(), o.inputs.end());
  // They would be taken for options.
  const bool dashed = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.size() > 1 && name.front() == '-';
  });
  if (!dashed) std::for_each(names.begin(), names.end(), word);
  add("--for", "latency", o.latency);
  add("--rate", fmt::format("{:g}", o.rate.value_or(0)), o.rate.has_value());
  add("--p99", time(o.p99), o.p99 != usual.p99);
  add("--time", fmt::format("{:g}s", duration<double>(o.time).count()), true);
  add("--sample", fmt::format("{}", o.sample), true);
  add("--engine", o.engine, !o.engine.empty());
  add("--cpus", o.cpus, !o.cpus.empty());
  add("--memory-mb", o.memory_mb, !o.memory_mb.empty());
  add("--handler-settings", o.handler_settings, !o.handler_settings.empty());
  add("--timeout", time(o.timeout), o.timeout != usual.timeout);
  add("--load-timeout", time(o.load_timeout), o.load_timeout != usual.load_timeout);
  add("--max-bytes", fmt::format("{}", o.max_bytes), o.max_bytes != usual.max_bytes);
  add("--max-pixels", fmt::format("{}", o.max_pixels), o.max_pixels != usual.max_pixels);
  add("--result-bytes", fmt::format("{}", o.result_bytes.value_or(0)), o.result_bytes.has_value());
  add("--out", o.out, !o.out.empty());
  add("--report", o.report, o.report != usual.report);
  if (dashed) {
    word("--");
    std::for_each(names.begin(), names.end(), word);
  }
  return text;
}

}  // namespace headrace::cli
