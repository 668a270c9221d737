#include "http/connection.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <exception>

#include "http/request_parser.h"

namespace headrace::http {
namespace {

// What may be left of a body that nobody read, for the connection to be kept.
constexpr std::uint64_t kWorthDraining = 64 << 10;
constexpr std::size_t kReadAtOnce = 4096;

}  // namespace

Connection::Connection(std::shared_ptr<ListenerState> listener, Socket socket, std::string remote,
                       bool welcome)
    : listener_(std::move(listener)),
      stream_(std::move(socket)),
      remote_(std::move(remote)),
      buffer_(listener_->settings.limits.head.value + kReadAtOnce),
      welcome_(welcome) {
  listener_->connections.insert(this);
  if (!welcome_) ++listener_->unwelcome;
}

Connection::~Connection() {
  if (!welcome_) --listener_->unwelcome;
  listener_->connections.erase(this);
  if (listener_->connections.empty()) listener_->emptied.cancel();
}

asio::awaitable<void> Connection::run() {
  try {
    co_await serve();
  } catch (const std::exception&) {
    // Out of memory, at worst. The client sees its connection end, and the others go on.
  }
  stream_.close();
}

asio::awaitable<void> Connection::serve() {
  const Limits& limits = listener_->settings.limits;
  if (const auto context = listener_->tls) {
    const auto error = co_await stream_.secure(*context, Clock::now() + limits.handshake_time);
    if (error) co_return;
  }
  Next next = Next::request;
  while (next == Next::request) next = co_await serve_one();
  if (next == Next::farewell)
    co_await stream_.linger(limits.body.value, Clock::now() + limits.linger);
}

asio::awaitable<Connection::Next> Connection::serve_one() {
  const Limits& limits = listener_->settings.limits;
  Head head;
  if (welcome_) {
    head = co_await read_head();
  } else {
    head.refusal = Refusal{503, "too many connections: try again in a moment"};
  }
  if (head.text.empty() && !head.refusal) co_return Next::close;
  ++requests_;

  RequestParser parser(limits);
  Request request;
  if (!head.refusal) {
    auto parsed = parser.parse_head(head.text);
    if (parsed) {
      request = *std::move(parsed);
    } else {
      head.refusal = std::move(parsed).error();
    }
  }
  closing_ = head.refusal.has_value();  // nobody knows where the next request begins
  Exchange exchange(*this, std::move(request));
  body_.emplace(stream_, buffer_, parser, exchange.request_, limits);
  if (!head.refusal) head.refusal = objection(exchange);
  if (head.refusal) {
    co_await exchange.refuse(*std::move(head.refusal));
  } else {
    co_await call_application(exchange);
    crowded_ = nullptr;
  }
  record(exchange);
  bool keep = !closing_;
  if (keep) keep = co_await body_->discard(kWorthDraining);
  body_.reset();
  co_return keep ? Next::request : Next::farewell;
}

asio::awaitable<Connection::Head> Connection::read_head() {
  const Limits& limits = listener_->settings.limits;
  HeadScanner scanner(limits);
  Head head;
  idle_since_ = began_ = Clock::now();
  auto deadline =
      began_ + (requests_ == 0 || buffer_.size() > 0 ? limits.head_time : limits.keep_alive);
  for (;;) {
    const std::string_view here(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    auto size = scanner.scan(here);
    if (!size) {
      head.refusal = std::move(size).error();
      co_return head;
    }
    if (*size > 0) {
      head.text = here.substr(0, *size);
      buffer_.consume(*size);
      co_return head;
    }
    idle_ = here.empty();
    if (idle_ && leaving_ && !stream_.has_unread()) co_return head;
    const auto space = buffer_.prepare(std::min(kReadAtOnce, buffer_.max_size() - buffer_.size()));
    const auto [error, read] = co_await stream_.read_some(space, deadline);
    idle_ = false;
    if (error == asio::error::timed_out && buffer_.size() > 0)
      head.refusal = Refusal(408, "the head of the request did not come in time");
    if (error) co_return head;
    if (buffer_.size() == 0) {
      began_ = Clock::now();
      if (requests_ > 0) deadline = began_ + limits.head_time;
    }
    buffer_.commit(read);
  }
}

std::optional<Refusal> Connection::objection(const Exchange& exchange) const {
  const Settings& settings = listener_->settings;
  const Request& request = exchange.request_;
  const bool open = settings.open_to_all && settings.open_to_all(exchange);
  const auto authorization = request.field("Authorization");
  if (listener_->tokens && !open && !listener_->tokens->accept(authorization)) {
    return Refusal{401, authorization.empty()
                            ? "this needs a token: send the field Authorization: Bearer TOKEN"
                            : "the field Authorization names no token that is known here: it is "
                              "Bearer TOKEN, with one of the server's tokens"};
  }
  const auto expectation = request.field("Expect");
  if (!expectation.empty() && !same_word(expectation, "100-continue"))
    return Refusal{417, "the only expectation known here is 100-continue"};
  const auto coding = coding_of(request.field("Content-Encoding"));
  if (!coding && request.has_body()) return coding.error();
  if (request.content_length.value_or(0) > settings.limits.body.value)
    return too_large(settings.limits.body);
  return std::nullopt;
}

asio::awaitable<void> Connection::call_application(Exchange& exchange) {
  try {
    co_await listener_->application(exchange);
  } catch (const std::exception& error) {
    exchange.note("exception", error.what());
  }
  if (exchange.answered()) co_return;
  Refusal refusal(500, "internal error");
  co_await exchange.refuse(std::move(refusal));
}

void Connection::decide_about_closing(bool client_keeps) {
  const auto left = body_->left();
  closing_ = closing_ || !client_keeps || leaving_ ||
             requests_ >= listener_->settings.limits.requests || body_->awaits_continue() ||
             body_->lost() || (left && *left > kWorthDraining);
}

void Connection::record(const Exchange& exchange) const {
  const auto& log = listener_->settings.log;
  if (!log) return;
  const auto duration =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began_);
  const Request& request = exchange.request_;
  log({std::chrono::system_clock::now() - duration, remote_, request.method, request.path,
       exchange.status_, body_->received(), exchange.bytes_out_, duration, exchange.request_id_,
       exchange.trace_ ? exchange.trace_->trace_id : std::string_view{}, exchange.notes_});
}

void Connection::leave() {
  leaving_ = true;
  if (idle_ && !stream_.has_unread()) stream_.interrupt();
}

}  // namespace headrace::http
