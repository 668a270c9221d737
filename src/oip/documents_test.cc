#include "oip/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>

namespace headrace::oip {
namespace {

using Json = nlohmann::json;

ModelFacts pictures() {
  ModelFacts model{.name = "lite0", .platform = "openvino", .backend = "openvino"};
  model.signature =
      *read_signature(R"({"inputs":[{"name":"images","datatype":"FP32","shape":[-1,3,224,224]}],)"
                      R"("outputs":[{"name":"scores","datatype":"BYTES","shape":[-1,1000]}]})");
  return model;
}

TEST(DocumentsTest, HealthIsNeverAnEmptyBody) {
  EXPECT_EQ(live_body(true), R"({"live":true})");
  EXPECT_EQ(ready_body(true), R"({"ready":true})");
  EXPECT_EQ(model_ready_body("m", true), R"({"name":"m","ready":true})");
  EXPECT_EQ(ready_body(false, "starting"), R"({"ready":false,"error":"starting"})");
  EXPECT_EQ(live_body(false), R"({"live":false,"error":"not live"})");
}

TEST(DocumentsTest, ErrorsHoldAnyBytes) {
  EXPECT_EQ(error_body("no \"x\"\n\xff\x01"), "{\"error\":\"no \\\"x\\\"\\n\uFFFD\\u0001\"}");
}

TEST(DocumentsTest, TellsOfTheServer) {
  const std::array<std::string_view, 2> extensions = {"binary_tensor_data", "statistics"};
  EXPECT_EQ(server_metadata("headrace", "0.1.0", extensions),
            R"({"name":"headrace","version":"0.1.0",)"
            R"("extensions":["binary_tensor_data","statistics"]})");
}

TEST(DocumentsTest, TellsOfAModel) {
  EXPECT_EQ(model_metadata(pictures()),
            R"({"name":"lite0","platform":"openvino",)"
            R"("inputs":[{"name":"images","datatype":"FP32","shape":[-1,3,224,224]}],)"
            R"("outputs":[{"name":"scores","datatype":"BYTES","shape":[-1,1000]}]})");
  ModelFacts versioned = pictures();
  versioned.versions = {"1"};
  EXPECT_EQ(Json::parse(model_metadata(versioned))["versions"], Json::array({"1"}));
}

// perf_analyzer drops the first dimension of the metadata if there is a batch; image_client wants
// the format.
TEST(DocumentsTest, ConfigLeavesOutTheBatch) {
  ModelFacts model = pictures();
  model.max_batch = 8;
  model.layout = Layout::nchw;
  model.batching_delay_us = 500;
  const Json config = Json::parse(model_config(model));
  EXPECT_EQ(config["max_batch_size"], 8);
  EXPECT_EQ(config["input"][0]["dims"], Json::array({3, 224, 224}));
  EXPECT_EQ(config["input"][0]["format"], "FORMAT_NCHW");
  EXPECT_EQ(config["input"][0]["data_type"], "TYPE_FP32");
  EXPECT_EQ(config["output"][0]["data_type"], "TYPE_STRING");
  EXPECT_EQ(config["dynamic_batching"]["max_queue_delay_microseconds"], 500);
  EXPECT_EQ(config["model_transaction_policy"]["decoupled"], false);
  EXPECT_EQ(config["response_cache"]["enable"], false);

  const Json whole = Json::parse(model_config(pictures()));
  EXPECT_EQ(whole["input"][0]["dims"], Json::array({-1, 3, 224, 224}));
  EXPECT_FALSE(whole.contains("dynamic_batching"));
}

TEST(DocumentsTest, StatisticsHaveAllTheWordsThatClientsWant) {
  ModelStatistics model{.name = "lite0", .inferences = 64, .executions = 2, .success = {3, 4000}};
  model.batches.push_back({.batch_size = 32, .compute_infer = {2, 3000}});
  model.memory_bytes = 1 << 20;
  const std::array<ModelStatistics, 1> models = {model};
  const Json stats = Json::parse(statistics(models))["model_stats"][0];
  EXPECT_TRUE(stats["version"].is_string());
  EXPECT_EQ(stats["inference_count"], 64);
  std::set<std::string> words;
  for (const auto& [word, tally] : stats["inference_stats"].items()) {
    EXPECT_TRUE(tally["count"].is_number_unsigned() && tally["ns"].is_number_unsigned()) << word;
    words.insert(word);
  }
  EXPECT_EQ(words,
            (std::set<std::string>{"success", "fail", "queue", "compute_input", "compute_infer",
                                   "compute_output", "cache_hit", "cache_miss"}));
  EXPECT_EQ(stats["inference_stats"]["success"]["ns"], 4000);
  EXPECT_EQ(stats["batch_stats"][0]["compute_infer"]["count"], 2);
  EXPECT_EQ(stats["memory_usage"][0]["byte_size"], 1 << 20);
  EXPECT_EQ(Json::parse(statistics({}))["model_stats"], Json::array());
}

TEST(DocumentsTest, IndexSaysWhyAModelIsNotReady) {
  const std::array<IndexEntry, 2> models = {
      {{.name = "a", .ready = true}, {.name = "b", .version = "2", .reason = "its workers die"}}};
  EXPECT_EQ(repository_index(models),
            R"([{"name":"a","state":"READY","reason":""},)"
            R"({"name":"b","version":"2","state":"UNAVAILABLE","reason":"its workers die"}])");
  EXPECT_EQ(repository_index({}), "[]");
}

void expect_references_lead_somewhere(const Json& part, const Json& document) {
  if (part.is_object() && part.contains("$ref")) {
    const std::string target = part["$ref"].get<std::string>().substr(1);
    EXPECT_TRUE(document.contains(Json::json_pointer(target))) << target;
  }
  if (!part.is_structured()) return;
  for (const Json& inner : part) expect_references_lead_somewhere(inner, document);
}

TEST(OpenApiTest, DescribesEveryEndpoint) {
  const Json document = Json::parse(openapi("0.1.0"));
  EXPECT_EQ(document["openapi"], "3.0.3");
  EXPECT_EQ(document["info"]["version"], "0.1.0");
  std::set<std::string> paths;
  std::set<std::string> ids;
  for (const auto& [path, item] : document["paths"].items()) {
    paths.insert(path);
    for (const auto& [method, operation] : item.items()) {
      if (method == "parameters") continue;
      EXPECT_TRUE(operation["responses"].contains("200")) << path;
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << path;
    }
  }
  const std::string model = "/v2/models/{model}";
  const std::string versioned = model + "/versions/{version}";
  std::set<std::string> expected = {"/v2",     "/v2/health/live", "/v2/health/ready",
                                    "/livez",  "/v2/models",      "/v2/models/stats",
                                    "/readyz", "/metrics"};
  for (const char* end : {"", "/ready", "/config", "/stats", "/infer"}) {
    expected.insert(model + end);
    expected.insert(versioned + end);
  }
  EXPECT_EQ(paths, expected);
  expect_references_lead_somewhere(document, document);
}

TEST(OpenApiTest, InferTakesTensorsAndPictures) {
  const Json document = Json::parse(openapi("0.1.0"));
  const Json& infer = document["paths"]["/v2/models/{model}/infer"]["post"];
  for (const char* type :
       {"application/json", "application/octet-stream", "image/*", "multipart/form-data"})
    EXPECT_TRUE(infer["requestBody"]["content"].contains(type)) << type;
}

}  // namespace
}  // namespace headrace::oip
