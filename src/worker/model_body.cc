#include "worker/model_body.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "worker/input_file.h"
#include "worker/loaded_model.h"
#include "worker/model_result.h"
#include "worker/passed_files.h"
#include "worker/streamed_body.h"

namespace headrace::worker {
namespace {

// What one stream works with: a tensor of its own, and what it takes to fill it.
class Stream {
 public:
  Stream(LoadedModel& model, unsigned number, PassedFiles& files)
      : model_(model), number_(number), files_(files), lanes_(model.settings, model.batch) {}

  Status warm_up() {
    if (auto outputs = infer(); !outputs) return outputs.error();
    return Ok{};
  }

  void prepare(Item& item, std::size_t lane) {
    if (model_.settings.model.input.kind == model::InputKind::name) {
      const std::string_view name = item.input;
      return lanes_.fill(item, std::as_bytes(std::span(name.data(), name.size())), lane);
    }
    const sys::Fd file = files_.take(item.token);
    const auto content = read_input(item, file, model_.settings.max_bytes, content_);
    if (content) lanes_.fill(item, *content, lane);
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
        write_result(model_.settings.model.output, model_.session.outputs(), *outputs, lane,
                     model_.batch, item);
      }
    }
  }

 private:
  Result<std::span<const engine::Tensor>> infer() {
    return model_.session.infer({&lanes_.tensor(), 1}, number_);
  }

  LoadedModel& model_;
  unsigned number_;
  PassedFiles& files_;
  InputLanes lanes_;
  std::vector<std::byte> content_;  // of a file; kept between items
};

// Made before the streams, which all use it.
struct WithFiles {
  PassedFiles files;
};

class ModelBody : private WithFiles, public StreamedBody<Stream> {
 public:
  ModelBody(LoadedModel model, int control)
      : WithFiles{PassedFiles(control)}, StreamedBody<Stream>(std::move(model), files) {}

  bool listen() override { return files.listen(); }
};

}  // namespace

std::string to_json(const ModelSettings& settings, std::string_view kind) {
  nlohmann::json json{{"kind", kind},
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

Result<std::unique_ptr<Body>> make_model_body(const ModelSettings& settings, unsigned lanes,
                                              int control) {
  if (settings.model.input.kind == model::InputKind::tensors)
    return Error{"the model takes tensors, which no file holds: use `headrace serve`"};
  Result<LoadedModel> model = load_model(settings, lanes);
  if (!model) return model.error();
  auto body = std::make_unique<ModelBody>(*std::move(model), control);
  if (Status warm = body->warm_up(); !warm) return warm.error();
  return std::unique_ptr<Body>(std::move(body));
}

}  // namespace headrace::worker
