#include "shm/brief.h"

#include <nlohmann/json.hpp>

namespace headrace::shm {

std::string to_json(const Brief& brief) {
  return nlohmann::json{{"supervisor_pid", brief.supervisor_pid},
                        {"worker", brief.worker},
                        {"batch", brief.batch},
                        {"participant", brief.participant},
                        {"spin_us", brief.spin.count()},
                        {"confine", brief.sandbox.confine},
                        {"files", brief.sandbox.files},
                        {"body", brief.body}}
      .dump();
}

Result<Brief> brief_from_json(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    Brief brief;
    json.at("supervisor_pid").get_to(brief.supervisor_pid);
    json.at("worker").get_to(brief.worker);
    json.at("batch").get_to(brief.batch);
    json.at("participant").get_to(brief.participant);
    brief.spin = std::chrono::microseconds(json.at("spin_us").get<std::int64_t>());
    json.at("confine").get_to(brief.sandbox.confine);
    json.at("files").get_to(brief.sandbox.files);
    json.at("body").get_to(brief.body);
    return brief;
  } catch (const nlohmann::json::exception& e) {
    return Error{std::string("the worker's brief is unreadable: ") + e.what()};
  }
}

}  // namespace headrace::shm
