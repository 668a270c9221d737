#include "worker/model_body.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/engine.h"
#include "image/picture.h"
#include "worker/input_file.h"
#include "worker/model_result.h"
#include "worker/stream_threads.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kTensorAlignment = 64;

struct FreeAligned {
  void operator()(std::byte* p) const {
    ::operator delete[](p, std::align_val_t{kTensorAlignment});
  }
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeAligned>;

AlignedBytes aligned_zeros(std::size_t bytes) {
  auto* p = static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{kTensorAlignment}));
  std::memset(p, 0, bytes);
  return AlignedBytes(p);
}

// The one shape that input 0 has: all inputs of a job look alike.
engine::Shape input_shape(const model::Input& input, unsigned batch) {
  std::vector<std::int64_t> dims = {batch};
  if (input.kind == model::InputKind::image) {
    const image::Recipe& p = input.picture;
    if (p.layout == image::Layout::nchw) {
      dims.insert(dims.end(), {p.channels(), p.height, p.width});
    } else {
      dims.insert(dims.end(), {p.height, p.width, p.channels()});
    }
  } else {
    dims.push_back(input.max_bytes);
  }
  return *engine::Shape::of(dims);
}

engine::DType input_type(const model::Input& input) {
  const bool floats =
      input.kind == model::InputKind::image && input.picture.element == image::Element::f32;
  return floats ? HR_F32 : HR_U8;
}

// What one stream works with: a tensor of its own, and what it takes to fill it.
class Stream {
 public:
  Stream(const ModelSettings& settings, engine::Session& session, unsigned number, unsigned batch)
      : settings_(settings),
        session_(session),
        number_(number),
        batch_(batch),
        input_{.type = input_type(settings.model.input),
               .shape = input_shape(settings.model.input, batch),
               .data = {}} {
    const std::size_t bytes = *engine::bytes_of(input_.type, input_.shape);
    tensor_ = aligned_zeros(bytes);
    input_.data = {tensor_.get(), bytes};
    lane_bytes_ = bytes / batch;
    if (settings.model.input.kind == model::InputKind::image) {
      preprocessor_.emplace(settings.model.input.picture, settings.max_pixels);
    }
  }

  auto infer() { return session_.infer({&input_, 1}, number_); }

  void prepare(Item& item, std::size_t lane) {
    const std::span<std::byte> place(tensor_.get() + lane * lane_bytes_, lane_bytes_);
    if (settings_.model.input.kind == model::InputKind::name)
      return fill(item, bytes_of(item.input), place);
    const auto file = read_input(item, settings_.max_bytes, file_);
    if (!file) return;
    if (settings_.model.input.kind == model::InputKind::bytes) return fill(item, *file, place);
    auto done = preprocessor_->run(*file, place);
    if (!done) item.fail(done.error().code, done.error().message);
  }

  void run(std::span<Item> items) {
    const bool any =
        std::any_of(items.begin(), items.end(), [](const Item& i) { return !i.error; });
    if (!any) return;
    auto outputs = infer();
    for (std::size_t lane = 0; lane < items.size(); ++lane) {
      Item& item = items[lane];
      if (item.error) continue;
      if (!outputs) {
        item.fail(ItemError::infer_failed, outputs.error().message);
      } else {
        write_result(settings_.model.output, session_.outputs(), *outputs, lane, batch_, item);
      }
    }
  }

  // Both, for the items of one batch, with the time that each step took.
  void prepare_and_run(std::span<Item> items) {
    Clock::time_point now = Clock::now();
    for (std::size_t lane = 0; lane < items.size(); ++lane) {
      const Clock::time_point begin = now;
      guarded(items.subspan(lane, 1), [&] { prepare(items[lane], lane); });
      now = Clock::now();
      items[lane].times = {.begin = begin, .decode = now - begin, .infer = {}};
    }
    guarded(items, [&] { run(items); });
    const auto took = Clock::now() - now;
    for (Item& item : items) item.times.infer = took;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  }

  static void fill(Item& item, std::span<const std::byte> bytes, std::span<std::byte> place) {
    if (bytes.size() > place.size()) {
      return item.fail(ItemError::too_large, "has " + std::to_string(bytes.size()) +
                                                 " bytes, but the model takes at most " +
                                                 std::to_string(place.size()));
    }
    std::copy(bytes.begin(), bytes.end(), place.begin());
    std::fill(place.begin() + static_cast<std::ptrdiff_t>(bytes.size()), place.end(), std::byte{0});
  }

