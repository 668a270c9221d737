// Changes over a real server and real workers: this program starts itself as one, with the fake engine.
#include "server/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <boost/asio/executor_work_guard.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "shm/served.h"
#include "sys/process.h"
#include "worker/make_body.h"
#include "worker/model_body.h"
#include "worker/worker_main.h"

namespace headrace::server {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// What a model's file says; "echo" gives back what it gets.
struct ReadText final : ReadModel {
  ReadText(std::string the_name, std::string the_text)
      : name(std::move(the_name)), text(std::move(the_text)) {}
  std::string name;
  std::string text;
};

// A server whose models are what a test says they are, and which does one step of the test after another.
class Changing : public ModelMaker, private Attendant {
 public:
  explicit Changing(Repository::Settings settings = {.load_timeout = 30s})
      : log_("test", std::make_shared<spdlog::sinks::null_sink_mt>()),
        server_({.grace = 10s}, io_, poller_, signals_, log_),
        repository_(settings, *this, server_, log_) {
    server_.add(repository_);
    server_.add(static_cast<Attendant&>(*this));
  }
  ~Changing() override {
    for (const std::string& file : files_) std::filesystem::remove(file);
  }

  // What lies where this model is loaded from, from now on.
  void put(const std::string& name, const std::string& more = "") {
    texts_[name] = "kind = echo\ninput = u8\n" + more + "\n";
  }
  // The folder hangs from now on until that.
  void hang_until(std::shared_future<void> until) { listing_until_ = std::move(until); }
  void then_index(std::vector<std::string>& said) {
    then([this, &said] {
      repository_.index(false, [&said](const auto& found) {
        said.push_back(found ? "listed" : found.error().message);
      });
      return true;
    });
  }
  // Serves it without a change, and whether it is ready or not.
  std::shared_ptr<Model> serve(const std::string& name) {
    std::shared_ptr<Model> model =
        make(std::make_unique<ReadText>(name, texts_[name]), *server_.free_place());
    server_.add(model);
    server_.serve(model);
    return model;
  }
  // Of the next steps each is tried again until it is true.
  void then(std::function<bool()> step) { steps_.push_back(std::move(step)); }
  void then_load(const std::string& name) {
    then([this, name] {
      repository_.load(name, [this](const Repository::Outcome& outcome) {
        outcomes_.push_back(outcome ? "loaded" : outcome.error().message);
      });
      return true;
    });
  }
  void then_await(std::size_t outcomes) {
    then([this, outcomes] { return outcomes_.size() >= outcomes; });
  }
  void then_send(const std::string& name, const std::string& text) {
    then([this, name, text] {
      const std::shared_ptr<Model> model = server_.find(name, "");
      std::vector<shm::ServedPart> parts = {
          {.input = 0,
           .unused = 0,
           .tensor = *shm::served_tensor(
               HR_U8, std::vector<std::int64_t>{1, static_cast<std::int64_t>(text.size())})}};
      Result<Room, Line::Full> room = model->line->admit(*shm::lay_out(parts));
      shm::write_tensors(room->bytes(), parts);
      std::memcpy(shm::payload(room->bytes(), parts[0].tensor).data(), text.data(), text.size());
      model->line->submit(std::move(*room), {}, [this](const Answer& answer) {
        answers_.push_back(answer.kind == Answer::Kind::result ? "answered" : answer.message);
      });
      return true;
    });
  }
  // Does the steps, and ends.
  void run() {
    const Status status = server_.run();
    EXPECT_TRUE(status) << (status ? "" : status.error().message);
  }

  Server& server() { return server_; }
  Repository& repository() { return repository_; }
  const std::vector<std::string>& outcomes() const { return outcomes_; }
  const std::vector<std::string>& answers() const { return answers_; }

 private:
  Reading reading(const std::string& name) override {
    return [name, text = texts_[name]]() -> Result<std::unique_ptr<ReadModel>> {
      if (text.empty()) return std::unique_ptr<ReadModel>();
      if (text.find("unreadable") != std::string::npos) return Error{"its file is torn"};
      if (text.find("enormous") != std::string::npos) throw std::bad_alloc();
      return std::unique_ptr<ReadModel>(std::make_unique<ReadText>(name, text));
    };
  }
  std::shared_ptr<Model> make(std::unique_ptr<ReadModel> read, unsigned place) override {
    const auto& mine = static_cast<ReadText&>(*read);
    if (mine.text.find("hungry") != std::string::npos)
      throw std::system_error(EMFILE, std::generic_category(), "eventfd");
    files_.push_back(testing::TempDir() + "repository_test_" + std::to_string(sys::own_pid()) +
                     "_" + std::to_string(files_.size()) + ".fake");
    std::ofstream(files_.back()) << mine.text;
    worker::ModelSettings settings;
    settings.engine_folders = {HEADRACE_TEST_ENGINE_FOLDER};
    settings.model.file = files_.back();
    settings.model.engine = "fake";
    settings.model.input.kind = model::InputKind::tensors;
    const shm::SlotSizes slots{
        .count = 16, .input_capacity = 64, .result_capacity = 4096, .bodies = 1_MiB};
    auto model = std::make_shared<Model>();
    model->place = place;
    model->line = std::make_unique<Line>(
        LineSettings{.name = mine.name,
                     .version = "",
                     .fleet = {.program = *sys::own_program(),
                               .arguments = {"repository_test", "--worker"},
                               .start = {.body = worker::to_json(settings, "served")}},
                     .slots = slots,
                     .queue = 16},
        std::move(*shm::SlotArea::create(slots)), poller_, Server::first_tag(place), log_);
    model->watch = std::make_unique<supervisor::Watch>(
        supervisor::Watch::Settings{
            .mode = supervisor::Watch::Mode::look,
            .plan = [](const sys::CgroupFacts&) { return supervisor::Watch::Settings::Planned{}; }},
        model->line->fleet(), log_);
    return model;
  }
  Listing listing() override {
    return [until = listing_until_] {
      if (until.valid()) until.wait();
      return std::set<std::string>{"never_loaded"};
    };
  }

