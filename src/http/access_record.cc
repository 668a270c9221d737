#include "http/access_record.h"

#include <fmt/chrono.h>

#include <iterator>

#include "base/text.h"

namespace headrace::http {
namespace {

void append_text(std::string& out, std::string_view key, std::string_view value) {
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, value);
}

}  // namespace

std::string to_json(const AccessRecord& record) {
  const auto millis = std::chrono::time_point_cast<std::chrono::milliseconds>(record.time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(millis);
  std::string out;
  out.reserve(320);
  fmt::format_to(std::back_inserter(out), "{{\"time\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\"",
                 fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                 (millis - seconds).count());
  append_text(out, "remote", record.remote);
  append_text(out, "method", record.method);
  append_text(out, "path", record.path);
  fmt::format_to(std::back_inserter(out),
                 ",\"status\":{},\"bytes_in\":{},\"bytes_out\":{},\"duration_us\":{}",
                 record.status, record.bytes_in, record.bytes_out, record.duration.count());
  append_text(out, "request_id", record.request_id);
  if (!record.trace_id.empty()) append_text(out, "trace_id", record.trace_id);
  for (const Note& note : record.notes) {
    out += ',';
    append_json_string(out, note.key);
    out += ':';
    out += note.json;
  }
  out += '}';
  return out;
}

}  // namespace headrace::http
