#include "http/request_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/test_mutation.h"

namespace headrace::http {
namespace {

const Limits kLimits{};

// What a server would do with these bytes, without sockets: the head, then a chunked body.
struct Outcome {
  unsigned status = 0;  // of the refusal; 0: accepted, or more is needed
  bool whole = false;
  Request request{};
  std::string body{};
};

Outcome take(std::string_view bytes, std::size_t piece = 1 << 20) {
  HeadScanner scanner(kLimits);
  std::size_t here = 0;
  std::size_t size = 0;
  while (size == 0 && here < bytes.size()) {
    here = std::min(here + piece, bytes.size());
    const auto found = scanner.scan(bytes.substr(0, here));
    if (!found) return {found.error().status};
    size = *found;
  }
  if (size == 0) return {};
  RequestParser parser(kLimits);
  auto request = parser.parse_head(bytes.substr(0, size));
  if (!request) return {request.error().status};
  Outcome outcome{0, !request->chunked, *std::move(request), {}};
  std::vector<std::byte> room(5);
  for (std::size_t end = here; !outcome.whole;) {
    const auto step = parser.unchunk(bytes.substr(size, end - size), room);
    if (!step) return {step.error().status};
    size += step->consumed;
    outcome.body.append(reinterpret_cast<const char*>(room.data()), step->written);
    outcome.whole = step->complete;
    if (step->consumed > 0) continue;
    if (end == bytes.size()) break;
    end = std::min(end + piece, bytes.size());
  }
  return outcome;
}

TEST(RequestParser, ReadsTheHead) {
  const auto outcome = take(
      "POST /a%20b?c=d HTTP/1.1\r\nHost: x:80\r\ncontent-LENGTH: 5\r\nX-A:  \t b c "
      "\r\nX-a:\r\n\r\n");
  ASSERT_TRUE(outcome.whole) << outcome.status;
  const Request& request = outcome.request;
  EXPECT_EQ(request.path, "/a b");
  EXPECT_TRUE(request.http11);
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(request.chunked);
  EXPECT_EQ(request.content_length, 5u);
  EXPECT_EQ(request.fields.size(), 4u);
}

TEST(RequestParser, ReadsChunksHoweverTheyArrive) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3;a=\"b\"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n";
  for (const std::size_t piece : {1u, 2u, 3u, 17u, 1000u}) {
    const auto outcome = take(text, piece);
    EXPECT_TRUE(outcome.whole) << piece;
    EXPECT_EQ(outcome.body, "abc0123456789") << piece;
  }
  EXPECT_FALSE(take(text.substr(0, text.size() - 2)).whole);
}

TEST(RequestParser, ReadsAnEmptyChunkedBodyHoweverItArrives) {
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (std::size_t piece = 1; piece <= request.size(); ++piece) {
    const auto outcome = take(request, piece);
    EXPECT_TRUE(outcome.whole) << piece;
    EXPECT_EQ(outcome.body, "") << piece;
  }
}

TEST(RequestParser, KeepsTheConnectionAsTheVersionSays) {
  EXPECT_TRUE(take("GET / HTTP/1.1\r\nHost:\r\n\r\n").request.keep_alive);
  EXPECT_FALSE(take("GET / HTTP/1.1\r\nHost:\r\nConnection: x, Close\r\n\r\n").request.keep_alive);
  EXPECT_FALSE(take("GET / HTTP/1.0\r\n\r\n").request.keep_alive);
  EXPECT_TRUE(take("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").request.keep_alive);
}

TEST(RequestParser, RefusesWhatAnotherProgramMightReadOtherwise) {
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  const struct {
    std::string bytes;
    unsigned status;
  } table[] = {
      // line ends and folding
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {get + "A: b\nC: d\r\n\r\n", 400},
      {get + "A: b\rC: d\r\n\r\n", 400},
      {get + "A: b\r\n c\r\n\r\n", 400},
      {get + "A: b\r\n\tc\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
      {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      // request line
      {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /  HTTP/1.1\r\nHost: x\r\n\r\n", 505},
      {" GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 505},
      {"GET /\r\nHost: x\r\n\r\n", 400},
      {"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505},
      {"GET / http/1.1\r\nHost: x\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {std::string("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 28), 400},
      {"GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /../a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
      {std::string(9000, 'G'), 414},
      // fields
      {get + "A : b\r\n\r\n", 400},
      {get + ": b\r\n\r\n", 400},
      {get + "A b\r\n\r\n", 400},
      {get + std::string("A: b\0c\r\n\r\n", 10), 400},
      {get + "A: b\x7f\r\n\r\n", 400},
      {get + "A: " + std::string(20000, 'a') + "\r\n\r\n", 431},
      // Host
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {get + "Host: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      // lengths
      {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
      {post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
      {post + "Content-Length: 5, 5\r\n\r\n", 400},
      {post + "Content-Length: 5,\r\n\r\n", 400},
      {post + "Content-Length: +5\r\n\r\n", 400},
      {post + "Content-Length: -5\r\n\r\n", 400},
      {post + "Content-Length: 0x5\r\n\r\n", 400},
      {post + "Content-Length: 5 5\r\n\r\n", 400},
      {post + "Content-Length:\r\n\r\n", 400},
      {post + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      // encodings
      {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
      {post + "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {post + "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {post + "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
      {post + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {post + "Transfer-Encoding:\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      // chunks
      {chunked + "x\r\n", 400},
      {chunked + "-1\r\n", 400},
      {chunked + "0x1\r\na\r\n0\r\n\r\n", 400},
      {chunked + " 1\r\na\r\n", 400},
      {chunked + "1 \r\na\r\n", 400},
      {chunked + "1\na\r\n0\r\n\r\n", 400},
      {chunked + "1\r\nab\r\n0\r\n\r\n", 400},
      {chunked + "10000000000000000\r\n", 400},
      {chunked + "0\r\nContent-Length: 5\r\n\r\n", 400},
      {chunked + "0\r\nbad trailer\r\n\r\n", 400},
  };
  for (const auto& [bytes, status] : table)
    EXPECT_EQ(take(bytes).status, status) << bytes.substr(0, 120);
}

TEST(RequestParser, CountsFields) {
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 1; i < 100; ++i) head += "A: b\r\n";
  EXPECT_TRUE(take(head + "\r\n").whole);
  EXPECT_EQ(take(head + "A: b\r\n\r\n").status, 431u);
}

TEST(RequestParser, AcceptsWhatIsUnusualButPlain) {
  for (const char* head :
       {"GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "M-SEARCH / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: \xc3\xa9\r\n\r\n"}) {
    const auto outcome = take(head);
    EXPECT_EQ(outcome.status, 0u) << head;
    EXPECT_TRUE(outcome.whole) << head;
  }
}

TEST(RequestParser, SurvivesWhateverComes) {
  const std::vector<std::string> seeds{
      "POST /a%20b?c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close, te\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;a=\"b\\c\";d\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n",
      "GET http://h/ HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n"};
  Mutations mutations(11, "\r\n\t :;,=\"%0\\Ff\x7f\xff" + std::string(1, '\0'));
  std::size_t accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    const std::string text = mutations.of(seeds[mutations.below(seeds.size())]);
    const std::vector<char> exact(text.begin(), text.end());
    const std::string_view bytes(exact.data(), exact.size());
    const auto whole = take(bytes);
    const auto bit_by_bit = take(bytes, mutations.below(16) + 1);
    ASSERT_EQ(whole.whole, bit_by_bit.whole) << text;
    ASSERT_EQ(whole.body, bit_by_bit.body) << text;
    if (!whole.whole) continue;
    ++accepted;
    ASSERT_EQ(whole.request.path.front(), '/');
    ASSERT_EQ(whole.request.path.find('\0'), std::string::npos);
    ASSERT_FALSE(whole.request.chunked && whole.request.content_length) << text;
  }
  EXPECT_GT(accepted, 1000u);
}

}  // namespace
}  // namespace headrace::http
