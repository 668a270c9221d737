#include "http/exchange.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/status.hpp>
#include <cmath>
#include <iterator>
#include <stdexcept>

#include "base/text.h"
#include "http/connection.h"
#include "http/content_coding.h"

namespace headrace::http {
namespace {

constexpr std::uint64_t kWorthCompressing = 1024;
constexpr std::size_t kCompressAtOnce = 256 << 10;  // then others get their turn

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::uint64_t size_of(std::span<const std::span<const std::byte>> body) {
  std::uint64_t size = 0;
  for (const auto& piece : body) size += piece.size();
  return size;
}

bool may_have_body(unsigned status) {
  return status >= 200 && status != 204 && status != 304;
}

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  // A line end in a value would let whoever wrote it write the rest of the answer.
  for (const char c : value) head += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  head += "\r\n";
}

bool has_field(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (same_word(field.name, name)) return true;
  }
  return false;
}

}  // namespace

Exchange::Exchange(Connection& connection, Request request)
    : connection_(connection),
      request_(std::move(request)),
      request_id_(request_.field("X-Request-Id")),
      trace_(parse_traceparent(request_.field("traceparent"))) {
  if (!is_request_id(request_id_)) request_id_ = make_request_id();
}

std::optional<std::uint64_t> Exchange::content_length() const {
  const auto coding = coding_of(field("Content-Encoding"));
  if (request_.chunked || !coding || *coding != Coding::none) return std::nullopt;
  return request_.content_length.value_or(0);
}

std::string_view Exchange::remote() const {
  return connection_.remote_;
}

asio::awaitable<Result<std::size_t, Refusal>> Exchange::read_some(std::span<std::byte> into) {
  return connection_.body_->read_some(into);
}

asio::awaitable<Result<std::size_t, Refusal>> Exchange::read_body(std::span<std::byte> into) {
  return connection_.body_->read_all(into);
}

void Exchange::hurry_while(std::function<bool()> crowded) {
  connection_.crowded_ = std::move(crowded);
}

asio::awaitable<void> Exchange::gone() {
  return connection_.stream_.closed_by_peer();
}

void Exchange::forgo() {
  status_ = kClientGone;
  connection_.closing_ = true;
}

asio::awaitable<void> Exchange::answer(const Answer& answer) {
  if (answered()) throw std::logic_error("a request was answered twice");
  status_ = answer.status;

  auto body = answer.body;
  std::uint64_t size = size_of(body);
  const bool sends_body = request_.method != "HEAD" && may_have_body(answer.status);
  const bool could_compress = connection_.listener_->settings.compress_answers && sends_body &&
                              size > kWorthCompressing && compressible(answer.content_type) &&
                              !has_field(answer.fields, "Content-Encoding");
  std::string smaller;
  std::span<const std::byte> smaller_bytes;
  const bool compressed = could_compress && accepts_gzip(field("Accept-Encoding"));
  if (compressed) {
    smaller = co_await compress(body);
    smaller_bytes = bytes_of(smaller);
    body = {&smaller_bytes, 1};
    size = smaller.size();
  }

  connection_.decide_about_closing(request_.keep_alive);
  const auto head = head_of(answer, size, compressed);
  std::vector<asio::const_buffer> bytes{asio::buffer(head)};
  if (sends_body) {
    for (const auto& piece : body) bytes.emplace_back(piece.data(), piece.size());
  }
  Progress progress(connection_.listener_->settings.limits.answer_pace);
  const auto error = co_await connection_.stream_.write(bytes, progress);
  bytes_out_ = progress.bytes();
  if (error) {
    status_ = kClientGone;
    connection_.closing_ = true;
  }
}

asio::awaitable<void> Exchange::answer_text(unsigned status, std::string_view content_type,
                                            std::string text) {
  const auto bytes = bytes_of(text);
  const Answer whole{status, content_type, {}, {&bytes, 1}};
  co_await answer(whole);
}

asio::awaitable<void> Exchange::refuse(Refusal refusal) {
  std::string text = "{\"error\":";
  append_json_string(text, refusal.message);
  text += '}';
  const auto bytes = bytes_of(text);
  Field field;
  if (refusal.status == 401) field = {"WWW-Authenticate", "Bearer realm=\"headrace\""};
  if (refusal.status == 405 && !refusal.allow.empty()) field = {"Allow", refusal.allow};
  if (refusal.status == 415) field = {"Accept-Encoding", "gzip, deflate"};
  const std::string retry_after = std::to_string(refusal.retry_after.count());
  if (refusal.status == 429 || refusal.status == 503) field = {"Retry-After", retry_after};
  const std::span<const Field> fields(&field, field.name.empty() ? 0 : 1);
  const Answer whole{refusal.status, "application/json", fields, {&bytes, 1}};
  co_await answer(whole);
}

void Exchange::note(std::string_view key, std::string_view text) {
  std::string json;
  append_json_string(json, text);
  notes_.push_back({std::string(key), std::move(json)});
}

void Exchange::note(std::string_view key, double number) {
  notes_.push_back({std::string(key), std::isfinite(number) ? fmt::format("{}", number) : "null"});
}

asio::awaitable<std::string> Exchange::compress(std::span<const std::span<const std::byte>> body) {
  Deflater deflater;
  std::string out;
  std::size_t since_turn = 0;
  for (auto piece : body) {
    while (!piece.empty()) {
      const auto now = piece.first(std::min(piece.size(), kCompressAtOnce - since_turn));
      deflater.add(now, out);
      piece = piece.subspan(now.size());
      since_turn += now.size();
      if (since_turn < kCompressAtOnce) continue;
      since_turn = 0;
      co_await asio::post(asio::use_awaitable);
    }
  }
  deflater.finish(out);
  co_return out;
}

std::string Exchange::head_of(const Answer& answer, std::uint64_t size, bool compressed) const {
  std::string head;
  head.reserve(384);
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(answer.status));
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", answer.status,
                 std::string_view(reason.data(), reason.size()));
  append_field(head, "Date", connection_.listener_->date());
  if (may_have_body(answer.status)) {
    append_field(head, "Content-Type", answer.content_type);
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", size);
    if (compressible(answer.content_type)) append_field(head, "Vary", "Accept-Encoding");
  }
  if (compressed) append_field(head, "Content-Encoding", "gzip");
  append_field(head, "X-Content-Type-Options", "nosniff");
  append_field(head, "X-Request-Id", request_id_);
  if (connection_.closing_) {
    append_field(head, "Connection", "close");
  } else if (!request_.http11) {
    append_field(head, "Connection", "keep-alive");
  }
  for (const Field& field : answer.fields) append_field(head, field.name, field.value);
  head += "\r\n";
  return head;
}

}  // namespace headrace::http
