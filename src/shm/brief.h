// What a worker is told when it starts, and what it answers before its first item.
//
// Here because it is the only other thing that supervisor and worker have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/sandbox.h"

namespace headrace::shm {

// Descriptors that a worker is started with.
inline constexpr int kControlFd =
    3;  // message socket; its end of file means that the supervisor is gone
inline constexpr int kBriefFd = 4;  // sealed text of a Brief
inline constexpr int kSlotsFd = 5;
inline constexpr int kMailboxFd = 6;
inline constexpr int kBellFd = 7;  // rung for the supervisor

struct Brief {
  int supervisor_pid = 0;
  std::uint32_t worker = 0;       // its number, from 0
  std::uint32_t batch = 1;        // how many items it may take at a time
  std::uint32_t participant = 0;  // which Participant it is, where it shares more than its mailbox
  std::chrono::microseconds spin{0};  // how long it looks for more work before it sleeps
  sys::Sandbox sandbox{};             // what it gives up before its first item
  std::string body;  // what it shall do with them: settings of a worker body, as JSON
};

std::string to_json(const Brief& brief);
Result<Brief> brief_from_json(std::string_view text);

// What a worker says on its control socket: the first byte of a message is one of these, the rest is
// text for people.
enum class Greeting : char {
  ready = 'R',       // loaded and warm; the text says with what
  fatal = 'F',       // cannot work, and neither could another: the text says why
  last_words = 'L',  // it is about to die; the text says of what
  unconfined =
      'U',  // should be in the sandbox, as far as there is one, and is not; the text says why
};
// Any other first byte is between the owner of the fleet and the body of the worker.
inline constexpr std::size_t kGreetingLimit = 4096;  // bytes
// What a served model takes and gives, before the worker is ready: JSON,
//   {"inputs":[{"name":"x","datatype":"FP32","shape":[-1,3,224,224]}],"outputs":[...]}
inline constexpr char kSignature = 'S';
inline constexpr std::size_t kSignatureLimit = 64 << 10;  // bytes; no message is longer

}  // namespace headrace::shm
