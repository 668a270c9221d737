#include "oip/documents.h"

#include <nlohmann/json.hpp>

namespace headrace::oip {
namespace {

using Json = nlohmann::ordered_json;

std::string written(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string health(Json body, std::string_view flag, bool yes, std::string_view reason) {
  body[std::string(flag)] = yes;
  if (!yes) body["error"] = reason.empty() ? "not " + std::string(flag) : std::string(reason);
  return written(body);
}

std::span<const std::int64_t> config_dims(const ModelFacts& model, const TensorSpec& tensor) {
  const auto dims = tensor.shape.dims();
  return model.max_batch > 0 && !dims.empty() ? dims.subspan(1) : dims;
}

Json metadata_of(const std::vector<TensorSpec>& tensors) {
  Json list = Json::array();
  for (const TensorSpec& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"datatype", name_of(tensor.datatype)},
                    {"shape", Json(tensor.shape.dims())}});
  }
  return list;
}

std::string config_type(Datatype type) {
  return type == Datatype::bytes ? "TYPE_STRING" : "TYPE_" + std::string(name_of(type));
}

std::string_view format_of(Layout layout) {
  switch (layout) {
    case Layout::nhwc:
      return "FORMAT_NHWC";
    case Layout::nchw:
      return "FORMAT_NCHW";
    case Layout::none:
      break;
  }
  return "FORMAT_NONE";
}

Json config_of(const ModelFacts& model, const TensorSpec& tensor) {
  return {{"name", tensor.name},
          {"data_type", config_type(tensor.datatype)},
          {"dims", Json(config_dims(model, tensor))}};
}

Json json_of(const Tally& tally) {
  return {{"count", tally.count}, {"ns", tally.ns}};
}

Json json_of(const BatchStatistics& batch) {
  return {{"batch_size", batch.batch_size},
          {"compute_input", json_of(batch.compute_input)},
          {"compute_infer", json_of(batch.compute_infer)},
          {"compute_output", json_of(batch.compute_output)}};
}

Json json_of(const ModelStatistics& model) {
  Json batches = Json::array();
  for (const BatchStatistics& batch : model.batches) batches.push_back(json_of(batch));
  Json memory = Json::array();
  if (model.memory_bytes > 0)
    memory.push_back({{"type", "CPU"}, {"id", 0}, {"byte_size", model.memory_bytes}});
  return {{"name", model.name},
          {"version", model.version},
          {"last_inference", model.last_inference_ms},
          {"inference_count", model.inferences},
          {"execution_count", model.executions},
          {"inference_stats",
           {{"success", json_of(model.success)},
            {"fail", json_of(model.fail)},
            {"queue", json_of(model.queue)},
            {"compute_input", json_of(model.compute_input)},
            {"compute_infer", json_of(model.compute_infer)},
            {"compute_output", json_of(model.compute_output)},
            // There is no cache; clients fail without the words.
            {"cache_hit", json_of(Tally{})},
            {"cache_miss", json_of(Tally{})}}},
          {"response_stats", Json::object()},
          {"batch_stats", batches},
          {"memory_usage", memory}};
}

}  // namespace

std::string error_body(std::string_view message) {
  return written({{"error", message}});
}

std::string live_body(bool yes, std::string_view reason) {
  return health(Json::object(), "live", yes, reason);
}

std::string ready_body(bool yes, std::string_view reason) {
  return health(Json::object(), "ready", yes, reason);
}

std::string model_ready_body(std::string_view model, bool yes, std::string_view reason) {
  return health({{"name", model}}, "ready", yes, reason);
}

std::string server_metadata(std::string_view name, std::string_view version,
                            std::span<const std::string_view> extensions) {
  return written({{"name", name}, {"version", version}, {"extensions", Json(extensions)}});
}

std::string model_metadata(const ModelFacts& model) {
  Json json = {{"name", model.name}};
  if (!model.versions.empty()) json["versions"] = model.versions;
  json["platform"] = model.platform;
  json["inputs"] = metadata_of(model.signature.inputs);
  json["outputs"] = metadata_of(model.signature.outputs);
  return written(json);
}

std::string model_config(const ModelFacts& model) {
  Json inputs = Json::array();
  for (const TensorSpec& tensor : model.signature.inputs) {
    Json input = config_of(model, tensor);
    input["format"] = format_of(model.layout);
    inputs.push_back(std::move(input));
  }
  Json outputs = Json::array();
  for (const TensorSpec& tensor : model.signature.outputs) {
    Json output = config_of(model, tensor);
    output["label_filename"] = "";
    outputs.push_back(std::move(output));
  }
  Json json = {{"name", model.name},         {"platform", model.platform},
               {"backend", model.backend},   {"max_batch_size", model.max_batch},
               {"input", std::move(inputs)}, {"output", std::move(outputs)}};
  if (model.batching_delay_us) {
    json["dynamic_batching"] = {{"preferred_batch_size", Json::array({model.max_batch})},
                                {"max_queue_delay_microseconds", *model.batching_delay_us}};
  }
  json["model_transaction_policy"] = {{"decoupled", false}};
  json["response_cache"] = {{"enable", false}};
  return written(json);
}

std::string statistics(std::span<const ModelStatistics> models) {
  Json list = Json::array();
  for (const ModelStatistics& model : models) list.push_back(json_of(model));
  return written({{"model_stats", std::move(list)}});
}

std::string repository_index(std::span<const IndexEntry> models) {
  Json list = Json::array();
  for (const IndexEntry& model : models) {
    Json entry = {{"name", model.name}};
    if (!model.version.empty()) entry["version"] = model.version;
    entry["state"] = model.ready ? "READY" : "UNAVAILABLE";
    entry["reason"] = model.reason;
    list.push_back(std::move(entry));
  }
  return written(list);
}

}  // namespace headrace::oip