  const ModelSettings& settings_;
  engine::Session& session_;
  unsigned number_;
  unsigned batch_;
  engine::Tensor input_;
  AlignedBytes tensor_;
  std::size_t lane_bytes_ = 0;
  std::optional<image::Preprocessor> preprocessor_;
  std::vector<std::byte> file_;  // kept between items
};

std::string count(unsigned number, const char* thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

class ModelBody : public Body {
 public:
  ModelBody(const ModelSettings& settings, engine::Plugin plugin, engine::Session session,
            unsigned batch)
      : settings_(settings),
        plugin_(std::move(plugin)),
        session_(std::move(session)),
        batch_(batch),
        threads_(settings.streams) {
    streams_.reserve(settings.streams);
    for (unsigned i = 0; i < settings.streams; ++i)
      streams_.emplace_back(settings_, session_, i, batch);
  }

  std::string equipment() const override {
    const std::string with =
        plugin_.name() + " " + plugin_.version() + ", " + count(settings_.threads, "thread");
    return settings_.streams == 1 ? with : with + " in " + count(settings_.streams, "stream");
  }

  Status warm_up() {
    std::vector<Status> warm(streams_.size(), Ok{});
    threads_.run([&](unsigned i) {
      try {
        if (auto outputs = streams_[i].infer(); !outputs) warm[i] = outputs.error();
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
      while (feed.take(portion, batch_)) {
        streams_[i].prepare_and_run(portion.items);
        feed.give_back(portion);
      }
    });
  }

 private:
  ModelSettings settings_;
  engine::Plugin plugin_;
  engine::Session session_;
  unsigned batch_;
  std::vector<Stream> streams_;
  StreamThreads threads_;  // last, so that they end before what they use
};

}  // namespace

std::string to_json(const ModelSettings& settings) {
  nlohmann::json json{{"kind", "model"},
                      {"model", model::to_json(settings.model)},
                      {"threads", settings.threads},
                      {"streams", settings.streams},
                      {"max_bytes", settings.max_bytes.value},
                      {"max_pixels", settings.max_pixels},
                      {"engine_folders", nlohmann::json::array()}};
  for (const auto& folder : settings.engine_folders)
    json["engine_folders"].push_back(folder.string());
  return json.dump();
}

Result<ModelSettings> model_settings_from_json(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    Result<model::Model> model = model::from_json(json.at("model").get<std::string>());
    if (!model) return model.error();
    ModelSettings settings;
    settings.model = std::move(*model);
    json.at("threads").get_to(settings.threads);
    json.at("streams").get_to(settings.streams);
    json.at("max_bytes").get_to(settings.max_bytes.value);
    json.at("max_pixels").get_to(settings.max_pixels);
    for (const auto& folder : json.at("engine_folders")) {
      settings.engine_folders.emplace_back(folder.get<std::string>());
    }
    return settings;
  } catch (const nlohmann::json::exception& e) {
    return Error{std::string("the worker's settings are unreadable: ") + e.what()};
  }
}

Result<std::unique_ptr<Body>> make_model_body(const ModelSettings& settings, unsigned lanes) {
  if (settings.streams == 0 || lanes % settings.streams != 0 || lanes == 0) {
    return Error{std::to_string(lanes) + " items at a time cannot be shared by " +
                 count(settings.streams, "stream")};
  }
  const unsigned batch = lanes / settings.streams;
  Result<engine::Plugin> plugin =
      engine::Plugin::load(settings.model.engine, settings.engine_folders);
  if (!plugin) return plugin.error();
  Result<engine::Session> session =
      plugin->open({.model = settings.model.file,
                    .threads = settings.threads,
                    .streams = settings.streams,
                    .precision = settings.model.precision,
                    .input = input_shape(settings.model.input, batch)});
  if (!session) return session.error();
  auto body = std::make_unique<ModelBody>(settings, std::move(*plugin), std::move(*session), batch);
  if (Status warm = body->warm_up(); !warm) return warm.error();
  return std::unique_ptr<Body>(std::move(body));
}

}  // namespace headrace::worker
