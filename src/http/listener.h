// A place where clients come in: an address, its connections, and how it is shut.
//
// Everything runs on the thread that runs the io_context; so does every call here. Nothing blocks but
// open() and read_again(), which read files.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "http/exchange.h"
#include "http/settings.h"

namespace headrace::http {

// Whether an address is written as one; the error says how to. Nobody is asked.
Status check_address(const std::string& address);

// Where somebody on this machine reaches what listens at an address: 0.0.0.0 and [::] are every address, so loopback too.
Result<asio::generic::stream_protocol::endpoint> where_to_ask(asio::io_context& io,
                                                              const std::string& address);

// Whether one could listen there now, for whoever does so in another way than by Listener.
Status try_to_listen(asio::io_context& io, const Settings& settings);

// When `connections` are open, a newcomer takes the place of the one that has been idle longest. When
// none is idle, it gets a 503 with Retry-After at once, rather than a silence in the kernel's queue
// which a client cannot tell from a server that hangs; 64 of these may be on their way out at a time,
// what is beyond is closed without a word.
class Listener {
 public:
  // Binds and begins to accept. What `application` and `settings` refer to must live until
  // connections() is 0, or the io_context is gone.
  static Result<Listener> open(asio::io_context& io, Settings settings, Application application);
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  // Closes everything at once; open connections end when the io_context next runs.
  ~Listener();

  // With the real port: "127.0.0.1:43210", "unix:/run/x.sock".
  const std::string& address() const;
  std::uint16_t port() const;  // 0 for a Unix socket

  // Reads tokens and certificate again. Calling what it returns, while this lives, takes them up for new connections
  // and requests; until then, and on an error, all stays as it is.
  Result<std::function<void()>> read_again();

  // Connections from now on are refused by the kernel, so that a load balancer goes elsewhere.
  void stop_accepting();
  // Ends the connections that wait for a request.
  void close_idle();
  std::size_t connections() const;
  // How many got no connection since open(): the limit was reached.
  std::uint64_t turned_away() const;
  // Stops accepting, ends idle connections, lets every other one have its answer, with
  // `Connection: close`, and completes when none is left. How long to wait is the caller's decision;
  // it may end this listener meanwhile.
  asio::awaitable<void> drain() { return drain(parts_); }

 private:
  struct Parts;
  explicit Listener(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}
  static asio::awaitable<void> accept_all(std::shared_ptr<Parts> parts);
  static asio::awaitable<void> drain(std::shared_ptr<Parts> parts);
  std::shared_ptr<Parts> parts_;
};

}  // namespace headrace::http
