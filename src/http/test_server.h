// A server on a thread of its own and a client that says exactly what it is told to, for tests.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "http/content_coding.h"
#include "http/listener.h"
#include "sys/fd.h"

namespace headrace::http {

inline std::string zipped(std::string_view text) {
  Deflater deflater;
  std::string out;
  deflater.add(std::as_bytes(std::span(text)), out);
  deflater.finish(out);
  return out;
}

struct TestAnswer {
  unsigned status = 0;  // 0: the connection ended instead
  std::string head{};
  std::string body{};

  std::string field(std::string_view name) const {
    std::size_t at = 0;
    while ((at = head.find("\r\n", at)) != std::string::npos) {
      at += 2;
      const auto colon = head.find(": ", at);
      if (colon == std::string::npos) break;
      if (same_word(std::string_view(head).substr(at, colon - at), name))
        return head.substr(colon + 2, head.find("\r\n", colon) - colon - 2);
    }
    return {};
  }
};

// Blocking, with a bound far above what any test waits for.
class TestClient {
 public:
  TestClient() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  explicit TestClient(std::uint16_t port) : TestClient() { connect(port); }
  explicit TestClient(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    path.copy(place.sun_path, sizeof place.sun_path - 1);
    begin(reinterpret_cast<const sockaddr*>(&place), sizeof place);
  }

  void connect(std::uint16_t port) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    begin(reinterpret_cast<const sockaddr*>(&place), sizeof place);
  }
  bool connected() const { return connected_; }
  int fd() const { return fd_.get(); }

  // False when the server has closed; what it said before can still be read.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  // A close that the other side sees as a reset.
  void abort() {
    const linger at_once{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
  }

  TestAnswer read_answer(bool head_only = false) {
    TestAnswer answer;
    std::size_t end = 0;
    while ((end = here_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return answer;
    }
    answer.head = here_.substr(0, end + 2);
    here_.erase(0, end + 4);
    answer.status = static_cast<unsigned>(std::stoul(answer.head.substr(9, 3)));
    const auto length = answer.field("Content-Length");
    const auto size = head_only || length.empty() ? 0 : std::stoul(length);
    while (here_.size() < size && read_more()) {
    }
    answer.body = here_.substr(0, size);
    here_.erase(0, size);
    return answer;
  }
  // Everything up to the end of the connection.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(here_, {});
  }
  // Whether the server has closed the connection, with nothing left to read.
  bool at_end() { return here_.empty() && !read_more() && !timed_out_; }

 private:
  void begin(const sockaddr* place, socklen_t size) {
    const timeval patience{30, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_.get(), place, size) == 0;
  }
  bool read_more() {
    std::vector<char> piece(65536);
    const auto got = ::recv(fd_.get(), piece.data(), piece.size(), 0);
    timed_out_ = got < 0 && errno == EAGAIN;
    if (got > 0) here_.append(piece.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  sys::Fd fd_;
  bool connected_ = false;
  bool timed_out_ = false;
  std::string here_{};
};

// An access record that outlives its call.
struct Logged {
  std::string json{};
  std::string path{};
  unsigned status = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class TestServer {
 public:
  explicit TestServer(Application application, Settings settings = {}) {
    if (settings.address.empty()) settings.address = "127.0.0.1:0";
    settings.log = [this](const AccessRecord& record) {
      const std::lock_guard lock(mutex_);
      log_.push_back({to_json(record), std::string(record.path), record.status, record.bytes_in,
                      record.bytes_out});
    };
    auto opened = Listener::open(io_, std::move(settings), std::move(application));
    if (!opened) throw std::runtime_error(opened.error().message);
    listener_.emplace(*std::move(opened));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~TestServer() {
    io_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return listener_->port(); }
  TestClient client() const { return TestClient(port()); }
  // One request on a connection of its own.
  TestAnswer ask(std::string_view request) const {
    TestClient client(port());
    client.send(request);
    return client.read_answer();
  }
  // Runs `action` where the listener lives, and waits for it.
  template <class Action>
  auto on_thread(Action action) {
    using Task = std::packaged_task<decltype(action(*listener_))()>;
    const auto task = std::make_shared<Task>([&] { return action(*listener_); });
    auto result = task->get_future();
    boost::asio::post(io_, [task] { (*task)(); });
    return result.get();
  }
  // Reads tokens and certificate again and takes them up; false when they cannot be read.
  bool read_again() {
    return on_thread([](Listener& listener) {
      const auto news = listener.read_again();
      if (news) (*news)();
      return bool(news);
    });
  }
  asio::io_context& io() { return io_; }
  std::vector<Logged> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

 private:
  asio::io_context io_{1};
  std::optional<Listener> listener_{};
  std::mutex mutex_{};
  std::vector<Logged> log_{};
  std::thread thread_{};
};

inline std::string get(std::string_view path, std::string_view more = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

inline std::string post(std::string_view path, std::string_view body, std::string_view more = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// /hello says so; /echo gives the body back, /sips too but reads it in sips of 7 bytes; /ignore
// does not look at it; /throw throws; /silent does not answer; anything else is a 404.
inline asio::awaitable<void> test_application(Exchange& exchange) {
  const auto path = exchange.path();
  if (path == "/hello") {
    co_await exchange.answer_text(200, "text/plain", "hello");
  } else if (path == "/echo") {
    std::vector<std::byte> room(1 << 20);
    auto read = co_await exchange.read_body(room);
    if (!read) {
      co_await exchange.refuse(read.error());
      co_return;
    }
    const std::span<const std::byte> body(room.data(), *read);
    const Answer answer{200, "application/octet-stream", {}, {&body, 1}};
    co_await exchange.answer(answer);
  } else if (path == "/sips") {
    std::string all;
    std::vector<std::byte> sip(7);
    for (;;) {
      auto read = co_await exchange.read_some(sip);
      if (!read) {
        co_await exchange.refuse(read.error());
        co_return;
      }
      if (*read == 0) break;
      all.append(reinterpret_cast<const char*>(sip.data()), *read);
    }
    co_await exchange.answer_text(200, "application/octet-stream", all);
  } else if (path == "/ignore") {
    co_await exchange.answer_text(200, "text/plain", "ignored");
  } else if (path == "/throw") {
    throw std::runtime_error("thrown on purpose");
  } else if (path != "/silent") {
    co_await exchange.refuse({404, "no such path"});
  }
}

}  // namespace headrace::http
