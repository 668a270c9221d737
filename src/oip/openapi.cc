// The description of the HTTP door for whoever generates clients or reads about it in a browser. It
// says what the server does and no more; documents_test.cc holds the list of paths.
#include <nlohmann/json.hpp>

#include "oip/documents.h"

namespace headrace::oip {
namespace {

using Json = nlohmann::ordered_json;

Json ref(std::string_view kind, std::string_view name) {
  return {{"$ref", "#/components/" + std::string(kind) + "/" + std::string(name)}};
}
Json schema(std::string_view name) {
  return ref("schemas", name);
}

Json text(std::string_view description = {}) {
  Json json = {{"type", "string"}};
  if (!description.empty()) json["description"] = description;
  return json;
}
Json whole(std::string_view description = {}) {
  Json json = {{"type", "integer"}, {"format", "int64"}, {"minimum", 0}};
  if (!description.empty()) json["description"] = description;
  return json;
}
Json truth() {
  return {{"type", "boolean"}};
}
Json list_of(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}
Json object(const std::vector<std::string>& required, Json properties) {
  Json json = {{"type", "object"}};
  if (!required.empty()) json["required"] = required;
  json["properties"] = std::move(properties);
  return json;
}

Json answer(std::string_view description, std::string_view type, Json content) {
  return {{"description", description},
          {"content", {{std::string(type), {{"schema", std::move(content)}}}}}};
}
Json json_answer(std::string_view description, std::string_view name) {
  return answer(description, "application/json", schema(name));
}

// `errors`: the statuses besides 200 that it is known for; any other is an error of the same form.
Json operation(std::string_view id, std::string_view summary, Json good,
               const std::vector<std::string>& errors) {
  Json responses = {{"200", std::move(good)}};
  for (const std::string& status : errors) responses[status] = ref("responses", "Error");
  responses["default"] = ref("responses", "Error");
  return {{"operationId", id}, {"summary", summary}, {"responses", std::move(responses)}};
}

Json get(Json described) {
  return {{"get", std::move(described)}};
}

Json datatypes() {
  Json names = Json::array();
  for (int i = 0; i <= static_cast<int>(Datatype::bf16); ++i)
    names.push_back(name_of(static_cast<Datatype>(i)));
  return {{"type", "string"}, {"enum", std::move(names)}};
}

Json parameters_schema() {
  return {{"type", "object"},
          {"additionalProperties",
           {{"oneOf", Json::array({text(), Json{{"type", "number"}}, truth()})}}}};
}

Json tensor_schemas() {
  const Json shape = list_of({{"type", "integer"}, {"format", "int64"}});
  const Json data = {
      {"type", "array"},
      {"items", Json::object()},
      {"description", "Flat or nested, row by row; or binary data behind the JSON."}};
  const Json tensor = {{"name", text()},
                       {"shape", shape},
                       {"datatype", schema("Datatype")},
                       {"parameters", schema("Parameters")},
                       {"data", data}};
  return {
      {"Datatype", datatypes()},
      {"Parameters", parameters_schema()},
      {"TensorMetadata",
       object({"name", "datatype", "shape"},
              {{"name", text()}, {"datatype", schema("Datatype")}, {"shape", shape}})},
      {"Tensor", object({"name", "shape", "datatype"}, tensor)},
      {"WantedOutput", object({"name"}, {{"name", text()}, {"parameters", schema("Parameters")}})},
      {"InferRequest", object({"inputs"}, {{"id", text()},
                                           {"parameters", schema("Parameters")},
                                           {"inputs", list_of(schema("Tensor"))},
                                           {"outputs", list_of(schema("WantedOutput"))}})},
      {"InferResponse",
       object({"model_name", "outputs"}, {{"model_name", text()},
                                          {"model_version", text()},
                                          {"id", text()},
                                          {"outputs", list_of(schema("Tensor"))}})},
      {"FormResponse",
       object({"results"},
              {{"results", list_of(object({"status"}, {{"name", text()},
                                                       {"filename", text()},
                                                       {"status", text("ok, or failed")},
                                                       {"result", Json::object()},
                                                       {"error", {{"type", "object"}}}}))}})},
      {"Inferred",
       {{"anyOf", Json::array({schema("InferResponse"), schema("FormResponse"), Json::object()})},
        {"description",
         "InferResponse for tensors, FormResponse for a form; for a picture what the "
         "model's [output] says"}}}};
}

Json server_schemas() {
  const Json tensors = list_of(schema("TensorMetadata"));
  return {
      {"Error", object({"error"}, {{"error", text()}})},
      {"Live", object({"live"}, {{"live", truth()}})},
      {"Ready", object({"ready"}, {{"ready", truth()}})},
      {"Models", object({"models"}, {{"models", list_of(text())}})},
      {"ModelReady", object({"name", "ready"}, {{"name", text()}, {"ready", truth()}})},
      {"Server", object({"name", "version", "extensions"},
                        {{"name", text()}, {"version", text()}, {"extensions", list_of(text())}})},
      {"Model", object({"name", "platform", "inputs", "outputs"}, {{"name", text()},
                                                                   {"versions", list_of(text())},
                                                                   {"platform", text()},
                                                                   {"inputs", tensors},
                                                                   {"outputs", tensors}})},
      {"ModelConfig", object({"name", "max_batch_size", "input", "output"},
                             {{"name", text()},
                              {"platform", text()},
                              {"backend", text()},
                              {"max_batch_size", whole()},
                              {"input", list_of(Json{{"type", "object"}})},
                              {"output", list_of(Json{{"type", "object"}})}})}};
}

Json statistics_schemas() {
  Json tallies;
  for (const char* name : {"success", "fail", "queue", "compute_input", "compute_infer",
                           "compute_output", "cache_hit", "cache_miss"})
    tallies[name] = schema("Tally");
  return {{"Tally", object({"count", "ns"}, {{"count", whole()}, {"ns", whole()}})},
          {"Statistics",
           object({"model_stats"},
                  {{"model_stats",
                    list_of(object({"name", "version", "inference_stats"},
                                   {{"name", text()},
                                    {"version", text()},
                                    {"last_inference", whole("milliseconds since 1970")},
                                    {"inference_count", whole()},
                                    {"execution_count", whole()},
                                    {"inference_stats", object({}, std::move(tallies))}}))}})}};
}

Json infer_operation() {
  const Json bytes = {{"schema", {{"type", "string"}, {"format", "binary"}}}};
  Json infer = operation("infer", "Run the model on tensors, or on pictures",
                         json_answer("The outputs; binary ones behind the JSON", "Inferred"),
                         {"400", "401", "404", "413", "415", "429", "500", "501", "503", "504"});
  infer["parameters"] = Json::array(
      {{{"name", "Inference-Header-Content-Length"},
        {"in", "header"},
        {"description", "Bytes of JSON in front of binary tensors; 0: the body is the only input"},
        {"schema", whole()}}});
  infer["requestBody"] = {
      {"required", true},
      {"content",
       {{"application/json", {{"schema", schema("InferRequest")}}},
        {"application/octet-stream", bytes},
        {"image/*", bytes},
        {"multipart/form-data",
         {{"schema", {{"type", "object"}, {"additionalProperties", bytes["schema"]}}}}}}}};
  infer["responses"]["200"]["content"]["application/octet-stream"] = bytes;
  return infer;
}

Json model_parameters(bool versioned) {
  Json list = Json::array({ref("parameters", "model")});
  if (versioned) list.push_back(ref("parameters", "version"));
  return list;
}

// The endpoints of a model, without and with a version in the path.
void add_model(Json& paths, bool versioned) {
  const std::string base =
      versioned ? "/v2/models/{model}/versions/{version}" : "/v2/models/{model}";
  const std::string suffix = versioned ? "OfVersion" : "";
  const auto add = [&](const std::string& path, std::string_view method, Json described) {
    described["operationId"] = described["operationId"].get<std::string>() + suffix;
    Json item = {{"parameters", model_parameters(versioned)}};
    item[std::string(method)] = std::move(described);
    paths[base + path] = std::move(item);
  };
  add("", "get",
      operation("modelMetadata", "What the model takes and gives",
                json_answer("Its inputs and outputs", "Model"), {"400", "404"}));
  add("/ready", "get",
      operation("modelReady", "Whether the model takes requests",
                json_answer("It does", "ModelReady"), {"400", "404", "503"}));
  add("/config", "get",
      operation("modelConfig", "How the model is set up",
                json_answer("Its configuration", "ModelConfig"), {"400", "404"}));
  add("/stats", "get",
      operation("modelStatistics", "What the model did so far",
                json_answer("Counts and times", "Statistics"), {"400", "404"}));
  add("/infer", "post", infer_operation());
}

Json all_paths() {
  const Json plain = answer("It does", "application/json", schema("Ready"));
  Json paths;
  paths["/v2/models"] =
      get(operation("models", "Which models there are", json_answer("Their names", "Models"), {}));
  paths["/v2"] = get(operation("serverMetadata", "What this server is",
                               json_answer("Its name, version and extensions", "Server"), {}));
  paths["/v2/health/live"] =
      get(operation("live", "Whether the server runs", json_answer("It does", "Live"), {"503"}));
  paths["/v2/health/ready"] =
      get(operation("ready", "Whether all models take requests", plain, {"503"}));
  paths["/v2/models/stats"] = get(operation("statistics", "What all models did so far",
                                            json_answer("Counts and times", "Statistics"), {}));
  add_model(paths, false);
  add_model(paths, true);
  paths["/livez"] =
      get(operation("livez", "As /v2/health/live", json_answer("It does", "Live"), {"503"}));
  paths["/readyz"] = get(operation("readyz", "As /v2/health/ready", plain, {"503"}));
  paths["/metrics"] = get(operation("metrics", "Metrics in Prometheus' text format",
                                    answer("The metrics", "text/plain", text()), {}));
  return paths;
}

}  // namespace

std::string openapi(std::string_view server_version) {
  Json schemas = tensor_schemas();
  schemas.update(server_schemas());
  schemas.update(statistics_schemas());
  const auto path_parameter = [](std::string_view name) {
    return Json{{"name", name},
                {"in", "path"},
                {"required", true},
                {"schema", {{"type", "string"}, {"pattern", R"(^[^/\u0000-\u001f\u007f]+$)"}}}};
  };
  const Json document = {
      {"openapi", "3.0.3"},
      {"info",
       {{"title", "Headrace"},
        {"description", "Inference over the Open Inference Protocol, version 2"},
        {"version", server_version}}},
      {"security", Json::array({Json::object(), {{"token", Json::array()}}})},
      {"paths", all_paths()},
      {"components",
       {{"schemas", std::move(schemas)},
        {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
        {"parameters",
         {{"model", path_parameter("model")}, {"version", path_parameter("version")}}},
        {"responses", {{"Error", json_answer("What went wrong, and what to do", "Error")}}}}}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace headrace::oip
