// A health check's question, to a server that answers, one that does not, and to nobody.
#include "http/ask.h"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "http/test_folder.h"
#include "http/test_server.h"

namespace headrace::http {
namespace {

using namespace std::chrono_literals;

std::string at(const TestServer& server, const std::string& host = "127.0.0.1") {
  return host + ":" + std::to_string(server.port());
}

TEST(Ask, GetsTheStatus) {
  const TestServer server(test_application);
  EXPECT_EQ(*ask({.address = at(server), .path = "/hello"}), 200U);
  EXPECT_EQ(*ask({.address = at(server), .path = "/nothing"}), 404U);
  EXPECT_EQ(*ask({.address = at(server, "0.0.0.0"), .path = "/hello"}), 200U);
}

TEST(Ask, ReachesAUnixSocket) {
  const TestFolder folder;
  Settings settings;
  settings.address = "unix:" + (folder / "x.sock");
  const TestServer server(test_application, settings);
  EXPECT_EQ(*ask({.address = settings.address, .path = "/hello"}), 200U);
}

TEST(Ask, DoesNotWaitForEver) {
  asio::io_context io;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  const std::string address = "127.0.0.1:" + std::to_string(silent.local_endpoint().port());
  const auto asked = ask({.address = address, .path = "/livez", .patience = 20ms});
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().message, "asked " + address + " for /livez: no answer within 20 ms");
}

TEST(Ask, SaysThatNobodyListens) {
  asio::io_context io;
  std::string address;
  {
    asio::ip::tcp::acceptor gone(io, {asio::ip::address_v4::loopback(), 0});
    address = "127.0.0.1:" + std::to_string(gone.local_endpoint().port());
  }
  const auto asked = ask({.address = address, .path = "/livez"});
  ASSERT_FALSE(asked);
  EXPECT_NE(asked.error().message.find("onnection refused"), std::string::npos)
      << asked.error().message;
}

TEST(Ask, KnowsWhatIsNoHttp) {
  asio::io_context io;
  asio::ip::tcp::acceptor other(io, {asio::ip::address_v4::loopback(), 0});
  const std::string address = "127.0.0.1:" + std::to_string(other.local_endpoint().port());
  std::thread stranger([&] {
    asio::ip::tcp::socket socket = other.accept();
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(std::string("SSH-2.0-x\r\n")), ignored);
    char request[4096];
    socket.read_some(asio::buffer(request), ignored);
  });
  const auto asked = ask({.address = address, .path = "/livez"});
  stranger.join();
  ASSERT_FALSE(asked);
  EXPECT_NE(asked.error().message.find("does not speak HTTP"), std::string::npos);
}

TEST(Ask, CannotKnowAPortThatTheSystemChose) {
  const auto asked = ask({.address = "0.0.0.0:0", .path = "/livez"});
  ASSERT_FALSE(asked);
  EXPECT_NE(asked.error().message.find("the system chose its port"), std::string::npos);
}

}  // namespace
}  // namespace headrace::http
