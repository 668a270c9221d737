// One question to a server on this machine: how does it answer GET PATH?
//
// A health check in a container that holds one program has no curl to do it with. It trusts whoever answers:
// certificates are not looked at, for the server is the neighbour, known by its address.
//
// Called by a process that has nothing else to do: it waits.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace headrace::http {

struct Question {
  std::string
      address;  // where the server listens, as it was told: "0.0.0.0:8080", "unix:/run/x.sock"
  bool tls = false;
  std::string path{};
  std::chrono::milliseconds patience{4'000};  // for all of it
};

// The status of the answer. An error: nobody listens, what answers does not speak HTTP, or patience is over.
Result<unsigned> ask(const Question& question);

}  // namespace headrace::http
