// A body over a model, made of streams that are all alike.
//
// With one stream the worker's own loop prepares and runs. With more, each has a thread that takes a
// batch, prepares and runs it, and takes the next, so that a large item holds up no others; what goes
// wrong in one batch is that batch's alone.
//
// A Stream is made of (LoadedModel&, its number, what else all of them share) and has
//   Status warm_up();                                  runs the model once
//   void prepare(Item& item, std::size_t lane);        as Body says
//   void run(std::span<Item> items);
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/body.h"
#include "worker/loaded_model.h"
#include "worker/stream_threads.h"

namespace headrace::worker {

template <class Stream>
class StreamedBody : public Body {
 public:
  // `shared` outlives it.
  template <class... Shared>
  explicit StreamedBody(LoadedModel model, Shared&... shared)
      : model_(std::move(model)), threads_(model_.settings.streams) {
    streams_.reserve(model_.settings.streams);
    for (unsigned i = 0; i < model_.settings.streams; ++i)
      streams_.emplace_back(model_, i, shared...);
  }

  std::string equipment() const override { return model_.equipment(); }

  Status warm_up() {
    std::vector<Status> warm(streams_.size(), Ok{});
    threads_.run([&](unsigned i) {
      try {
        warm[i] = streams_[i].warm_up();
      } catch (const std::exception& e) {
        warm[i] = Error{e.what()};
      }
    });
    for (const Status& status : warm) {
      if (!status) return status;
    }
    return Ok{};
  }

  void prepare(Item& item, std::size_t lane) override { streams_[0].prepare(item, lane); }

  void run(std::span<Item> items) override { streams_[0].run(items); }

  bool has_streams() const override { return streams_.size() > 1; }

  void work(Feed& feed) override {
    threads_.run([&](unsigned i) {
      Portion portion;
      while (feed.take(portion, model_.batch)) {
        prepare_and_run(streams_[i], portion.items);
        feed.give_back(portion);
      }
    });
  }

 protected:
  const LoadedModel& model() const { return model_; }

 private:
  using Clock = std::chrono::steady_clock;

  // The items of one batch, with the time that each step took.
  static void prepare_and_run(Stream& stream, std::span<Item> items) {
    Clock::time_point now = Clock::now();
    for (std::size_t lane = 0; lane < items.size(); ++lane) {
      const Clock::time_point begin = now;
      guarded(items.subspan(lane, 1), [&] { stream.prepare(items[lane], lane); });
      now = Clock::now();
      items[lane].times = {.begin = begin, .decode = now - begin, .infer = {}};
    }
    guarded(items, [&] { stream.run(items); });
    const auto took = Clock::now() - now;
    for (Item& item : items) item.times.infer = took;
  }

  LoadedModel model_;
  std::vector<Stream> streams_;
  StreamThreads threads_;  // last, so that they end before what they use
};

}  // namespace headrace::worker