  std::chrono::milliseconds step(Clock::time_point /*now*/) override {
    while (!steps_.empty() && steps_.front()()) steps_.pop_front();
    if (!steps_.empty()) return 1ms;
    if (!server_.draining()) ::kill(sys::own_pid(), SIGTERM);
    return 1s;
  }
  void drain() override {}

  spdlog::logger log_;
  sys::Signals signals_;
  sys::Poller poller_;
  boost::asio::io_context io_{1};
  // In place of a door's listener: an io_context without work stops.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  Server server_;
  Repository repository_;
  std::shared_future<void> listing_until_{};
  std::map<std::string, std::string> texts_;
  std::vector<std::string> files_;
  std::deque<std::function<bool()>> steps_;
  std::vector<std::string> outcomes_;
  std::vector<std::string> answers_;
};

TEST(Repository, PutsANewModelInThePlaceOfOneWithoutLosingARequest) {
  Changing changing;
  changing.put("it", "sleep_us = 50000");
  changing.then_load("it");
  changing.then_await(1);
  std::weak_ptr<Model> old;
  changing.then([&] {
    old = changing.server().find("it", "");
    return true;
  });
  changing.then_load("it");
  // While the new one loads, the old one is asked; some of it is open when the new one takes over.
  changing.then([&] { return changing.server().all_models().size() == 2; });
  for (int i = 0; i < 8; ++i) changing.then_send("it", "question");
  changing.then_await(2);
  changing.then_send("it", "question");
  changing.then([&] { return changing.answers().size() == 9 && old.expired(); });
  changing.then([&] {
    EXPECT_EQ(changing.server().all_models().size(), 1U);
    EXPECT_EQ(changing.server().models().front()->line->tally().success.count, 9U)
        << "counts go on";
    return true;
  });
  changing.run();
  EXPECT_THAT(changing.outcomes(), testing::ElementsAre("loaded", "loaded"));
  EXPECT_THAT(changing.answers(), testing::Each("answered"));
}

TEST(Repository, LeavesAModelAloneWhoseSuccessorCannotBeLoaded) {
  Changing changing;
  changing.put("it");
  changing.then_load("it");
  changing.then_await(1);
  for (const char* fault : {"load_fail = out of luck", "load_abort = 1", "unreadable"}) {
    changing.then([&changing, fault] {
      changing.put("it", fault);
      return true;
    });
    changing.then_load("it");
    changing.then([&changing] { return changing.outcomes().size() % 2 == 0; });
    changing.then_send("it", "question");
    changing.then([&changing] {
      EXPECT_EQ(changing.server().models().size(), 1U);
      return true;
    });
    changing.then_load("nowhere");
    changing.then([&changing] { return changing.outcomes().size() % 2 == 1; });
  }
  changing.then([&] { return changing.answers().size() == 3; });
  changing.run();
  ASSERT_EQ(changing.outcomes().size(), 7U);
  EXPECT_THAT(changing.outcomes()[1], HasSubstr("out of luck"));
  EXPECT_THAT(changing.outcomes()[2], HasSubstr("there is no such model"));
  EXPECT_THAT(changing.outcomes()[3], HasSubstr("SIGABRT"));
  EXPECT_THAT(changing.outcomes()[5], HasSubstr("torn"));
  EXPECT_THAT(changing.answers(), testing::Each("answered"));
}

TEST(Repository, OutlivesAShortageOfMemoryOrDescriptors) {
  Changing changing;
  changing.put("enormous", "enormous");
  changing.put("hungry", "hungry");
  changing.put("it");
  for (const char* name : {"enormous", "hungry", "it"}) changing.then_load(name);
  changing.then_await(3);
  changing.run();
  EXPECT_THAT(changing.outcomes()[0], HasSubstr("bad_alloc"));
  EXPECT_THAT(changing.outcomes()[1], HasSubstr("try again later"));
  EXPECT_EQ(changing.outcomes()[2], "loaded");
}

TEST(Repository, LetsNobodyWaitWithoutEndForAModelThatDoesNotGo) {
  Changing changing({.load_timeout = 100ms});
  changing.put("it");
  std::optional<Room> room;
  changing.then([&] {
    room.emplace(*changing.serve("it")->line->admit(1));
    EXPECT_TRUE(changing.repository().unload("it"));
    return true;
  });
  changing.then_load("other");
  changing.then_await(1);
  changing.then([&] {
    EXPECT_TRUE(changing.server().retiring());
    room.reset();
    return true;
  });
  changing.then([&] { return changing.server().all_models().empty(); });
  changing.run();
  EXPECT_THAT(changing.outcomes()[0], HasSubstr("try again later"));
}

TEST(Repository, GivesUpAFolderThatHangs) {
  std::promise<void> over;
  std::vector<std::string> said;
  Changing changing({.load_timeout = 30s, .listing_timeout = 20ms});
  changing.hang_until(over.get_future());
  changing.then_index(said);
  changing.then([&] { return !said.empty(); });
  changing.run();
  EXPECT_THAT(said, testing::ElementsAre(HasSubstr("cannot be read now")));
  EXPECT_TRUE(changing.repository().reading());
  over.set_value();
}

TEST(Repository, KeepsNobodyWaitingForAFolderWhenTheServerEnds) {
  std::promise<void> over;
  std::vector<std::string> said;
  Changing changing;
  changing.hang_until(over.get_future());
  changing.then_index(said);
  changing.run();
  EXPECT_THAT(said, testing::ElementsAre(HasSubstr("shutting down")));
  over.set_value();
}

TEST(Repository, UnloadsAModelWhenItHasAnswered) {
  Changing changing;
  changing.put("it", "sleep_us = 50000");
  changing.then_load("it");
  changing.then_await(1);
  changing.then_send("it", "question");
  changing.then([&] {
    EXPECT_TRUE(changing.repository().unload("it"));
    EXPECT_FALSE(changing.server().find("it", ""));
    EXPECT_TRUE(changing.server().ready()) << "without a model there is nothing to wait for";
    EXPECT_FALSE(changing.repository().unload("it"));
    return true;
  });
  changing.then([&] { return changing.server().all_models().empty(); });
  changing.run();
  EXPECT_THAT(changing.answers(), testing::ElementsAre("answered"));
}

TEST(Repository, TellsWhereEachModelIs) {
  Changing changing;
  std::map<std::string, Repository::Entry> seen;
  const auto look = [&] {
    changing.then([&] {
      seen.clear();
      changing.repository().index(false, [&](const auto& found) {
        for (const Repository::Entry& entry : *found) seen[entry.name] = entry;
      });
      return true;
    });
    changing.then([&] { return !seen.empty(); });
  };
  changing.put("good");
  changing.put("bad", "load_fail = out of luck");
  changing.then_load("good");
  changing.then_load("bad");
  look();
  changing.then([&] {
    EXPECT_EQ(seen["good"].state, "LOADING");
    EXPECT_EQ(seen["bad"].state, "LOADING");
    EXPECT_EQ(seen["never_loaded"].state, "UNAVAILABLE");
    return true;
  });
  changing.then_await(2);
  look();
  changing.then([&] {
    EXPECT_EQ(seen["good"].state, "READY");
    EXPECT_EQ(seen["bad"].state, "UNAVAILABLE");
    EXPECT_THAT(seen["bad"].reason, HasSubstr("out of luck"));
    return true;
  });
  changing.run();
}

TEST(Repository, RefusesASecondLoadAndEndsAllWhenTheServerEnds) {
  Changing changing;
  changing.put("slow", "load_sleep_ms = 60000");
  changing.put("behind");
  changing.then_load("slow");
  changing.then_load("slow");
  changing.then_load("behind");
  changing.then([&] { return changing.server().all_models().size() == 1; });
  changing.run();
  ASSERT_EQ(changing.outcomes().size(), 3U);
  EXPECT_THAT(changing.outcomes()[0], HasSubstr("already"));
  EXPECT_THAT(changing.outcomes()[1], HasSubstr("shutting down"));
  EXPECT_THAT(changing.outcomes()[2], HasSubstr("shutting down"));
}

TEST(Repository, StopsALoadThatNobodyWantsAnyMore) {
  Changing changing;
  changing.put("slow", "load_sleep_ms = 60000");
  changing.then_load("slow");
  changing.then([&] { return changing.server().all_models().size() == 1; });
  changing.then([&] {
    EXPECT_TRUE(changing.repository().unload("slow"));
    return true;
  });
  changing.then([&] { return changing.server().all_models().empty(); });
  changing.run();
  ASSERT_EQ(changing.outcomes().size(), 1U);
  EXPECT_THAT(changing.outcomes()[0], HasSubstr("unloaded meanwhile"));
}

}  // namespace
}  // namespace headrace::server

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--worker")
    return headrace::worker::worker_main(headrace::worker::make_body);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
