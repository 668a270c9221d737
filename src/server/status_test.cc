#include "server/status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace headrace::server {
namespace {

TEST(Status, KnowsFromWhichSecondOnTheHistoryIsWanted) {
  EXPECT_EQ(read_since("since=0"), 0U);
  EXPECT_EQ(read_since("since=1234"), 1234U);
  for (const char* query :
       {"", "since=", "since=x", "since=1x", "since=-1", "since=99999999999999999999", "after=1"})
    EXPECT_EQ(read_since(query), std::nullopt) << query;
}

// A server without a model, which can be had without a process.
struct Empty {
  boost::asio::io_context io{};
  sys::Poller poller{};
  sys::Signals signals{};
  spdlog::logger log{"test"};
  Server server{{}, io, poller, signals, log};
  History history{};

  nlohmann::json status(std::optional<std::uint64_t> after) {
    const ServerFacts facts{
        .version = "1.2.3", .started_ms = 5, .uptime_seconds = 2.00049, .own_cpus = 0.25};
    return nlohmann::json::parse(describe_status(server, facts, history, after, Clock::now()));
  }
};

TEST(Status, SaysOfAServerWithoutModelsWhatItKnows) {
  Empty empty;
  const auto status = empty.status(std::nullopt);
  EXPECT_EQ(status["server"]["version"], "1.2.3");
  EXPECT_EQ(status["server"]["started_ms"], 5);
  EXPECT_EQ(status["server"]["uptime_seconds"], 2.0) << "to the thousandth";
  EXPECT_EQ(status["server"]["draining"], false);
  EXPECT_TRUE(status["container"].is_null());
  EXPECT_EQ(status["models"], nlohmann::json::array());
  EXPECT_FALSE(status.contains("history"));
}

TEST(Status, SaysNullOfWhatIsNotKnown) {
  Empty empty;
  empty.history.add(History::Seconds(0), container_now(empty.server, 0.5), {});
  const auto history = empty.status(0)["history"];
  EXPECT_EQ(history["last"], 1);
  EXPECT_EQ(history["cpu_used_cores"], nlohmann::json::array({0.5}));
  EXPECT_EQ(history["memory_in_use_bytes"], nlohmann::json::array({nullptr}));
}

TEST(Status, HasAWordForEveryStateOfAWorker) {
  using supervisor::WorkerState;
  EXPECT_EQ(word_of(WorkerState::starting), "loading");
  EXPECT_EQ(word_of(WorkerState::ready), "ready");
  EXPECT_EQ(word_of(WorkerState::resting), "resting");
}

}  // namespace
}  // namespace headrace::server
