// Which models there are to serve, which are served, and one change of that at a time.
//
// What goes wrong without it: a model is changed by a restart, which costs every request in flight and the
// time that all models take to load; or in place, and then a model that cannot be loaded has already cost
// the one that worked. So here the new one loads beside the old one, gets the requests when its workers are
// ready, and the old one goes when it has answered those that it had. If anything goes wrong before that,
// the old one never notices.
//
// Changes wait for each other, and for the workers of the one before to have gone: what memory there is
// must be known. Nobody waits without end. Files are read beside the server's thread. Never opens a socket; who may ask is the
// business of the door. One thread: the server's.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/request.h"
#include "server/aside.h"
#include "server/model_state.h"
#include "server/server.h"

namespace headrace::server {

// Whether it can be the name of a model in a repository: [A-Za-z0-9_.-]{1,128}, and not ".", ".." or
// "stats", which is a path of its own. So no name leads out of a folder.
bool is_model_name(std::string_view name);

// What was read of a model, and what is made of it is the maker's business.
class ReadModel {
 public:
  virtual ~ReadModel() = default;
};

// Where models come from.
class ModelMaker {
 public:
  virtual ~ModelMaker() = default;
  // Reads the files of one and sets memory aside for its requests. It may run on any thread, for long, and
  // after the maker has gone. Nothing when there is no such model.
  using Reading = std::function<Result<std::unique_ptr<ReadModel>>()>;
  virtual Reading reading(const std::string& name) = 0;
  // Starts its workers. On the server's thread. May throw when descriptors or memory are short.
  virtual std::shared_ptr<Model> make(std::unique_ptr<ReadModel> read, unsigned place) = 0;
  // The same as Reading for the names of all that could be loaded.
  using Listing = std::function<std::set<std::string>()>;
  virtual Listing listing() = 0;
};

class Repository final : public Attendant {
 public:
  struct Settings {
    std::chrono::milliseconds load_timeout{120'000};    // from being asked for to the last worker
    std::chrono::milliseconds listing_timeout{10'000};  // for a folder to be looked at
  };
  static constexpr std::size_t kMostWaiting = 16;  // changes

  // All of these outlive it.
  Repository(Settings settings, ModelMaker& maker, Server& server, spdlog::logger& log);

  using Outcome = Result<Ok, http::Refusal>;
  using Done = std::function<void(const Outcome&)>;
  // Calls back once, when requests go to the model that is there now, or with why they do not; maybe from
  // within.
  void load(const std::string& name, Done done);
  // Requests for it are refused from now on. A load of it that is under way fails.
  Outcome unload(const std::string& name);

  // A model as clients of other servers know it.
  struct Entry {
    std::string name;
    std::string version;
    std::string state;  // "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
    std::string reason;
  };
  using Listed = std::function<void(const Result<std::vector<Entry>, http::Refusal>&)>;
  // By name. Calls back once, maybe from within; with a refusal when files cannot be looked at now.
  void index(bool only_ready, Listed listed);
  // Files are still being read, by threads that nothing can end.
  bool reading() const { return aside_.busy(); }

  std::chrono::milliseconds step(Clock::time_point now) override;
  // Whoever waits for a load or an index is told that the server ends.
  void drain() override;

 private:
  struct Change {
    std::uint64_t number;
    std::string name;
    Done done;
    ModelState state = ModelState::waiting;  // until it has a model
    Clock::time_point give_up{};
    std::shared_ptr<Model> model{};
  };
  struct Listing {  // by number
    Listed listed;
    Clock::time_point give_up;
  };

  void begin(Change& change);
  void take(std::uint64_t number, Result<std::unique_ptr<ReadModel>> read);
  void look(Change& change, Clock::time_point now);
  void fail(const Change& change, unsigned status, const std::string& why);
  void finish(std::uint64_t number, const Outcome& outcome);
  void give_up_late(Clock::time_point now);
  void end_listing(std::uint64_t number, const Result<std::vector<Entry>, http::Refusal>& found);
  std::vector<Entry> entries(const std::set<std::string>& names) const;
  Entry describe(const std::string& name) const;
  const Change* change_of(const std::string& name) const;

  Settings settings_;
  ModelMaker& maker_;
  Server& server_;
  spdlog::logger& log_;
  std::deque<Change> changes_;                  // the first one is under way
  std::map<std::uint64_t, Listing> listings_;   // that somebody waits for
  std::map<std::string, std::string> reasons_;  // why the last load of a name failed
  std::uint64_t last_number_ = 0;
  Aside aside_;
};

}  // namespace headrace::server
