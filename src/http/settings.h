// How a listener is set up.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "http/access_record.h"
#include "http/limits.h"

namespace headrace::http {

class Exchange;

struct TlsFiles {
  std::string certificate;  // PEM: the server's certificate, then those that vouch for it
  std::string key;          // PEM, without a password
};

struct Settings {
  // "127.0.0.1:8080", "[::]:8080", "localhost:0" (the system chooses the port), "unix:/run/x.sock".
  std::string address{};
  // What the user wrote before it, "--http", for errors. Empty: nobody wrote it.
  std::string option{};
  Limits limits{};
  std::optional<TlsFiles> tls{};
  // Whoever names none of the tokens in this file gets a 401. Empty: everybody may come in.
  std::string token_file{};
  // Which requests go without a token, such as probes of health. Left out: none.
  std::function<bool(const Exchange&)> open_to_all{};
  // Compress answers for clients that allow it. Costs this thread some milliseconds a megabyte.
  bool compress_answers = true;
  // Called once a request, after its answer. Must not throw.
  std::function<void(const AccessRecord&)> log{};
};

}  // namespace headrace::http
