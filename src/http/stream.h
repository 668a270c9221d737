// The bytes of one connection, in the clear or under TLS, each wait with its end.
//
// A client that stops in the middle would otherwise hold its connection for ever. Waits are not
// timed one by one: a connection says until when it waits, and its listener looks at all of them a
// few times a second. So a request costs no timer.
//
// One thread: the one that runs the io_context.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>

#include "http/limits.h"

namespace headrace::http {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using Socket = asio::generic::stream_protocol::socket;
using ErrorCode = boost::system::error_code;

// How a peer keeps to its pace over one body or one answer.
class Progress {
 public:
  explicit Progress(const Pace& pace) : pace_(pace) {}
  // Until when to wait from `now` on, if nothing moves before.
  Clock::time_point deadline(Clock::time_point now) const;
  void add(Clock::duration waited, std::uint64_t bytes);
  std::uint64_t bytes() const { return bytes_; }

 private:
  Pace pace_;
  Clock::duration waited_{};
  std::uint64_t bytes_ = 0;
};

class Stream {
 public:
  explicit Stream(Socket socket) : socket_(std::move(socket)) {}

  // From now on under TLS, if the handshake succeeds.
  asio::awaitable<ErrorCode> secure(asio::ssl::context& context, Clock::time_point deadline);

  // As the socket's; after the deadline the error is timed_out. After `crowded` it is so, too, while there is a crowd.
  asio::awaitable<std::tuple<ErrorCode, std::size_t>> read_some(
      asio::mutable_buffer into, Clock::time_point deadline,
      Clock::time_point crowded = Clock::time_point::max());
  // Writes all of it, or fails. `progress` counts what was written.
  asio::awaitable<ErrorCode> write(std::span<const asio::const_buffer> bytes, Progress& progress);

  // Completes when the peer has sent its last byte or is gone. What it has sent stays unread.
  asio::awaitable<void> closed_by_peer();

  // Says that nothing more is sent, and takes what still comes, at most `most` bytes, so that the
  // kernel does not answer it with a reset, on which the peer would lose what it has not read yet.
  // Completes when the peer has closed, too, or at the deadline.
  asio::awaitable<void> linger(std::uint64_t most, Clock::time_point deadline);

  // For the listener: ends a wait whose time is over.
  void look_at(Clock::time_point now, bool crowd);
  // Ends the wait under way, if any; the connection finds out why.
  void interrupt();
  // Whether bytes came that nobody read yet.
  bool has_unread() const;
  void close();

 private:
  ErrorCode settle(ErrorCode error);

  Socket socket_;
  std::optional<asio::ssl::stream<Socket&>> tls_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point crowded_ = Clock::time_point::max();
  bool late_ = false;
};

}  // namespace headrace::http
