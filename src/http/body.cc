#include "http/body.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

namespace headrace::http {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
// Inflating takes time of a thread that others wait for: after so much they get their turn.
constexpr std::size_t kInflateAtOnce = 1 << 20;

std::string_view text_of(const Body::Buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

}  // namespace

Body::Body(Stream& stream, Buffer& buffer, RequestParser& parser, const Request& request,
           const Limits& limits)
    : stream_(stream),
      buffer_(buffer),
      parser_(parser),
      limits_(limits),
      progress_(limits.body_pace),
      crowded_(limits.crowded_body_pace),
      chunked_(request.chunked),
      complete_(!request.has_body()),
      awaits_continue_(request.has_body() && request.http11 &&
                       same_word(request.field("Expect"), "100-continue")),
      left_(request.content_length.value_or(0)) {
  const auto coding = coding_of(request.field("Content-Encoding"));
  if (!complete_ && coding && *coding == Coding::compressed)
    inflation_ = std::make_unique<Inflation>(limits);
}

std::optional<std::uint64_t> Body::left() const {
  if (complete_) return 0;
  if (chunked_) return std::nullopt;
  return left_;
}

Body::Read Body::read_some(std::span<std::byte> into) {
  return inflation_ ? read_inflated(into) : read_sent(into);
}

Body::Read Body::read_all(std::span<std::byte> into) {
  std::size_t size = 0;
  for (;;) {
    std::array<std::byte, 1> beyond;
    const bool full = size == into.size();
    auto room = full ? std::span<std::byte>(beyond) : into.subspan(size);
    if (inflation_) room = room.first(std::min(room.size(), kInflateAtOnce));
    auto read = co_await read_some(room);
    if (!read) co_return std::move(read).error();
    if (*read == 0) co_return size;
    if (full) co_return too_large(Bytes{into.size()});
    size += *read;
    if (inflation_) co_await asio::post(asio::use_awaitable);
  }
}

asio::awaitable<bool> Body::discard(std::uint64_t most) {
  std::vector<std::byte> scrap(complete_ ? 0 : 8192);
  const auto end = received_ + most;
  while (!complete_ && received_ <= end) {
    const auto read = co_await read_sent(scrap);
    if (!read) co_return false;
  }
  co_return complete_;
}

Body::Read Body::read_sent(std::span<std::byte> into) {
  if (complete_ || into.empty()) co_return std::size_t{0};
  if (lost_) co_return Refusal{400, "the body is broken"};
  if (awaits_continue_) {
    const bool invited = co_await invite();
    if (!invited) co_return Refusal{400, "the client went away"};
  }
  auto read = chunked_ ? read_chunked(into) : read_counted(into);
  auto result = co_await std::move(read);
  lost_ = !result;
  if (result) received_ += *result;
  if (received_ > limits_.body.value) {
    lost_ = true;
    co_return too_large(limits_.body);
  }
  co_return result;
}

Body::Read Body::read_counted(std::span<std::byte> into) {
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_)));
  std::size_t size = std::min(into.size(), buffer_.size());
  if (size > 0) {
    std::memcpy(into.data(), buffer_.data().data(), size);
    buffer_.consume(size);
  } else {
    auto read = co_await read_socket(into);
    if (!read) co_return std::move(read).error();
    size = *read;
  }
  left_ -= size;
  complete_ = left_ == 0;
  co_return size;
}

Body::Read Body::read_chunked(std::span<std::byte> into) {
  for (;;) {
    const auto step = parser_.unchunk(text_of(buffer_), into);
    if (!step) co_return step.error();
    buffer_.consume(step->consumed);
    complete_ = step->complete;
    if (complete_ || step->written > 0) co_return step->written;
    auto read = co_await fill_buffer();
    if (!read) co_return std::move(read).error();
  }
}

Body::Read Body::read_inflated(std::span<std::byte> into) {
  if (into.empty()) co_return std::size_t{0};
  Inflation& inflation = *inflation_;
  for (;;) {
    if (!inflation.ended && (inflation.more || !inflation.rest.empty())) {
      const auto step = inflation.inflater.inflate(inflation.rest, into);
      if (!step) co_return step.error();
      inflation.rest = inflation.rest.subspan(step->consumed);
      inflation.more = step->written == into.size();
      inflation.ended = step->ended;
      if (step->written > 0) co_return step->written;
    }
    if (!inflation.rest.empty())
      co_return Refusal{400, "the body goes on behind its compressed end"};
    auto read = co_await read_sent(inflation.sent);
    if (!read) co_return std::move(read).error();
    inflation.rest = std::span<const std::byte>(inflation.sent).first(*read);
    if (*read > 0) continue;
    if (!inflation.ended) co_return Refusal{400, "the compressed body ends too early"};
    co_return std::size_t{0};
  }
}

Body::Read Body::read_socket(std::span<std::byte> into) {
  const auto before = Clock::now();
  const auto [error, size] =
      co_await stream_.read_some({into.data(), into.size()}, progress_.deadline(before),
                                 std::max(before, crowded_.deadline(before)));
  if (error == asio::error::timed_out) co_return Refusal{408, "the body did not come in time"};
  if (error) co_return Refusal{400, "the body ends too early"};
  const auto waited = Clock::now() - before;
  progress_.add(waited, size);
  crowded_.add(waited, size);
  co_return size;
}

Body::Read Body::fill_buffer() {
  const auto room = std::min<std::size_t>(buffer_.max_size() - buffer_.size(), 16384);
  if (room == 0) co_return Refusal{400, "a chunk's head or trailer is too large"};
  const auto space = buffer_.prepare(room);
  auto read = co_await read_socket({static_cast<std::byte*>(space.data()), space.size()});
  if (read) buffer_.commit(*read);
  co_return read;
}

asio::awaitable<bool> Body::invite() {
  awaits_continue_ = false;
  if (buffer_.size() > 0) co_return true;  // it did not wait
  Progress progress(limits_.answer_pace);
  const asio::const_buffer text(kContinue.data(), kContinue.size());
  const auto error = co_await stream_.write({&text, 1}, progress);
  co_return !error;
}

}  // namespace headrace::http
