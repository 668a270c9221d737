// Who gets a connection, and how a server is shut.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/test_server.h"

namespace headrace::http {
namespace {

// Holds requests for /wait until they are let go.
class Gate {
 public:
  Application application() {
    return [this](Exchange& exchange) -> asio::awaitable<void> {
      if (exchange.path() == "/wait") {
        asio::steady_timer timer(co_await asio::this_coro::executor, Clock::time_point::max());
        waiting_.push_back(&timer);
        if (waiting_.size() == expected_) reached_.set_value();
        try {
          co_await timer.async_wait(asio::use_awaitable);
        } catch (const boost::system::system_error&) {
        }
      }
      co_await exchange.answer_text(200, "text/plain", "let go");
    };
  }
  explicit Gate(std::size_t expected) : expected_(expected) {}
  void wait_until_held() { reached_.get_future().wait(); }
  void open() {  // on the server's thread
    for (auto* timer : std::exchange(waiting_, {})) timer->cancel();
  }

 private:
  using Clock = asio::steady_timer::clock_type;
  std::size_t expected_;
  std::promise<void> reached_;
  std::vector<asio::steady_timer*> waiting_;
};

TEST(Admission, OverTheLimitIsA503WhenAllAreBusy) {
  Settings settings;
  settings.limits.connections = 3;
  Gate gate(3);
  TestServer server(gate.application(), settings);
  std::vector<TestClient> busy;
  for (int i = 0; i < 3; ++i) {
    busy.push_back(server.client());
    busy.back().send(get("/wait"));
  }
  gate.wait_until_held();

  auto extra = server.client();
  const auto answer = extra.read_answer();
  EXPECT_EQ(answer.status, 503u);
  EXPECT_EQ(answer.field("Retry-After"), "1");
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_TRUE(extra.at_end());
  EXPECT_EQ(server.on_thread([](Listener& l) { return l.turned_away(); }), 1u);

  server.on_thread([&](Listener&) {
    gate.open();
    return 0;
  });
  for (auto& client : busy) EXPECT_EQ(client.read_answer().body, "let go");
  EXPECT_EQ(server.ask(get("/")).status, 200u) << "in the place of one that is idle now";
}

TEST(Admission, TheLongestIdleMakesRoom) {
  Settings settings;
  settings.limits.connections = 2;
  const TestServer server(test_application, settings);
  auto first = server.client();
  first.send(get("/hello"));
  EXPECT_EQ(first.read_answer().status, 200u);
  auto second = server.client();
  second.send(get("/hello"));
  EXPECT_EQ(second.read_answer().status, 200u);
  auto third = server.client();
  third.send(get("/hello"));
  EXPECT_EQ(third.read_answer().status, 200u);
  EXPECT_TRUE(first.at_end());
  second.send(get("/hello"));
  EXPECT_EQ(second.read_answer().status, 200u);
}

TEST(Admission, AConnectionEndsAfterItsShareOfRequests) {
  Settings settings;
  settings.limits.requests = 3;
  const TestServer server(test_application, settings);
  auto client = server.client();
  client.send(get("/hello") + get("/hello") + get("/hello") + get("/hello"));
  EXPECT_EQ(client.read_answer().field("Connection"), "");
  EXPECT_EQ(client.read_answer().field("Connection"), "");
  EXPECT_EQ(client.read_answer().field("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Admission, GoesOnAfterDescriptorsRanOut) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers need descriptors of their own, and complain without";
#endif
  TestServer server(test_application);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  TestClient client;
  rlimit few = before;
  few.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  client.connect(server.port());
  client.send(get("/hello"));
  // Afterwards the server's loop has looked at its sockets and could not accept.
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_EQ(server.on_thread([](Listener& listener) { return listener.connections(); }), 0u);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(client.read_answer().status, 200u);
}

TEST(Draining, AnswersWhatIsUnderWayAndEndsTheRest) {
  Gate gate(1);
  TestServer server(gate.application());
  auto idle = server.client();
  idle.send(get("/"));
  EXPECT_EQ(idle.read_answer().status, 200u);
  auto busy = server.client();
  busy.send(get("/wait"));
  gate.wait_until_held();

  std::promise<void> drained;
  server.on_thread([&](Listener& listener) {
    asio::co_spawn(server.io(), listener.drain(),
                   [&](const std::exception_ptr&) { drained.set_value(); });
    return 0;
  });
  EXPECT_TRUE(idle.at_end());
  EXPECT_FALSE(server.client().connected()) << "nobody else comes in";
  auto done = drained.get_future();
  EXPECT_EQ(done.wait_for(std::chrono::seconds(0)), std::future_status::timeout);

  server.on_thread([&](Listener&) {
    gate.open();
    return 0;
  });
  const auto answer = busy.read_answer();
  EXPECT_EQ(answer.body, "let go");
  EXPECT_EQ(answer.field("Connection"), "close");
  busy.close();
  done.wait();
  EXPECT_EQ(server.on_thread([](Listener& l) { return l.connections(); }), 0u);
}

TEST(Draining, WithNobodyThereIsDoneAtOnce) {
  TestServer server(test_application);
  std::promise<void> drained;
  server.on_thread([&](Listener& listener) {
    asio::co_spawn(server.io(), listener.drain(),
                   [&](const std::exception_ptr&) { drained.set_value(); });
    return 0;
  });
  drained.get_future().wait();
}

TEST(Draining, BeginsAlthoughTheListenerHasGoneMeanwhile) {
  asio::io_context io;
  auto opened = Listener::open(io, {.address = "127.0.0.1:0"}, test_application);
  ASSERT_TRUE(opened);
  std::optional<Listener> listener(*std::move(opened));
  bool drained = false;
  asio::co_spawn(io, listener->drain(), [&](const std::exception_ptr&) { drained = true; });
  listener.reset();
  io.run();
  EXPECT_TRUE(drained);
}

TEST(Draining, IdleConnectionsCanBeEndedWithoutIt) {
  TestServer server(test_application);
  auto idle = server.client();
  idle.send(get("/hello"));
  EXPECT_EQ(idle.read_answer().status, 200u);
  server.on_thread(
      [](Listener&) { return 0; });  // what follows comes after the answer's completion
  server.on_thread([](Listener& listener) {
    listener.close_idle();
    return 0;
  });
  EXPECT_TRUE(idle.at_end());
  EXPECT_EQ(server.ask(get("/hello")).status, 200u);
}

}  // namespace
}  // namespace headrace::http
