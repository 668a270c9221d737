#include "http/ask.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <charconv>
#include <exception>
#include <optional>
#include <string_view>

#include "http/listener.h"

namespace headrace::http {
namespace {

using Protocol = asio::generic::stream_protocol;

constexpr std::size_t kLongestLine = 1024;

// The line that an answer begins with.
template <class Stream>
asio::awaitable<std::string> first_line(Stream& stream, const std::string& request) {
  co_await asio::async_write(stream, asio::buffer(request), asio::use_awaitable);
  std::string answer;
  auto into = asio::dynamic_buffer(answer, kLongestLine);
  const std::size_t length =
      co_await asio::async_read_until(stream, into, "\r\n", asio::use_awaitable);
  answer.resize(length);
  co_return answer;
}

asio::awaitable<std::string> converse(const Question& question, Protocol::endpoint place) {
  const auto io = co_await asio::this_coro::executor;
  const std::string request =
      "GET " + question.path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  Protocol::socket socket(io);
  co_await socket.async_connect(place, asio::use_awaitable);
  if (!question.tls) {
    std::string line = co_await first_line(socket, request);
    co_return line;
  }
  asio::ssl::context context(asio::ssl::context::tls_client);
  asio::ssl::stream<Protocol::socket&> stream(socket, context);
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  std::string line = co_await first_line(stream, request);
  co_return line;
}

// Of "HTTP/1.1 200 OK".
std::optional<unsigned> status_of(std::string_view line) {
  constexpr std::size_t kAt = std::string_view("HTTP/1.1 ").size();
  unsigned status = 0;
  if (!line.starts_with("HTTP/1.") || line.size() < kAt + 3) return std::nullopt;
  const auto [end, wrong] = std::from_chars(line.data() + kAt, line.data() + kAt + 3, status);
  if (wrong != std::errc() || end != line.data() + kAt + 3) return std::nullopt;
  return status;
}

std::string why(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& e) {
    return e.code().message();
  } catch (const std::exception& e) {
    return e.what();
  }
}

}  // namespace

Result<unsigned> ask(const Question& question) {
  const auto failed = [&](const std::string& what) {
    return Error{"asked " + question.address + " for " + question.path + ": " + what};
  };
  std::exception_ptr thrown;
  std::optional<std::string> line;
  asio::io_context io{1};
  const Result<Protocol::endpoint> place = where_to_ask(io, question.address);
  if (!place) return failed(place.error().message);
  asio::co_spawn(io, converse(question, *place), [&](std::exception_ptr e, std::string answer) {
    thrown = std::move(e);
    line = std::move(answer);
  });
  io.run_for(question.patience);
  if (!line) return failed("no answer within " + std::to_string(question.patience.count()) + " ms");
  if (thrown) return failed(why(thrown));
  const std::optional<unsigned> status = status_of(*line);
  if (!status) return failed("what answers does not speak HTTP");
  return *status;
}

}  // namespace headrace::http
