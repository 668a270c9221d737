// A line over real workers: this program starts itself as one, with the fake engine.
#include "server/line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "shm/brief.h"
#include "shm/served.h"
#include "worker/make_body.h"
#include "worker/model_body.h"
#include "worker/worker_main.h"

namespace headrace::server {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kRaving = "--raving-worker";

// A model that gives back the bytes it gets, unless they tell it otherwise.
class Shop {
 public:
  explicit Shop(const std::string& more = "", std::uint32_t slots = 16, Bytes bodies = 1_MiB,
                std::uint32_t spare = 0, std::string_view worker = "--worker")
      : log_("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said_)),
        line_(
            settings(more, slots, bodies, spare, worker),
            std::move(*shm::SlotArea::create(
                {.count = slots, .input_capacity = 64, .result_capacity = 4096, .bodies = bodies})),
            poller_, 1, log_) {}
  ~Shop() {
    line_.stop(Clock::now(), 10s);
    until([this] { return line_.stopped(); });
    std::filesystem::remove(model_);
  }

  Result<Room, Line::Full> room(const std::string& text) {
    std::vector<shm::ServedPart> parts = {
        {.input = 0, .unused = 0, .tensor = *shm::served_tensor(HR_U8, dims(text))}};
    Result<Room, Line::Full> room = line_.admit(*shm::lay_out(parts));
    if (!room) return room;
    shm::write_tensors(room->bytes(), parts);
    std::memcpy(shm::payload(room->bytes(), parts[0].tensor).data(), text.data(), text.size());
    return room;
  }
  // Submits, and notes the answer under the text.
  std::uint64_t send(const std::string& text, const Terms& terms = {}) {
    Result<Room, Line::Full> taken = room(text);
    EXPECT_TRUE(taken) << text;
    return line_.submit(std::move(*taken), terms, [this, text](Answer answer) {
      order_.push_back(text);
      answers_[text] = std::move(answer);
    });
  }

  void turn() {
    line_.step(Clock::now());
    sleep();
  }
  void sleep() {
    line_.set_supervisor_asleep(true);
    const auto nap = line_.result_waiting() ? 0ms : line_.patience(Clock::now());
    const auto tags = poller_.wait(nap);
    line_.set_supervisor_asleep(false);
    for (const std::uint64_t tag : std::vector<std::uint64_t>(tags.begin(), tags.end()))
      line_.on_ready(tag, Clock::now());
  }
  void until(const std::function<bool()>& done) {
    const Clock::time_point deadline = Clock::now() + 60s;
    for (;;) {
      line_.step(Clock::now());
      if (done()) return;
      sleep();
      ASSERT_LT(Clock::now(), deadline);
    }
  }
  void until_answered(std::size_t count) {
    until([&] { return order_.size() >= count; });
  }
  void until_ready() {
    until([this] { return line_.ready(Clock::now()); });
  }

  std::string echoed(const std::string& text) {
    const Answer& answer = answers_.at(text);
    if (answer.kind != Answer::Kind::result) return "failed: " + answer.message;
    const auto bytes = std::as_bytes(std::span(answer.result));
    const auto result = shm::read_served_result(bytes);
    const auto payload = shm::payload(bytes, result->outputs.at(0).tensor);
    return {reinterpret_cast<const char*>(payload.data()), payload.size()};
  }

  Line& line() { return line_; }
  std::string said() const { return said_.str(); }
  const Answer& answer(const std::string& text) { return answers_.at(text); }
  const std::vector<std::string>& order() const { return order_; }

 private:
  static std::vector<std::int64_t> dims(const std::string& text) {
    return {1, static_cast<std::int64_t>(text.size())};
  }

  LineSettings settings(const std::string& more, std::uint32_t slots, Bytes bodies,
                        std::uint32_t spare, std::string_view worker) {
    model_ = testing::TempDir() + "line_test_" + std::to_string(sys::own_pid()) + ".fake";
    std::ofstream(model_) << "kind = echo\ninput = u8\nabort_on = DIE\nhang_on = HANG\n" << more;
    worker::ModelSettings model;
    model.engine_folders = {HEADRACE_TEST_ENGINE_FOLDER};
    model.model.file = model_;
    model.model.engine = "fake";
    model.model.input.kind = model::InputKind::tensors;
    return {.name = "echo",
            .version = "",
            .fleet = {.program = *sys::own_program(),
                      .arguments = {"line_test", std::string(worker)},
                      .start = {.body = worker::to_json(model, "served")},
                      .workers = 1 + spare,
                      .spare = spare,
                      .attempts = 2},
            .slots = {.count = slots, .bodies = bodies},
            .queue = slots};
  }

  std::string model_;
  std::ostringstream said_;
  spdlog::logger log_;
  sys::Poller poller_;
  Line line_;
  std::map<std::string, Answer> answers_;
  std::vector<std::string> order_;
};

TEST(Line, AnswersWhatItIsAsked) {
  Shop shop;
  for (int i = 0; i < 16; ++i) shop.send("request " + std::to_string(i));
  shop.until_answered(16);
  for (int i = 0; i < 16; ++i) {
    const std::string text = "request " + std::to_string(i);
    EXPECT_EQ(shop.echoed(text), text);
  }
  EXPECT_EQ(shop.line().open(), 0U);
  EXPECT_EQ(shop.line().bytes_in_flight().value, 0U);
  EXPECT_EQ(shop.line().tally().success.count, 16U);
  ASSERT_TRUE(shop.line().signature());
  EXPECT_EQ(shop.line().signature()->inputs.at(0).name, "INPUT0");
}

TEST(Line, IsReadyOnlyOnceAWorkerHasLoaded) {
  Shop shop;
  EXPECT_FALSE(shop.line().ready(Clock::now()));
  shop.until_ready();
  EXPECT_TRUE(shop.line().signature());
}

TEST(Line, RefusesWhatThereIsNoRoomFor) {
  Shop shop("", 2, 4_KiB * 4);
  EXPECT_EQ(shop.line().admit(1 << 20).error(), Line::Full::ever);
  auto first = shop.room("a");
  auto second = shop.room("b");
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_EQ(shop.room("c").error(), Line::Full::queue);
  { const Room given_back = std::move(*first); }
  EXPECT_TRUE(shop.room("c")) << "what was not submitted is free again";
  EXPECT_EQ(shop.line().tally().refused_queue, 1U);
  EXPECT_EQ(shop.line().tally().refused_ever, 1U);
}

TEST(Line, IsCrowdedForAMomentWhenSomebodyWasRefused) {
  Shop shop("", 1, 4_KiB * 4);
  const auto only = shop.room("a");
  ASSERT_TRUE(only);
  EXPECT_FALSE(shop.line().crowded(Clock::now())) << "nobody else wants the place";
  EXPECT_EQ(shop.line().admit(1 << 20).error(), Line::Full::ever);
  EXPECT_FALSE(shop.line().crowded(Clock::now())) << "that would not help";
  EXPECT_EQ(shop.room("b").error(), Line::Full::queue);
  EXPECT_TRUE(shop.line().crowded(Clock::now()));
  EXPECT_FALSE(shop.line().crowded(Clock::now() + 10s));
}

TEST(Line, ShowsTheLastFailuresOfTheOneThatItTookOverFrom) {
  Shop old;
  Shop young;
  young.line().take_over(old.line());
  old.send("late", {.deadline = Clock::now()});
  old.until_answered(1);
  ASSERT_EQ(young.line().failures().size(), 1U);
  EXPECT_EQ(young.line().failures().front().code, "late");
}

TEST(Line, TriesARequestAgainWhoseWorkerDiedAndNoOtherSuffers) {
  Shop shop;
  shop.send("before");
  shop.send("DIE");
  shop.send("after");
  shop.until_answered(3);
  EXPECT_EQ(shop.echoed("before"), "before");
  EXPECT_EQ(shop.echoed("after"), "after");
  EXPECT_EQ(shop.answer("DIE").kind, Answer::Kind::failed);
  EXPECT_EQ(shop.answer("DIE").error, ItemError::worker_crashed);
  EXPECT_EQ(shop.answer("DIE").attempts, 2U);
  EXPECT_THAT(shop.answer("DIE").message, HasSubstr("SIGABRT"));
  EXPECT_EQ(shop.line().fleet().restarts_by().at("SIGABRT"), 2U);
}

TEST(Line, ServesByPriorityThenByAge) {
  Shop shop("sleep_us = 20000");
  shop.until_ready();
  // More than a worker takes at once, so that the rest waits here.
  for (int i = 0; i < 4; ++i) shop.send("usual " + std::to_string(i), {.priority = 5});
  shop.line().step(Clock::now());
  shop.send("late", {.priority = 5});
  shop.send("urgent", {.priority = 1});
  shop.until_answered(6);
  const auto place = [&](const std::string& text) {
    return std::find(shop.order().begin(), shop.order().end(), text) - shop.order().begin();
  };
  EXPECT_LT(place("urgent"), place("late"));
  EXPECT_LT(place("usual 0"), place("usual 3"));
}

TEST(Line, AnswersAtTheDeadlineAndKeepsTheSlotUntilTheWorkerIsDone) {
  Shop shop("sleep_us = 300000");
  shop.until_ready();
  shop.send("first", {.deadline = Clock::now() + 50ms});
  shop.send("second", {.deadline = Clock::now() + 60ms});
  shop.until_answered(2);
  EXPECT_EQ(shop.answer("first").kind, Answer::Kind::late);
  EXPECT_EQ(shop.answer("second").kind, Answer::Kind::late);
  EXPECT_EQ(shop.line().open(), 0U);
  EXPECT_EQ(shop.line().tally().late, 2U);
  shop.until([&] { return shop.line().bytes_in_flight().value == 0; });
  EXPECT_EQ(shop.order().size(), 2U) << "nobody is answered twice";
}

TEST(Line, ForgetsWhoLeft) {
  Shop shop("sleep_us = 100000");
  shop.until_ready();
  const std::uint64_t working = shop.send("working");
  shop.turn();
  const std::uint64_t waiting = shop.send("waiting");
  shop.send("stays");
  shop.line().cancel(working);
  shop.line().cancel(waiting);
  shop.line().cancel(waiting);
  shop.line().cancel(12345);
  shop.until_answered(1);
  shop.until([&] { return shop.line().bytes_in_flight().value == 0; });
  EXPECT_THAT(shop.order(), ElementsAre("stays"));
  EXPECT_EQ(shop.line().tally().cancelled, 2U);
}

TEST(Line, TriesNothingAgainThatNobodyWaitsFor) {
  Shop shop;
  shop.until_ready();
  shop.send("HANG", {.deadline = Clock::now() + 50ms});
  shop.until_answered(1);
  ASSERT_EQ(shop.answer("HANG").kind, Answer::Kind::late);
  ::kill(shop.line().fleet().workers()[0]->child->pid(), SIGKILL);
  shop.send("after");
  shop.until_answered(2);
  EXPECT_EQ(shop.echoed("after"), "after");
  EXPECT_EQ(shop.line().bytes_in_flight().value, 0U);
}

TEST(Line, CountsWhatIsOnlyKeptForNobodysTurn) {
  Shop shop("", 2);
  auto kept = shop.room("a");
  ASSERT_TRUE(kept);
  auto second = shop.room("b");
  ASSERT_TRUE(second);
  EXPECT_EQ(shop.room("c").error(), Line::Full::queue);
  second->keep_only();
  { const Room given_back = std::move(*second); }
  { const Room given_back = std::move(*kept); }
  for (int i = 0; i < 5; ++i) {
    shop.send("request " + std::to_string(i));
    shop.until_answered(static_cast<std::size_t>(i) + 1);
  }
}

TEST(Line, KeepsASpareWorkerWarmAndFeedsItWhenTheOtherDies) {
  Shop shop("", 16, 1_MiB, 1);
  shop.until([&] {
    const auto workers = shop.line().fleet().workers();
    return std::all_of(workers.begin(), workers.end(), [](const auto& worker) {
      return worker->state() == supervisor::WorkerState::ready;
    });
  });
  shop.send("before");
  shop.until_answered(1);
  EXPECT_EQ(*shop.answer("before").worker, 0U);
  EXPECT_EQ(shop.line().fleet().active(), 1U);
  shop.send("DIE");
  shop.send("meanwhile");
  shop.until_answered(3);
  EXPECT_EQ(shop.echoed("meanwhile"), "meanwhile");
}

TEST(Line, StaysReadyWhileAWorkerStartsAgain) {
  Shop shop;
  shop.until_ready();
  shop.send("DIE");
  shop.until_answered(1);
  EXPECT_TRUE(shop.line().ready(Clock::now()));
}

TEST(Line, ComplainsOnceOfAWorkerThatDescribesItsModelWithoutSense) {
  Shop shop("", 16, 1_MiB, 0, kRaving);
  shop.until([&] { return shop.line().signature().has_value(); });
  const std::string said = shop.said();
  const std::size_t first = said.find("makes no sense");
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("makes no sense", first + 1), std::string::npos) << said;
}

// Comes to its senses in time: it is no worker to be killed for it.
void rave() {
  for (int i = 0; i < 10; ++i)
    sys::send_message(shm::kControlFd, shm::kSignature + std::string("nonsense"));
}

}  // namespace
}  // namespace headrace::server

int main(int argc, char** argv) {
  const std::string_view role = argc == 2 ? argv[1] : "";
  if (role == headrace::server::kRaving) headrace::server::rave();
  if (role == "--worker" || role == headrace::server::kRaving)
    return headrace::worker::worker_main(headrace::worker::make_body);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
