// Requests that get an error from the server itself, and what becomes of the connection.
#include <gtest/gtest.h>

#include "http/content_coding.h"
#include "http/test_folder.h"
#include "http/test_mutation.h"
#include "http/test_server.h"

namespace headrace::http {
namespace {

TEST(Refusing, MalformedRequestsAreAnsweredAndTheConnectionEnds) {
  const TestServer server(test_application);
  const std::string post = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  const struct {
    std::string bytes;
    unsigned status;
  } table[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET /../etc HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400},
      {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(40'000, 'a'), 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + std::string(40'000, 'a'), 400},
      {post + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505},
      {"GET /" + std::string(10'000, 'a'), 414},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(20'000, 'a'), 431},
      {std::string(64, '\0'), 0},
  };
  for (const auto& [bytes, status] : table) {
    auto client = server.client();
    client.send(bytes + get("/hello"));  // a smuggled request must not be answered
    if (status == 0) client.finish_sending();
    const auto answer = client.read_answer();
    EXPECT_TRUE(answer.status == status || status == 0) << bytes.substr(0, 100);
    if (answer.status == 0) continue;
    EXPECT_EQ(answer.field("Connection"), "close") << bytes.substr(0, 100);
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_TRUE(answer.body.starts_with("{\"error\":\"")) << answer.body;
    EXPECT_TRUE(client.at_end()) << bytes.substr(0, 100);
  }
  EXPECT_EQ(server.ask(get("/hello")).status, 200u);
}

TEST(Refusing, ABodyThatIsTooLargeIsRefusedBeforeItIsSent) {
  const TestServer server(test_application);
  auto client = server.client();
  client.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n"
      "Expect: 100-continue\r\n\r\n");
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.status, 413u);
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Refusing, ABodyThatGrowsTooLargeIsRefusedOnTheWay) {
  Settings settings;
  settings.limits.body = Bytes{1000};
  const TestServer server(test_application, settings);
  EXPECT_EQ(
      server
          .ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
               "1f4\r\n" +
               std::string(500, 'a') + "\r\n1f5\r\n" + std::string(501, 'a') + "\r\n0\r\n\r\n")
          .status,
      413u);
  EXPECT_EQ(server.ask(post("/sips", zipped(std::string(2000, 'a')), "Content-Encoding: gzip\r\n"))
                .status,
            413u);
}

TEST(Refusing, AnApplicationsBufferIsAlsoALimit) {
  const TestServer server(test_application);  // /echo takes a mebibyte
  auto client = server.client();
  client.send(post("/echo", std::string((1 << 20) + 1, 'a')));
  EXPECT_EQ(client.read_answer().status, 413u);
  client.send(post("/echo", std::string(1 << 20, 'a')));
  EXPECT_EQ(client.read_answer().body.size(), 1u << 20);
}

