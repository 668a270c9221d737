// The body of one request, on its way from the socket to memory of the application.
//
// With a known length the kernel writes straight into that memory. A chunked or compressed body goes
// through a buffer of some kilobytes. Nothing is read, and no 100-continue sent, before the
// application asks: it may refuse a request without paying for its body.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/content_coding.h"
#include "http/limits.h"
#include "http/request.h"
#include "http/request_parser.h"
#include "http/stream.h"

namespace headrace::http {

class Body {
 public:
  using Buffer = boost::beast::flat_buffer;
  using Read = asio::awaitable<Result<std::size_t, Refusal>>;

  // All references outlive this. `buffer` holds what was read behind the head.
  Body(Stream& stream, Buffer& buffer, RequestParser& parser, const Request& request,
       const Limits& limits);

  // At least one byte into `into`, unless that is empty; 0 at the end of the body.
  Read read_some(std::span<std::byte> into);
  // Up to the end of the body; more than `into` holds is a refusal (413).
  Read read_all(std::span<std::byte> into);
  // Reads what is left and forgets it; false when that is more than `most`, or it fails.
  asio::awaitable<bool> discard(std::uint64_t most);

  // Whether what comes next on the connection is the next request.
  bool finished() const { return complete_; }
  // Whether the client still waits to be told that it may send.
  bool awaits_continue() const { return awaits_continue_; }
  // Whether something went wrong with it: nobody knows where it ends.
  bool lost() const { return lost_; }
  // How much is still to come, as sent; nothing when nobody knows.
  std::optional<std::uint64_t> left() const;
  // As sent, without chunk headers.
  std::uint64_t received() const { return received_; }

 private:
  Read read_sent(std::span<std::byte> into);
  Read read_counted(std::span<std::byte> into);
  Read read_chunked(std::span<std::byte> into);
  Read read_inflated(std::span<std::byte> into);
  Read read_socket(std::span<std::byte> into);
  Read fill_buffer();
  asio::awaitable<bool> invite();

  Stream& stream_;
  Buffer& buffer_;
  RequestParser& parser_;
  const Limits& limits_;
  Progress progress_;
  Progress crowded_;  // the same against the pace of a crowd
  bool chunked_;
  bool complete_;
  bool awaits_continue_;
  bool lost_ = false;
  std::uint64_t left_;
  std::uint64_t received_ = 0;

  struct Inflation {
    explicit Inflation(const Limits& limits) : inflater(limits), sent(16384) {}
    Inflater inflater;
    std::vector<std::byte> sent;        // as it came
    std::span<const std::byte> rest{};  // of it, not yet inflated
    bool more = false;                  // there may be output that had no room
    bool ended = false;
  };
  std::unique_ptr<Inflation> inflation_;
};

}  // namespace headrace::http
