// One client, from its first byte to its last: request, answer, request, answer.
//
// Requests that were sent ahead wait in the kernel's buffer and are answered in order. Whatever goes
// wrong here ends this connection and no other.
//
// One thread: the one that runs the io_context.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/body.h"
#include "http/exchange.h"
#include "http/listener_state.h"
#include "http/stream.h"

namespace headrace::http {

class Connection {
 public:
  // Who is not welcome gets a 503 and nothing else.
  Connection(std::shared_ptr<ListenerState> listener, Socket socket, std::string remote,
             bool welcome);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // From the handshake to the close. Never throws.
  asio::awaitable<void> run();

  // Between two requests, with nothing of the next one here yet.
  bool idle() const { return idle_ && !leaving_; }
  Clock::time_point idle_since() const { return idle_since_; }
  // For the listener: ends it if it is idle, else after its answer.
  void leave();
  void look_at(Clock::time_point now) { stream_.look_at(now, crowded_ && crowded_()); }
  void close() { stream_.close(); }

 private:
  friend class Exchange;

  struct Head {
    std::string text{};                // empty: the connection has ended
    std::optional<Refusal> refusal{};  // what came cannot be a request
  };
  asio::awaitable<void> serve();
  asio::awaitable<Head> read_head();
  enum class Next : unsigned char {
    request,
    farewell,  // the connection ends after an answer: the client must be able to read it
    close,
  };
  asio::awaitable<Next> serve_one();
  asio::awaitable<void> call_application(Exchange& exchange);
  // What this server itself has against a well-formed request.
  std::optional<Refusal> objection(const Exchange& exchange) const;
  void decide_about_closing(bool client_keeps);
  void record(const Exchange& exchange) const;

  std::shared_ptr<ListenerState> listener_;
  Stream stream_;
  std::string remote_;
  boost::beast::flat_buffer buffer_;
  std::optional<Body> body_;         // of the request that is being answered
  std::function<bool()> crowded_{};  // of that request: Exchange::hurry_while()
  std::uint64_t requests_ = 0;
  const bool welcome_;
  bool idle_ = false;
  bool leaving_ = false;
  bool closing_ = false;  // the answer under way says so
  Clock::time_point idle_since_ = Clock::now();
  Clock::time_point began_{};
};

}  // namespace headrace::http
