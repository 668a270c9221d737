#include "pipeline/answer.h"

#include <fmt/format.h>

#include <iterator>

#include "base/text.h"

namespace headrace::pipeline {
namespace {

double ms(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1000.0;
}

}  // namespace

std::string to_line(const Answer& answer) {
  std::string line;
  line.reserve(160 + answer.input.size() + answer.result.size() + answer.message.size());
  const auto out = std::back_inserter(line);
  fmt::format_to(out, "{{\"index\":{},\"input\":", answer.index);
  append_json_string(line, answer.input);
  fmt::format_to(out, ",\"status\":\"{}\",\"attempts\":{}", answer.error ? "failed" : "ok",
                 answer.attempts);
  if (answer.worker) fmt::format_to(out, ",\"worker\":{}", *answer.worker);
  if (answer.error) {
    fmt::format_to(out, ",\"error\":{{\"code\":\"{}\",\"message\":", name(*answer.error));
    append_json_string(line, answer.message);
    line += "}}\n";
    return line;
  }
  line += ",\"result\":";
  line += answer.result;
  fmt::format_to(out, ",\"ms\":{{\"queue\":{:.3f},\"decode\":{:.3f},\"infer\":{:.3f}}}}}\n",
                 ms(answer.times.queue), ms(answer.times.decode), ms(answer.times.infer));
  return line;
}

}  // namespace headrace::pipeline
