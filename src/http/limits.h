// How much of everything a stranger may have.
//
// A server on a public address is asked for too much all day: by mistake, by scanners, on purpose.
// Whatever a request can make grow has its bound here, in bytes, in number or in time; past it the
// answer is an error or the connection is closed, never more memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace headrace::http {

// The least that a peer must do while bytes are to move. Time that we spend ourselves is not counted.
struct Pace {
  std::chrono::milliseconds idle;   // nothing at all moved for this long: given up
  std::chrono::milliseconds grace;  // after this much waiting the average counts as well
  std::uint64_t bytes_per_second;   // the least average
};

struct Limits {
  Bytes head = 16_KiB;   // request line and header fields together
  Bytes target = 8_KiB;  // the request line's second word
  std::size_t fields = 100;
  Bytes body = 64_MiB;  // as it is sent, and again as it is after inflating
  // A compressed body may grow this many times, counted once it is larger than a mebibyte.
  std::uint64_t inflate_ratio = 100;
  std::size_t connections = 1024;   // of one listener
  std::uint64_t requests = 10'000;  // of one connection; the last answer says that it closes
  std::chrono::milliseconds head_time =
      std::chrono::seconds(10);  // from its first byte to its last
  std::chrono::milliseconds handshake_time = std::chrono::seconds(10);
  std::chrono::milliseconds keep_alive = std::chrono::seconds(75);  // between two requests
  std::chrono::milliseconds linger = std::chrono::seconds(2);  // for a client to read a last answer
  Pace body_pace{std::chrono::seconds(30), std::chrono::seconds(10), 1024};
  // Instead of it while others are kept out: Exchange::hurry_while().
  Pace crowded_body_pace{std::chrono::seconds(2), std::chrono::seconds(2), 128 << 10};
  Pace answer_pace{std::chrono::seconds(30), std::chrono::seconds(10), 1024};
};

}  // namespace headrace::http
