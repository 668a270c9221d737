// Requests that are in order, and their answers, over real sockets.
#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "http/content_coding.h"
#include "http/test_folder.h"
#include "http/test_server.h"

namespace headrace::http {
namespace {

std::string unzipped(std::string_view text) {
  const Limits limits;
  Inflater inflater(limits);
  std::vector<std::byte> room(16 << 20);
  const auto step = inflater.inflate(std::as_bytes(std::span(text)), room);
  return step ? std::string(reinterpret_cast<const char*>(room.data()), step->written)
              : step.error().message;
}

std::string chunked(std::string_view path, std::string_view body, std::size_t piece,
                    std::string_view more = {}) {
  std::string text = "POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) +
                     "Transfer-Encoding: chunked\r\n\r\n";
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size()))) {
    const auto chunk = body.substr(0, piece);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    text += size + std::string(chunk) + "\r\n";
  }
  return text + "0\r\n\r\n";
}

TEST(Answering, EveryAnswerSaysWhatItIsAndWhoAsked) {
  const TestServer server(test_application);
  const auto answer = server.ask(get("/hello", "X-Request-Id: mine-1\r\n"));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.field("Content-Type"), "text/plain");
  EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.field("X-Request-Id"), "mine-1");
  EXPECT_EQ(answer.field("Server"), "");
  EXPECT_EQ(answer.field("Date").size(), 29u);
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));

  const auto own = server.ask(get("/hello", "X-Request-Id: a b\r\n")).field("X-Request-Id");
  EXPECT_EQ(own.size(), 32u);
}

TEST(Answering, AConnectionServesManyRequests) {
  const TestServer server(test_application);
  auto client = server.client();
  for (int i = 0; i < 50; ++i) {
    client.send(post("/echo", std::to_string(i)));
    EXPECT_EQ(client.read_answer().body, std::to_string(i));
  }
}

TEST(Answering, RequestsSentAheadAreAnsweredInOrder) {
  const TestServer server(test_application);
  auto client = server.client();
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += i % 3 == 0   ? post("/sips", std::string(static_cast<std::size_t>(i), 'x'))
           : i % 3 == 1 ? chunked("/echo", std::to_string(i), 1)
                        : post("/ignore", std::string(200, 'y'));
  }
  client.send(all);
  for (int i = 0; i < 100; ++i) {
    const auto answer = client.read_answer();
    ASSERT_EQ(answer.status, 200u) << i;
    ASSERT_EQ(answer.body, i % 3 == 0   ? std::string(static_cast<std::size_t>(i), 'x')
                           : i % 3 == 1 ? std::to_string(i)
                                        : "ignored");
  }
}

TEST(Answering, HeadHasNoBody) {
  const TestServer server(test_application);
  auto client = server.client();
  client.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" + get("/hello"));
  EXPECT_EQ(client.read_answer(true).field("Content-Length"), "5");
  EXPECT_EQ(client.read_answer().body, "hello");
}

