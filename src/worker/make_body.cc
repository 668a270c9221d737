#include "worker/make_body.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sys/files.h"
#include "worker/confinement.h"
#include "worker/handler_body.h"
#include "worker/model_body.h"
#include "worker/served_body.h"

namespace headrace::worker {
namespace {

Result<std::unique_ptr<Body>> handler_body(const shm::Brief& brief) {
  Result<HandlerSettings> settings = handler_settings_from_json(brief.body);
  if (!settings) return settings.error();
  // Standard output may be where the results go.
  sys::print_to_standard_error();
  // The supervisor has made the folder for its results.
  const std::vector<std::filesystem::path> written = settings->folder.empty()
                                                         ? std::vector<std::filesystem::path>{}
                                                         : std::vector{settings->folder};
  if (Status bound = confine_loading(brief.sandbox, written); !bound) return bound.error();
  return make_handler_body(*settings, brief);
}

using Make = Result<std::unique_ptr<Body>>(const ModelSettings&, unsigned lanes);

Result<std::unique_ptr<Body>> over_model(const shm::Brief& brief, Make* make) {
  Result<ModelSettings> settings = model_settings_from_json(brief.body);
  if (!settings) return settings.error();
  settings->sandbox = brief.sandbox;
  return make(*settings, brief.batch);
}

}  // namespace

Result<std::unique_ptr<Body>> make_body(const shm::Brief& brief) {
  std::string kind;
  try {
    kind = nlohmann::json::parse(brief.body).at("kind").get<std::string>();
  } catch (const nlohmann::json::exception& e) {
    return Error{std::string("the worker's settings are unreadable: ") + e.what()};
  }
  if (kind == "model") {
    return over_model(brief, [](const ModelSettings& settings, unsigned lanes) {
      return make_model_body(settings, lanes, shm::kControlFd);
    });
  }
  if (kind == "served") return over_model(brief, make_served_body);
  if (kind == "handler") return handler_body(brief);
  return Error{"the worker's settings are of a kind that does not exist: " + kind};
}

}  // namespace headrace::worker
