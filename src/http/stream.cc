#include "http/stream.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <vector>

#include "sys/peer.h"

namespace headrace::http {
namespace {

constexpr auto kAwaited = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kWriteAtOnce = 1 << 20;
// While unread bytes wait in the socket it cannot be waited on for its end: look this often.
constexpr std::chrono::milliseconds kLookEvery(100);

}  // namespace

Clock::time_point Progress::deadline(Clock::time_point now) const {
  const auto earned =
      std::chrono::seconds(bytes_ / std::max<std::uint64_t>(pace_.bytes_per_second, 1));
  const auto allowed = std::max<Clock::duration>(pace_.grace, earned);
  return now + std::min<Clock::duration>(pace_.idle, allowed - waited_);
}

void Progress::add(Clock::duration waited, std::uint64_t bytes) {
  waited_ += waited;
  bytes_ += bytes;
}

asio::awaitable<ErrorCode> Stream::secure(asio::ssl::context& context, Clock::time_point deadline) {
  tls_.emplace(socket_, context);
  deadline_ = deadline;
  late_ = false;
  const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kAwaited);
  co_return settle(error);
}

asio::awaitable<std::tuple<ErrorCode, std::size_t>> Stream::read_some(asio::mutable_buffer into,
                                                                      Clock::time_point deadline,
                                                                      Clock::time_point crowded) {
  deadline_ = deadline;
  crowded_ = crowded;
  late_ = false;
  std::tuple<ErrorCode, std::size_t> moved;
  if (tls_) {
    moved = co_await tls_->async_read_some(into, kAwaited);
  } else {
    moved = co_await socket_.async_read_some(into, kAwaited);
  }
  std::get<0>(moved) = settle(std::get<0>(moved));
  co_return moved;
}

asio::awaitable<ErrorCode> Stream::write(std::span<const asio::const_buffer> bytes,
                                         Progress& progress) {
  auto since = Clock::now();
  std::size_t counted = 0;
  deadline_ = progress.deadline(since);
  late_ = false;
  // Called before the first piece and after each.
  const auto go_on = [&](const ErrorCode& error, std::size_t written) -> std::size_t {
    if (error || late_) return 0;
    if (written > counted) {
      const auto now = Clock::now();
      progress.add(now - since, written - counted);
      since = now;
      counted = written;
      deadline_ = progress.deadline(now);
    }
    return kWriteAtOnce;
  };
  std::tuple<ErrorCode, std::size_t> moved;
  if (tls_) {
    moved = co_await asio::async_write(*tls_, bytes, go_on, kAwaited);
  } else {
    moved = co_await asio::async_write(socket_, bytes, go_on, kAwaited);
  }
  progress.add({}, std::get<1>(moved) - counted);
  co_return settle(std::get<0>(moved));
}

asio::awaitable<void> Stream::closed_by_peer() {
  asio::steady_timer timer(socket_.get_executor());
  for (;;) {
    const auto [error] = co_await socket_.async_wait(Socket::wait_read, kAwaited);
    if (error || sys::peer_closed(socket_.native_handle())) co_return;
    timer.expires_after(kLookEvery);
    const auto [cancelled] = co_await timer.async_wait(kAwaited);
    if (cancelled) co_return;
  }
}

asio::awaitable<void> Stream::linger(std::uint64_t most, Clock::time_point deadline) {
  deadline_ = deadline;
  late_ = false;
  if (tls_) co_await tls_->async_shutdown(kAwaited);
  ErrorCode ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  std::vector<char> scrap(16384);
  for (std::uint64_t taken = 0; taken < most && !late_;) {
    const auto [error, size] = co_await socket_.async_read_some(asio::buffer(scrap), kAwaited);
    if (error) break;
    taken += size;
  }
  settle({});
}

void Stream::look_at(Clock::time_point now, bool crowd) {
  if (now < deadline_ && !(crowd && now >= crowded_)) return;
  late_ = true;
  interrupt();
}

void Stream::interrupt() {
  ErrorCode ignored;
  socket_.cancel(ignored);
}

bool Stream::has_unread() const {
  ErrorCode error;
  return socket_.available(error) > 0 && !error;
}

void Stream::close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

ErrorCode Stream::settle(ErrorCode error) {
  deadline_ = Clock::time_point::max();
  crowded_ = Clock::time_point::max();
  return late_ ? make_error_code(asio::error::timed_out) : error;
}

}  // namespace headrace::http
