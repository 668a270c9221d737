// A server whose application does nothing, to be loaded from outside (wrk): what is measured is the
// server. hello_bench [ADDRESS]; ends when it is killed.
#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "http/listener.h"

namespace http = headrace::http;

int main(int count, char** words) {
  boost::asio::io_context io(1);
  http::Settings settings;
  settings.address = count > 1 ? words[1] : "127.0.0.1:0";
  const auto listener = http::Listener::open(
      io, settings, [](http::Exchange& exchange) -> boost::asio::awaitable<void> {
        co_await exchange.answer_text(200, "application/json", "{\"live\":true}");
      });
  if (!listener) {
    std::fprintf(stderr, "%s\n", listener.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", listener->address().c_str());
  std::fflush(stdout);
  io.run();
}
