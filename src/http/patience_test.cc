// Clients that are slow, on purpose or not. The limits are short here; nothing measures a time.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/test_server.h"

namespace headrace::http {
namespace {

using std::chrono::milliseconds;

Settings impatient() {
  Settings settings;
  Limits& limits = settings.limits;
  limits.head_time = milliseconds(100);
  limits.keep_alive = milliseconds(100);
  limits.linger = milliseconds(100);
  limits.body_pace = {milliseconds(100), milliseconds(10'000), 1};
  limits.answer_pace = {milliseconds(100), milliseconds(10'000), 1};
  return settings;
}

// Sends `drop` again and again until the server closes.
void drip(TestClient& client, std::string_view drop) {
  while (client.send(drop)) std::this_thread::sleep_for(milliseconds(5));
}

TEST(Patience, AConnectionThatSaysNothingIsClosed) {
  const TestServer server(test_application, impatient());
  auto client = server.client();
  EXPECT_TRUE(client.at_end());
}

TEST(Patience, AHeadThatStopsIsAnsweredAndClosed) {
  const TestServer server(test_application, impatient());
  auto client = server.client();
  client.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_EQ(client.read_answer().status, 408u);
  EXPECT_TRUE(client.at_end());
}

TEST(Patience, AHeadThatDripsHasNoMoreTimeThanAnyOther) {
  const TestServer server(test_application, impatient());
  auto client = server.client();
  client.send("GET / HTTP/1.1\r\nHost: x\r\n");
  drip(client, "A: b\r\n");
  const auto said = client.read_all();
  EXPECT_TRUE(said.empty() || said.starts_with("HTTP/1.1 408") || said.starts_with("HTTP/1.1 431"));
}

TEST(Patience, AnIdleConnectionIsClosedWithoutAWord) {
  const TestServer server(test_application, impatient());
  auto client = server.client();
  client.send(get("/hello"));
  EXPECT_EQ(client.read_answer().body, "hello");
  EXPECT_TRUE(client.at_end());
}

TEST(Patience, ABodyThatStopsIsRefused) {
  const TestServer server(test_application, impatient());
  for (const char* framing :
       {"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    auto client = server.client();
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\n" + std::string(framing));
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 408u);
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(client.at_end());
  }
}

TEST(Patience, ABodyThatDripsTooSlowlyIsRefused) {
  auto settings = impatient();
  settings.limits.body_pace = {milliseconds(10'000), milliseconds(100), 100'000};
  TestServer server(test_application, settings);
  auto client = server.client();
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  drip(client, "abc");
  client.read_all();
  EXPECT_EQ(server.log().at(0).status, 408u);
}

TEST(Patience, ABodyThatDripsHasToGoInACrowd) {
  std::atomic<bool> crowd = false;
  auto settings = impatient();
  settings.limits.body_pace = {milliseconds(10'000), milliseconds(10'000), 1};
  settings.limits.crowded_body_pace = {milliseconds(50), milliseconds(50), 100'000'000};
  TestServer server(
      [&](Exchange& exchange) -> asio::awaitable<void> {
        if (exchange.field("Alone").empty()) exchange.hurry_while([&] { return crowd.load(); });
        co_await test_application(exchange);
      },
      settings);
  auto other = server.client();
  other.send("POST /echo HTTP/1.1\r\nHost: x\r\nAlone: yes\r\nContent-Length: 4\r\n\r\nx");
  auto client = server.client();
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(client.send("abc"));
    std::this_thread::sleep_for(milliseconds(5));
  }
  crowd = true;
  drip(client, "abc");
  client.read_all();
  EXPECT_EQ(server.log().at(0).status, 408u);
  EXPECT_EQ(server.ask(post("/echo", "whole at once")).body, "whole at once");
  other.send("yz!");
  EXPECT_EQ(other.read_answer().body, "xyz!") << "it is in nobody's way";
}

TEST(Patience, ABodyThatKeepsItsPaceIsTaken) {
  auto settings = impatient();
  // A byte a second, of which each that has come counts; the first is there at once.
  settings.limits.body_pace = {milliseconds(10'000), milliseconds(1'000), 1};
  const TestServer server(test_application, settings);
  auto client = server.client();
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nx");
  for (int i = 1; i < 20; ++i) {
    std::this_thread::sleep_for(milliseconds(2));
    client.send("x");
  }
  EXPECT_EQ(client.read_answer().body, std::string(20, 'x'));
}

TEST(Patience, AnUnreadBodyThatNeverComesEndsTheConnection) {
  const TestServer server(test_application, impatient());
  auto client = server.client();
  client.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(client.read_answer().body, "ignored");
  EXPECT_TRUE(client.at_end());
}

TEST(Patience, AnAnswerThatNobodyReadsIsGivenUp) {
  std::promise<void> answered;
  const TestServer server(
      [&](Exchange& exchange) -> asio::awaitable<void> {
        co_await exchange.answer_text(200, "application/octet-stream", std::string(64 << 20, 'a'));
        answered.set_value();
      },
      impatient());
  auto client = server.client();
  client.send(get("/"));
  answered.get_future().wait();
  EXPECT_LT(client.read_all().size(), 64u << 20);
}

TEST(Patience, WithWorkThereIsNone) {
  // The application may take longer than any limit on the client.
  const TestServer server(
      [](Exchange& exchange) -> asio::awaitable<void> {
        boost::asio::steady_timer work(co_await asio::this_coro::executor, milliseconds(400));
        co_await work.async_wait(asio::use_awaitable);
        co_await test_application(exchange);
      },
      impatient());
  EXPECT_EQ(server.ask(post("/echo", "abc")).body, "abc");
}

}  // namespace
}  // namespace headrace::http
