#include "server/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

namespace headrace::server {
namespace {

using namespace std::chrono_literals;
using http::Refusal;
using std::chrono::milliseconds;
using supervisor::WorkerState;

constexpr auto kLongestNap = 1s;
constexpr std::size_t kLongestName = 128;
constexpr std::string_view kUnloaded = "unloaded";

bool any_worker(const Model& model, WorkerState state) {
  return std::ranges::any_of(model.line->fleet().workers(),
                             [&](const auto& worker) { return worker->state() == state; });
}

Refusal shutting_down() {
  return {503, "the server is shutting down"};
}

Refusal cannot_list() {
  return {503, "the repository folder cannot be read now; try again"};
}

// Where a model's files lie is nothing to tell whoever may only load it.
std::string without(const std::filesystem::path& folder, std::string text) {
  const std::string prefix = folder.string() + "/";
  for (std::size_t at = 0; (at = text.find(prefix, at)) != std::string::npos;)
    text.erase(at, prefix.size());
  return text;
}

Refusal no_name(const std::string& name) {
  return {400, fmt::format(
                   "'{}' cannot be the name of a model: it may have letters, digits, '_', '.' and "
                   "'-', {} at most, and not be '.', '..' or 'stats'",
                   name.substr(0, kLongestName), kLongestName)};
}

}  // namespace

bool is_model_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, fits) &&
         name != "." && name != ".." && name != "stats";
}

Repository::Repository(Settings settings, ModelMaker& maker, Server& server, spdlog::logger& log)
    : settings_(settings), maker_(maker), server_(server), log_(log), aside_(server.io()) {}

const Repository::Change* Repository::change_of(const std::string& name) const {
  const auto found = std::ranges::find(changes_, name, &Change::name);
  return found == changes_.end() ? nullptr : &*found;
}

void Repository::load(const std::string& name, Done done) {
  if (server_.draining()) return done(shutting_down());
  if (!server_.find(name, "") && !is_model_name(name)) return done(no_name(name));
  if (change_of(name) != nullptr)
    return done(Refusal{409, "the model is being loaded already; try again when it is"});
  if (changes_.size() == kMostWaiting)
    return done(Refusal{429, "too many models wait to be loaded; try again later"});
  changes_.push_back({.number = ++last_number_,
                      .name = name,
                      .done = std::move(done),
                      .give_up = Clock::now() + settings_.load_timeout});
}

Repository::Outcome Repository::unload(const std::string& name) {
  if (server_.draining()) return shutting_down();
  const std::shared_ptr<Model> model = server_.find(name, "");
  const Change* const change = change_of(name);
  if (!model && change == nullptr) {
    if (!is_model_name(name)) return no_name(name);
    return Refusal{404, fmt::format("failed to unload '{}': it is not loaded", name)};
  }
  if (change != nullptr) fail(*change, 409, "it was unloaded meanwhile");
  if (model) {
    server_.retire(model);
    reasons_[name] = kUnloaded;
  }
  log_.warn("{} is unloaded", name);
  return Ok{};
}

milliseconds Repository::step(Clock::time_point now) {
  give_up_late(now);
  // That others have gone is an event, and no matter of time.
  if (!changes_.empty() && changes_.front().state == ModelState::waiting && !server_.retiring()) {
    begin(changes_.front());
    return 0ms;
  }
  if (!changes_.empty() && changes_.front().model) look(changes_.front(), now);
  Clock::time_point next = now + kLongestNap;
  for (const Change& change : changes_) next = std::min(next, change.give_up);
  for (const auto& [number, listing] : listings_) next = std::min(next, listing.give_up);
  return std::max(std::chrono::ceil<milliseconds>(next - now), 0ms);
}

void Repository::give_up_late(Clock::time_point now) {
  // What is told may ask for more from within.
  for (;;) {
    const auto late = std::ranges::find_if(
        changes_, [&](const Change& change) { return !change.model && now >= change.give_up; });
    if (late == changes_.end()) break;
    if (late->state == ModelState::reading) {
      fail(*late, 400, "its files could not be read in time");
    } else {
      fail(*late, 503,
           "another change was not over, or the workers of a model before it had not gone, in "
           "time; try again later");
    }
  }
  for (;;) {
    const auto late = std::ranges::find_if(
        listings_, [&](const auto& listing) { return now >= listing.second.give_up; });
    if (late == listings_.end()) break;
    end_listing(late->first, cannot_list());
  }
}

void Repository::begin(Change& change) {
  if (!server_.find(change.name, "") && server_.models().size() >= Server::kMostModels) {
    return fail(change, 400,
                fmt::format("{} models are loaded, and no more can be; unload one first",
                            Server::kMostModels));
  }
  const bool begun = aside_.run(
      [this, number = change.number, read = maker_.reading(change.name)]() -> Aside::Sequel {
        const auto found = std::make_shared<Result<std::unique_ptr<ReadModel>>>(Error{});
        try {
          *found = read();
        } catch (const std::exception& wrong) {
          *found = Error{std::string("its files cannot be read: ") + wrong.what()};
        }
        return [this, number, found] { take(number, std::move(*found)); };
      });
  if (!begun)
    return fail(change, 503, "the files of other models are still being read; try again later");
  move(change.state, ModelState::reading);
}