TEST(Refusing, AClientIsToldToContinueOnlyWhenItsBodyIsRead) {
  const TestServer server(test_application);
  const std::string expecting = "Expect: 100-continue\r\n";
  auto client = server.client();
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + expecting + "\r\n");
  const auto first = client.read_answer();
  EXPECT_EQ(first.status, 100u);
  client.send("abc");
  EXPECT_EQ(client.read_answer().body, "abc");

  // With a body that did not wait, nobody is told to go on.
  client.send(post("/echo", "def", expecting));
  EXPECT_EQ(client.read_answer().body, "def");

  client.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + expecting + "\r\n");
  const auto last = client.read_answer();
  EXPECT_EQ(last.status, 200u);
  EXPECT_EQ(last.field("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Refusing, UnknownExpectationsAndEncodings) {
  const TestServer server(test_application);
  EXPECT_EQ(server.ask(get("/hello", "Expect: miracles\r\n")).status, 417u);
  const auto answer = server.ask(post("/echo", "abc", "Content-Encoding: br\r\n"));
  EXPECT_EQ(answer.status, 415u);
  EXPECT_EQ(answer.field("Accept-Encoding"), "gzip, deflate");
}

TEST(Refusing, AnUnreadBodyIsDrainedWhenItIsSmall) {
  const TestServer server(test_application);
  auto client = server.client();
  client.send(post("/ignore", std::string(60'000, 'a')) + get("/hello"));
  EXPECT_EQ(client.read_answer().body, "ignored");
  EXPECT_EQ(client.read_answer().body, "hello");
}

TEST(Refusing, AnUnreadBodyThatIsLargeEndsTheConnectionAfterTheAnswer) {
  const TestServer server(test_application);
  auto client = server.client();
  // All of it, without a look at the answer: it must still be there afterwards.
  EXPECT_TRUE(client.send(post("/ignore", std::string(20 << 20, 'a'))));
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.body, "ignored");
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Refusing, AnUnreadChunkedBodyThatIsLargeEndsTheConnection) {
  const TestServer server(test_application);
  auto client = server.client();
  client.send("POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n80000\r\n" +
              std::string(0x80000, 'a') + "\r\n0\r\n\r\n" + get("/hello"));
  EXPECT_EQ(client.read_answer().body, "ignored");
  EXPECT_TRUE(client.at_end());
}

TEST(Refusing, ACompressedBodyThatLiesIsRefused) {
  const TestServer server(test_application);
  const std::string gzip = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(server.ask(post("/echo", "not gzip at all", gzip)).status, 400u);
  auto cut = zipped("some text");
  cut.pop_back();
  EXPECT_EQ(server.ask(post("/echo", cut, gzip)).status, 400u);
  EXPECT_EQ(server.ask(post("/echo", zipped("text") + "tail", gzip)).status, 400u);
  EXPECT_EQ(server.ask(post("/sips", zipped(std::string(8 << 20, '0')), gzip)).status, 413u);
}

TEST(Tokens, ShutOutWhoeverHasNone) {
  const TestFolder folder;
  Settings settings;
  settings.token_file = folder.write("tokens", "one\ntwo\n");
  settings.open_to_all = [](const Exchange& exchange) { return exchange.path() == "/hello"; };
  TestServer server(test_application, settings);
  const auto refused = server.ask(post("/echo", "abc"));
  EXPECT_EQ(refused.status, 401u);
  EXPECT_TRUE(refused.field("WWW-Authenticate").starts_with("Bearer"));
  EXPECT_EQ(server.ask(get("/nowhere")).status, 401u) << "what exists is not told either";
  EXPECT_EQ(server.ask(get("/hello")).status, 200u);
  const auto two = post("/echo", "abc", "Authorization: Bearer two\r\n");
  EXPECT_EQ(server.ask(two).status, 200u);

  folder.write("tokens", "one\n");
  EXPECT_TRUE(server.read_again());
  const auto wrong = server.ask(two);
  EXPECT_EQ(wrong.status, 401u);
  EXPECT_NE(wrong.body, refused.body) << "a wrong token is another mistake than none";
  folder.write("tokens", "");
  EXPECT_FALSE(server.read_again());
  EXPECT_EQ(server.ask(post("/echo", "abc", "Authorization: Bearer one\r\n")).status, 200u);
}

TEST(Refusing, WhateverComesTheServerStands) {
  Settings settings;
  settings.limits.linger = std::chrono::milliseconds(20);
  const TestServer server(test_application, settings);
  const std::string seed = post("/echo", "abc") +
                           "POST /sips HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "3\r\nabc\r\n0\r\n\r\n" +
                           get("/hello", "Connection: close\r\n");
  Mutations mutations(3, "\r\n :0x");
  for (int round = 0; round < 1000; ++round) {
    const std::string text = mutations.of(seed);
    auto client = server.client();
    client.send(text);
    client.finish_sending();
    client.read_all();
  }
  EXPECT_EQ(server.ask(get("/hello")).body, "hello");
}

}  // namespace
}  // namespace headrace::http
