#include "http/request_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <limits>

#include "http/target.h"

namespace headrace::http {
namespace {

constexpr std::size_t kShortestEnd = std::string_view("0\r\n\r\n").size();

std::string_view std_view(boost::beast::string_view view) {
  return {view.data(), view.size()};
}

bool is(const boost::beast::error_code& error, boost::beast::http::error kind) {
  return error == make_error_code(kind);
}

Refusal refusal_of(const boost::beast::error_code& error) {
  using Kind = boost::beast::http::error;
  if (is(error, Kind::bad_version)) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (is(error, Kind::header_limit)) return {431, "the header fields are too large"};
  return {400, "malformed request: " + error.message()};
}

std::optional<Refusal> wrong_framing(const Request& request) {
  const auto encodings = request.count("Transfer-Encoding");
  if (encodings > 0 && request.content_length)
    return Refusal{400, "both Content-Length and Transfer-Encoding"};
  if (encodings > 0 && !request.http11) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
  if (encodings > 1) return Refusal{400, "more than one Transfer-Encoding"};
  if (encodings == 1 && !same_word(request.field("Transfer-Encoding"), "chunked"))
    return Refusal{501, "the only Transfer-Encoding known here is chunked"};
  if (request.count("Content-Length") > 1) return Refusal{400, "more than one Content-Length"};
  // "5, 5" passes Beast; a proxy in front may have read something else.
  if (request.field("Content-Length").find(',') != std::string_view::npos)
    return Refusal{400, "more than one Content-Length"};
  return std::nullopt;
}

std::optional<Refusal> wrong_host(const Request& request) {
  const auto hosts = request.count("Host");
  if (hosts > 1) return Refusal{400, "more than one Host field"};
  if (hosts == 0 && request.http11) return Refusal{400, "HTTP/1.1 needs a Host field"};
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".-_:[]%").find(c) != std::string_view::npos;
  };
  const auto host = request.field("Host");
  if (!std::all_of(host.begin(), host.end(), fits))
    return Refusal{400, "the Host field is no host name"};
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> HeadScanner::too_large(std::size_t size) const {
  if (lines_ == 0 && size > limits_.target.value + 64)
    return Refusal{414, "the request line is too long"};
  if (size > limits_.head.value) return Refusal{431, "the header fields are too large"};
  return std::nullopt;
}

Result<std::size_t, Refusal> HeadScanner::scan(std::string_view bytes) {
  for (;;) {
    const auto end = bytes.find('\n', seen_);
    if (end == std::string_view::npos) break;
    if (auto refusal = too_large(end + 1)) return *std::move(refusal);
    if (end == line_ || bytes[end - 1] != '\r')
      return Refusal{400, "a line of the head does not end in CR LF"};
    const auto line = bytes.substr(line_, end - 1 - line_);
    if (line.empty() && lines_ > 0) return end + 1;
    if (line.empty()) return Refusal{400, "the request line is empty"};
    if (lines_ > 0 && (line.front() == ' ' || line.front() == '\t'))
      return Refusal{400, "a header field goes on in a second line"};
    if (++lines_ > limits_.fields + 1) return Refusal{431, "too many header fields"};
    line_ = seen_ = end + 1;
  }
  seen_ = bytes.size();
  if (auto refusal = too_large(bytes.size())) return *std::move(refusal);
  return std::size_t{0};
}

RequestParser::RequestParser(const Limits& limits) : limits_(limits) {
  // Bodies are counted by who reads them; heads by HeadScanner; trailers by the buffer they are in.
  body_limit(std::numeric_limits<std::uint64_t>::max());
  header_limit(std::numeric_limits<std::uint32_t>::max() / 2);
}

Result<Request, Refusal> RequestParser::parse_head(std::string_view head) {
  Error error;
  const auto taken = put(boost::asio::buffer(head.data(), head.size()), error);
  in_head_ = false;
  if (error) return refusal_of(error);
  if (taken != head.size() || !is_header_done()) return Refusal{400, "malformed request"};
  if (target_.size() > limits_.target.value) return Refusal{414, "the request target is too long"};

  auto target = http::parse_target(target_);
  if (!target) return std::move(target).error();
  request_.path = std::move(target->path);
  request_.query = target->query;
  request_.chunked = chunked();
  request_.keep_alive = keep_alive();
  if (const auto length = content_length()) request_.content_length = *length;
  if (auto refusal = wrong_framing(request_)) return *std::move(refusal);
  if (auto refusal = wrong_host(request_)) return *std::move(refusal);
  return std::move(request_);
}

Result<RequestParser::Unchunked, Refusal> RequestParser::unchunk(std::string_view bytes,
                                                                 std::span<std::byte> into) {
  into_ = into;
  written_ = 0;
  std::size_t consumed = 0;
  while (!is_done() && consumed < bytes.size()) {
    // Once Beast has seen a chunk of size 0 it asserts that all of this is there.
    const auto rest = bytes.substr(consumed);
    if (chunk_left_ == 0 && rest.front() == '0' && rest.size() < kShortestEnd) break;
    Error error;
    const auto taken = put(boost::asio::buffer(rest.data(), rest.size()), error);
    consumed += taken;
    if (is(error, boost::beast::http::error::need_more)) break;
    if (error) return refusal_of(error);
    if (taken == 0) break;  // `into` is full
  }
  return Unchunked{consumed, written_, is_done()};
}

void RequestParser::on_request_impl(Verb, View method, View target, int version, Error&) {
  request_.method = std_view(method);
  request_.http11 = version == 11;
  target_ = std_view(target);
}

void RequestParser::on_field_impl(Name, View name, View value, Error&) {
  if (in_head_) request_.fields.push_back({std_view(name), std_view(value)});
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t left, View body, Error&) {
  const auto size = std::min(body.size(), into_.size() - written_);
  if (size > 0) std::memcpy(into_.data() + written_, body.data(), size);
  written_ += size;
  chunk_left_ = left - size;
  return size;
}

}  // namespace headrace::http