void Repository::take(std::uint64_t number, Result<std::unique_ptr<ReadModel>> read) {
  if (changes_.empty() || changes_.front().number != number) return;  // nobody wants it any more
  Change& change = changes_.front();
  if (!read) return fail(change, 400, read.error().message);
  if (!*read) return fail(change, 404, "there is no such model");
  const std::optional<unsigned> place = server_.free_place();
  if (!place)
    return fail(change, 503, "clients still hold models that were replaced; try again later");
  try {
    change.model = maker_.make(std::move(*read), *place);
  } catch (const std::exception& wrong) {
    return fail(
        change, 503,
        std::string("its workers cannot be started: ") + wrong.what() + "; try again later");
  }
  move(change.state, ModelState::loading);
  server_.add(change.model);
}

void Repository::look(Change& change, Clock::time_point now) {
  const Line& line = *change.model->line;
  if (line.hopeless()) {
    const std::filesystem::path folder = change.model->about.file.parent_path();
    return fail(change, 400, without(folder, line.hopeless()->message));
  }
  const bool ready = any_worker(*change.model, WorkerState::ready) && line.signature();
  const bool late = now >= change.give_up;
  // With all that were started, so that there is not less room than there was.
  if (ready && (late || !any_worker(*change.model, WorkerState::starting))) {
    server_.serve(change.model);
    reasons_.erase(change.name);
    log_.warn("{} is loaded", change.name);
    return finish(change.number, Ok{});
  }
  if (!late) return;
  const double seconds = std::chrono::duration<double>(settings_.load_timeout).count();
  fail(change, 400, fmt::format("it was not ready after {:g} s", seconds));
}

void Repository::fail(const Change& change, unsigned status, const std::string& why) {
  if (change.model) server_.retire(change.model);
  // Only of what is there: anybody can think of names.
  if (status != 404 && change.state != ModelState::waiting) reasons_[change.name] = why;
  log_.warn("{} could not be loaded: {}", change.name, why);
  finish(change.number, Refusal{status, fmt::format("failed to load '{}': {}", change.name, why)});
}

void Repository::finish(std::uint64_t number, const Outcome& outcome) {
  const auto found = std::ranges::find(changes_, number, &Change::number);
  const Done done = std::move(found->done);
  changes_.erase(found);
  done(outcome);
}

void Repository::drain() {
  while (!changes_.empty()) {
    const Change& change = changes_.back();
    if (change.model) server_.retire(change.model);
    finish(change.number, shutting_down());
  }
  while (!listings_.empty()) end_listing(listings_.begin()->first, shutting_down());
}

void Repository::index(bool only_ready, Listed listed) {
  if (server_.draining()) return listed(shutting_down());
  const std::uint64_t mine = ++last_number_;
  listings_.emplace(mine, Listing{.listed = std::move(listed),
                                  .give_up = Clock::now() + settings_.listing_timeout});
  // The other thread has only the number: who waits belongs to this one.
  const bool begun =
      aside_.run([this, mine, only_ready, names = maker_.listing()]() -> Aside::Sequel {
        return [this, mine, only_ready, found = names()] {
          std::vector<Entry> all = entries(found);
          if (only_ready)
            std::erase_if(all, [](const Entry& entry) { return entry.state != "READY"; });
          end_listing(mine, std::move(all));
        };
      });
  if (!begun) end_listing(mine, cannot_list());
}

void Repository::end_listing(std::uint64_t number,
                             const Result<std::vector<Entry>, http::Refusal>& found) {
  const auto listing = listings_.find(number);
  if (listing == listings_.end()) return;  // given up
  const Listed listed = std::move(listing->second.listed);
  listings_.erase(listing);
  listed(found);
}

std::vector<Repository::Entry> Repository::entries(const std::set<std::string>& names) const {
  std::set<std::string> all = names;
  for (const auto& model : server_.all_models()) all.insert(model->line->name());
  for (const Change& change : changes_) all.insert(change.name);
  for (const auto& [name, why] : reasons_) all.insert(name);
  std::vector<Entry> found;
  for (const std::string& name : all) found.push_back(describe(name));
  return found;
}

Repository::Entry Repository::describe(const std::string& name) const {
  const auto failed = reasons_.find(name);
  const Change* const change = change_of(name);
  const std::string under_way = change == nullptr ? "" : std::string(phrase(change->state));
  if (const auto model = server_.find(name, "")) {
    Entry entry{.name = name, .version = model->line->version(), .state = "READY", .reason = {}};
    if (change != nullptr) {
      entry.reason = "the next one " + under_way;
    } else if (failed != reasons_.end()) {
      entry.reason = "the last change failed: " + failed->second;
    }
    if (server_.draining() || !model->line->ready(Clock::now())) {
      const bool ever = model->line->fleet().ever_ready();
      entry.state = ever ? "UNAVAILABLE" : "LOADING";
      entry.reason = ever ? "no worker can take requests" : "its workers are loading";
    }
    return entry;
  }
  if (change != nullptr)
    return {.name = name, .version = {}, .state = "LOADING", .reason = under_way};
  // Why it could not be loaded says more than that its workers still leave.
  const bool went = failed == reasons_.end() || failed->second == kUnloaded;
  for (const auto& model : server_.all_models()) {
    if (went && model->line->name() == name && !model->line->stopped()) {
      return {.name = name,
              .version = {},
              .state = "UNLOADING",
              .reason = std::string(phrase(model->state))};
    }
  }
  return {.name = name,
          .version = {},
          .state = "UNAVAILABLE",
          .reason = failed == reasons_.end() ? "not loaded" : failed->second};
}

}  // namespace headrace::server
