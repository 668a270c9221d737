// One request and its answer, as the application sees them.
//
// Made by the server for the time of one call of the application, on the one thread that runs the
// io_context; views and spans into it are good for that time. The application reads as much of the
// body as it wants and answers once. If it does not answer, or throws, the client gets a 500.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/access_record.h"
#include "http/request.h"
#include "http/trace.h"

namespace headrace::http {

namespace asio = boost::asio;

struct Answer {
  unsigned status = 200;
  std::string_view content_type = "application/json";
  std::span<const Field> fields{};  // besides those that every answer has
  // In this order, sent from where it is: it must stay there until answer() completes.
  std::span<const std::span<const std::byte>> body{};
};

class Connection;

class Exchange {
 public:
  Exchange(Connection& connection, Request request);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  std::string_view method() const { return request_.method; }
  // Decoded, without the query.
  std::string_view path() const { return request_.path; }
  std::string_view query() const { return request_.query; }
  // The value of the first field of that name, whatever its case; empty when there is none.
  std::string_view field(std::string_view name) const { return request_.field(name); }
  // The size of the body if that is known before it is read: not when it is chunked or compressed.
  std::optional<std::uint64_t> content_length() const;
  std::string_view remote() const;
  // The client's X-Request-Id if it is a sane one, else one of our own. In the answer, too.
  std::string_view request_id() const { return request_id_; }
  std::optional<Trace> trace() const { return trace_; }

  // Reads the body into memory of the caller; both can be mixed. Decompressed when it came
  // compressed. A refusal is best handed to refuse().
  // read_some: at least one byte, 0 at the end. read_body: all that is left, as its size; a body that
  // is larger than `into` is refused.
  asio::awaitable<Result<std::size_t, Refusal>> read_some(std::span<std::byte> into);
  asio::awaitable<Result<std::size_t, Refusal>> read_body(std::span<std::byte> into);
  // While `crowded` says so, the body must come at Limits::crowded_body_pace: its sender keeps others
  // out of the room that it fills. Asked a few times a second until the application has returned.
  void hurry_while(std::function<bool()> crowded);

  // Once. Completes when the kernel has it, or the client is gone. `answer` and what it points to
  // stay until then.
  asio::awaitable<void> answer(const Answer& answer);
  // The same for a body in one piece, which is copied into the call.
  asio::awaitable<void> answer_text(unsigned status, std::string_view content_type,
                                    std::string text);
  // {"error": message}; with Retry-After for 429 and 503.
  asio::awaitable<void> refuse(Refusal refusal);
  // In place of an answer, for a client that has gone: the connection is closed without a word.
  void forgo();
  bool answered() const { return status_ != 0; }

  // Completes when the client has closed its side, as far as can be known: it may only have said
  // that it sends no more, and still read an answer. Can be cancelled; must not outlive the call of
  // the application; not while the body is being read.
  asio::awaitable<void> gone();

  // Adds to the access record of this request.
  void note(std::string_view key, std::string_view text);
  void note(std::string_view key, double number);

 private:
  friend class Connection;

  asio::awaitable<std::string> compress(std::span<const std::span<const std::byte>> body);
  std::string head_of(const Answer& answer, std::uint64_t size, bool compressed) const;

  Connection& connection_;
  Request request_;
  std::string request_id_;
  std::optional<Trace> trace_;
  std::vector<Note> notes_;
  unsigned status_ = 0;
  std::uint64_t bytes_out_ = 0;
};

// What a server is for. Called once a request; several calls are under way at once, of one connection
// never more than one.
using Application = std::function<asio::awaitable<void>(Exchange&)>;

}  // namespace headrace::http
