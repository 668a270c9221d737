// One line about one request, for whoever asks later what happened.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::http {

// What an application adds to the record of its request.
struct Note {
  std::string key;
  std::string json;  // the value, as JSON
};

// The status of a request whose client was gone before it had the answer; never sent.
inline constexpr unsigned kClientGone = 499;

// Views are good for the duration of the call that hands this over.
struct AccessRecord {
  std::chrono::system_clock::time_point time{};  // when the request began
  std::string_view remote{};                     // "192.0.2.1:50000", "unix"
  std::string_view method{};                     // empty when the head could not be read
  std::string_view path{};                       // decoded, without query
  unsigned status = 0;
  std::uint64_t bytes_in = 0;  // of the body, as sent
  std::uint64_t bytes_out = 0;
  std::chrono::microseconds duration{};  // from the first byte to the last of the answer
  std::string_view request_id{};
  std::string_view trace_id{};  // empty without a trace
  const std::vector<Note>& notes;
};

// One JSON object, without a line end.
std::string to_json(const AccessRecord& record);

}  // namespace headrace::http
