// From bytes to a request: the grammar is Boost.Beast's, the strictness ours.
//
// Two programs in a row that read one stream of bytes as different requests (a proxy and this
// server) let a stranger smuggle a request past the first. So nothing is guessed here: lines end in
// CR LF, nothing is folded, there is one length or one chunked encoding and never both, and what is
// malformed ends the connection.
//
// No input or output: bytes go in, facts come out.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/optional.hpp>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "http/limits.h"
#include "http/request.h"

namespace headrace::http {

// Finds where a head ends, while it comes in.
class HeadScanner {
 public:
  explicit HeadScanner(const Limits& limits) : limits_(limits) {}
  // `bytes` is all that has come since the head began. The size of the whole head, or 0 while more
  // is needed.
  Result<std::size_t, Refusal> scan(std::string_view bytes);

 private:
  std::optional<Refusal> too_large(std::size_t size) const;

  const Limits& limits_;
  std::size_t seen_ = 0;
  std::size_t line_ = 0;   // where the current line begins
  std::size_t lines_ = 0;  // whole lines seen
};

// One request. Not to be used again for the next one.
class RequestParser : private boost::beast::http::basic_parser<true> {
 public:
  explicit RequestParser(const Limits& limits);
  // `head` is what HeadScanner found, and outlives the request. An error here is one of framing or
  // grammar: whatever follows on the connection cannot be trusted.
  Result<Request, Refusal> parse_head(std::string_view head);

  struct Unchunked {
    std::size_t consumed = 0;  // of the bytes given; the rest must be given again, with more
    std::size_t written = 0;
    bool complete = false;  // the body has ended, trailer included
  };
  // Takes chunk headers and trailers (which are dropped) off `bytes` and copies what they hold.
  Result<Unchunked, Refusal> unchunk(std::string_view bytes, std::span<std::byte> into);

 private:
  using View = boost::beast::string_view;
  using Error = boost::beast::error_code;
  using Name = boost::beast::http::field;
  using Verb = boost::beast::http::verb;

  void on_request_impl(Verb, View method, View target, int version, Error&) override;
  void on_response_impl(int, View, int, Error&) override {}
  void on_field_impl(Name, View name, View value, Error&) override;
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
  std::size_t on_body_impl(View body, Error&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t size, View, Error&) override { chunk_left_ = size; }
  std::size_t on_chunk_body_impl(std::uint64_t, View body, Error&) override;
  void on_finish_impl(Error&) override {}

  const Limits& limits_;
  Request request_;
  std::string_view target_;
  bool in_head_ = true;
  std::uint64_t chunk_left_ = 0;  // of the chunk that we are in; 0 where the next one's head stands
  std::span<std::byte> into_;
  std::size_t written_ = 0;
};

}  // namespace headrace::http