TEST(Answering, HTTP10ClosesUnlessAskedToStay) {
  const TestServer server(test_application);
  auto client = server.client();
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.read_answer().field("Connection"), "keep-alive");
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_answer().field("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Answering, AfterConnectionCloseItCloses) {
  const TestServer server(test_application);
  auto client = server.client();
  client.send(get("/hello", "Connection: close\r\n") + get("/hello"));
  EXPECT_EQ(client.read_answer().field("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Answering, AClientThatSendsNoMoreStillGetsItsAnswer) {
  const TestServer server(test_application);
  auto client = server.client();
  client.send(post("/echo", "abc"));
  client.finish_sending();
  EXPECT_EQ(client.read_answer().body, "abc");
  EXPECT_TRUE(client.at_end());
}

TEST(Answering, BodiesArriveWholeHoweverTheyAreSentAndRead) {
  const TestServer server(test_application);
  std::string body;
  for (unsigned i = 0; body.size() < 700'000; ++i) body += std::to_string(i * 7919);
  auto client = server.client();
  for (const char* path : {"/echo", "/sips"}) {
    client.send(post(path, body));
    EXPECT_TRUE(client.read_answer().body == body) << path;
    client.send(chunked(path, body, 8191));
    EXPECT_TRUE(client.read_answer().body == body) << path;
    client.send(post(path, zipped(body), "Content-Encoding: gzip\r\n"));
    EXPECT_TRUE(client.read_answer().body == body) << path;
    client.send(chunked(path, zipped(body), 100, "Content-Encoding: gzip\r\n"));
    EXPECT_TRUE(client.read_answer().body == body) << path;
  }
}

TEST(Answering, AChunkedBodyMayArriveByteByByte) {
  const TestServer server(test_application);
  auto client = server.client();
  const auto text = chunked("/sips", "twenty-four bytes of it.", 5);
  for (const char c : text) client.send({&c, 1});
  EXPECT_EQ(client.read_answer().body, "twenty-four bytes of it.");
}

TEST(Answering, APrefixCanBeReadBeforeTheRest) {
  const TestServer server([](Exchange& exchange) -> asio::awaitable<void> {
    std::vector<std::byte> prefix(3);
    std::vector<std::byte> rest(100);
    std::size_t have = 0;
    while (have < prefix.size()) {
      const auto read = co_await exchange.read_some(std::span(prefix).subspan(have));
      if (!read || *read == 0) co_return;
      have += *read;
    }
    const auto read = co_await exchange.read_body(rest);
    if (!read) co_return;
    std::string text = std::to_string(exchange.content_length().value_or(0)) + " ";
    text.append(reinterpret_cast<const char*>(prefix.data()), have);
    text += "|";
    text.append(reinterpret_cast<const char*>(rest.data()), *read);
    co_await exchange.answer_text(200, "text/plain", text);
  });
  EXPECT_EQ(server.ask(post("/", "abcdefg")).body, "7 abc|defg");
}

TEST(Answering, AnAnswerMayBeManySpansAndFields) {
  const TestServer server([](Exchange& exchange) -> asio::awaitable<void> {
    const std::vector<std::byte> a(3, std::byte{'a'});
    const std::vector<std::byte> b(100'000, std::byte{'b'});
    const std::vector<std::span<const std::byte>> body{a, {}, b, a};
    const std::vector<Field> fields{{"X-One", "1"}, {"X-Two", "evil\r\nSet-Cookie: x"}};
    const Answer answer{201, "application/octet-stream", fields, body};
    co_await exchange.answer(answer);
  });
  const auto answer = server.ask(get("/"));
  EXPECT_EQ(answer.status, 201u);
  EXPECT_EQ(answer.body, "aaa" + std::string(100'000, 'b') + "aaa");
  EXPECT_EQ(answer.field("X-One"), "1");
  EXPECT_EQ(answer.field("Set-Cookie"), "");
}

TEST(Answering, LargeTextIsCompressedForThoseWhoAllowIt) {
  std::string text;
  for (unsigned i = 0; text.size() < 3 << 20; ++i) text += std::to_string(i * 7919);
  const auto application = [&](Exchange& exchange) -> asio::awaitable<void> {
    const auto type = exchange.path() == "/text" ? "text/plain" : "application/octet-stream";
    co_await exchange.answer_text(200, type, text);
  };
  const TestServer server(application);
  const auto small = server.ask(get("/text", "Accept-Encoding: br, gzip\r\n"));
  EXPECT_EQ(small.field("Content-Encoding"), "gzip");
  EXPECT_EQ(small.field("Vary"), "Accept-Encoding");
  EXPECT_LT(small.body.size(), text.size() / 2);
  EXPECT_TRUE(unzipped(small.body) == text);
  EXPECT_EQ(server.ask(get("/text")).field("Content-Encoding"), "");
  EXPECT_EQ(server.ask(get("/bytes", "Accept-Encoding: gzip\r\n")).field("Content-Encoding"), "");

  Settings settings;
  settings.compress_answers = false;
  const TestServer plain(application, settings);
  EXPECT_EQ(plain.ask(get("/text", "Accept-Encoding: gzip\r\n")).body.size(), text.size());
}

TEST(Answering, AnApplicationThatThrowsOrForgetsIsA500) {
  TestServer server(test_application);
  auto client = server.client();
  for (const char* path : {"/throw", "/silent"}) {
    client.send(get(path));
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 500u);
    EXPECT_EQ(answer.body, "{\"error\":\"internal error\"}");
  }
  client.send(get("/hello", "Connection: close\r\n"));
  client.read_all();
  const auto log = server.log();
  EXPECT_NE(log.at(0).json.find("\"exception\":\"thrown on purpose\""), std::string::npos);
}

TEST(Answering, OneRecordForEveryRequest) {
  TestServer server([](Exchange& exchange) -> asio::awaitable<void> {
    exchange.note("model", "m");
    exchange.note("queue_ms", 1.5);
    co_await test_application(exchange);
  });
  auto client = server.client();
  client.send(post("/echo?secret=1", "abc",
                   "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n") +
              get("/nowhere") + "broken\r\n\r\n");
  client.read_all();
  const auto log = server.log();
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log[0].path, "/echo");
  EXPECT_EQ(log[0].status, 200u);
  EXPECT_EQ(log[0].bytes_in, 3u);
  EXPECT_GT(log[0].bytes_out, 3u);
  for (const char* part : {"\"remote\":\"127.0.0.1:", "\"method\":\"POST\"", "\"model\":\"m\"",
                           "\"queue_ms\":1.5", "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""})
    EXPECT_NE(log[0].json.find(part), std::string::npos) << log[0].json;
  EXPECT_EQ(log[1].status, 404u);
  EXPECT_EQ(log[2].status, 400u);
}

// Waits for the client's end and says so.
class Waiting {
 public:
  Application application() {
    return [this](Exchange& exchange) -> asio::awaitable<void> {
      begun_.set_value();
      co_await exchange.gone();
      gone_.set_value();
      co_await exchange.answer_text(200, "text/plain", "for nobody");
    };
  }
  void wait_begun() { begun_.get_future().wait(); }
  bool wait_gone() {
    return gone_.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  }

 private:
  std::promise<void> begun_;
  std::promise<void> gone_;
};

TEST(Gone, IsNoticedWhileTheApplicationWorks) {
  for (const bool abruptly : {false, true}) {
    Waiting waiting;
    TestServer server(waiting.application());
    auto client = server.client();
    client.send(get("/"));
    waiting.wait_begun();
    if (abruptly) {
      client.abort();
    } else {
      client.close();
    }
    EXPECT_TRUE(waiting.wait_gone());
  }
}

TEST(Gone, IsNoticedBehindRequestsSentAhead) {
  Waiting waiting;
  TestServer server(waiting.application());
  auto client = server.client();
  client.send(get("/") + std::string(100'000, 'x'));  // more than the server reads ahead
  waiting.wait_begun();
  client.close();
  EXPECT_TRUE(waiting.wait_gone());
}

TEST(Gone, CanBeGivenUpAndEatsNothing) {
  using namespace asio::experimental::awaitable_operators;
  const TestServer server([](Exchange& exchange) -> asio::awaitable<void> {
    asio::steady_timer work(co_await asio::this_coro::executor, std::chrono::milliseconds(20));
    const auto first = co_await (exchange.gone() || work.async_wait(asio::use_awaitable));
    co_await exchange.answer_text(200, "text/plain", first.index() == 1 ? "worked" : "gone");
  });
  auto client = server.client();
  client.send(get("/") + get("/"));
  EXPECT_EQ(client.read_answer().body, "worked");
  client.send(get("/"));
  EXPECT_EQ(client.read_answer().body, "worked");
  EXPECT_EQ(client.read_answer().body, "worked");
}

TEST(Answering, OverAUnixSocketThatOnlyItsOwnerMayOpen) {
  const TestFolder folder;
  Settings settings;
  settings.address = "unix:" + folder / "s";
  {
    TestServer server(test_application, settings);
    const auto mode = std::filesystem::status(folder / "s").permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    TestClient client(folder / "s");
    client.send(get("/hello", "Connection: close\r\n"));
    EXPECT_EQ(client.read_answer().body, "hello");
    EXPECT_TRUE(client.at_end());
    EXPECT_NE(server.log().at(0).json.find("\"remote\":\"unix\""), std::string::npos);
    EXPECT_THROW(TestServer(test_application, settings), std::runtime_error) << "it is taken";
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "s"));
}

TEST(Answering, ASocketsFileLeftByADeadServerIsReplaced) {
  const TestFolder folder;
  const std::string path = folder / "s";
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  path.copy(place.sun_path, sizeof place.sun_path - 1);
  {
    const sys::Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), 0);
  }
  Settings settings;
  settings.address = "unix:" + path;
  const TestServer server(test_application, settings);
  TestClient client(path);
  client.send(get("/hello"));
  EXPECT_EQ(client.read_answer().body, "hello");

  settings.address = "unix:" + folder.write("file", "precious");
  EXPECT_THROW(TestServer(test_application, settings), std::runtime_error);
  EXPECT_TRUE(std::filesystem::exists(folder / "file"));
}

TEST(Answering, OnIPv6ForIPv4ClientsToo) {
  Settings settings;
  settings.address = "[::]:0";
  std::optional<TestServer> server;
  try {
    server.emplace(test_application, settings);
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << error.what();
  }
  auto client = server->client();
  client.send(get("/hello", "Connection: close\r\n"));
  EXPECT_TRUE(client.read_all().ends_with("hello"));
  EXPECT_NE(server->log().at(0).json.find("\"remote\":\"127.0.0.1:"), std::string::npos);
}

TEST(Answering, AnAddressThatCannotBeIsAnError) {
  asio::io_context io;
  for (const char* address :
       {"", "8080", ":8080", "localhost", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:80",
        "192.0.2.1:1", "unix:", "unix:/nowhere/at/all"}) {
    Settings settings;
    settings.address = address;
    const auto refused = Listener::open(io, settings, test_application);
    EXPECT_FALSE(refused) << address;
  }
}

}  // namespace
}  // namespace headrace::http
