#include "server/described.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/text.h"
#include "shm/served.h"

namespace headrace::server {
namespace {

// What a client may count on beyond the core of the protocol.
constexpr std::array<std::string_view, 6> kExtensions = {"binary_tensor_data",  "classification",
                                                         "model_configuration", "schedule_policy",
                                                         "statistics",          "parameters"};

// Rows of one request; more are better sent as several.
constexpr std::uint32_t kMostRows = 1024;

bool has_rows(const Model& model) {
  return model.about.input.kind != model::InputKind::tensors;
}

// How many rows of outputs a slot's result holds, where a row has a known size.
std::uint32_t most_rows(const Model& model) {
  const oip::Signature& signature = *model.line->signature();
  const std::size_t outputs = signature.outputs.size();
  std::size_t row = 0;
  for (const oip::TensorSpec& output : signature.outputs) {
    const auto dims = output.shape.dims();
    const auto of_row = engine::Shape::of(dims.subspan(std::min<std::size_t>(1, dims.size())));
    const auto bytes = of_row ? oip::bytes_of(output.datatype, *of_row) : std::nullopt;
    if (!bytes) return kMostRows;
    row += *bytes;
  }
  const std::size_t room = model.line->settings().slots.result_capacity;
  const std::size_t header = shm::served_result_header(outputs) + outputs * shm::kServedAlignment;
  const std::size_t rows = room > header ? (room - header) / std::max<std::size_t>(row, 1) : 1;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(rows, 1, kMostRows));
}

oip::Tally tally(const Spent& spent) {
  return {spent.count, static_cast<std::uint64_t>(spent.time.count())};
}

oip::ModelStatistics statistics_of(const Model& model) {
  const Tally& tally_of = model.line->tally();
  const auto last = std::chrono::duration_cast<std::chrono::milliseconds>(
      tally_of.last_inference.time_since_epoch());
  return {.name = model.line->name(),
          .version = model.line->version(),
          .last_inference_ms = static_cast<std::uint64_t>(last.count()),
          .inferences = tally_of.rows,
          .executions = tally_of.executions,
          .success = tally(tally_of.success),
          .fail = tally(tally_of.fail),
          .queue = tally(tally_of.queue),
          .compute_input = tally(tally_of.decode),
          .compute_infer = tally(tally_of.infer),
          // Within the inference; but there are clients who want the three counts alike.
          .compute_output = {.count = tally_of.infer.count, .ns = 0},
          .memory_bytes = model.watch->readings().workers_memory.value};
}

void append_member(std::string& out, std::string_view key, std::string_view text) {
  append_json_string(out, key);
  out += ':';
  append_json_string(out, text);
}

}  // namespace

bool is_health(std::string_view path) {
  return path == "/livez" || path == "/readyz" || path.starts_with("/v2/health/");
}

std::optional<Page> find_page(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, Page>, 9> kPages = {{
      {"/v2", Page::server},
      {"/v2/health/live", Page::live},
      {"/livez", Page::live},
      {"/v2/health/ready", Page::ready},
      {"/readyz", Page::ready},
      {"/v2/models", Page::models},
      {"/v2/models/stats", Page::statistics},
      {"/metrics", Page::metrics},
      {"/openapi.json", Page::openapi},
  }};
  for (const auto& [name, page] : kPages) {
    if (path == name) return page;
  }
  return std::nullopt;
}

ModelPath read_model_path(std::string_view rest) {
  const auto word = [&rest] {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view found = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return found;
  };
  ModelPath path{.name = word(), .version = {}, .what = {}};
  if (rest.starts_with("versions/")) {
    word();
    path.version = word();
  }
  path.what = rest;
  return path;
}

std::string unknown_model(std::string_view name, std::string_view version) {
  return "Request for unknown model: " + oip::in_quotes(name) +
         (version.empty() ? "" : " version " + oip::in_quotes(version)) + " is not found";
}

std::string describe_server(std::string_view version) {
  return oip::server_metadata("headrace", version, kExtensions);
}

std::string why_not_ready(const Server& server) {
  if (server.draining()) return "the server is shutting down";
  std::string names;
  for (const auto& model : server.models()) {
    if (model->line->ready(Clock::now())) continue;
    names += (names.empty() ? "" : ", ") + model->line->name();
  }
  return names.empty() ? std::string() : "not ready: " + names;
}

std::string list_models(const Server& server) {
  std::string out = R"({"models":[)";
  for (const auto& model : server.models()) {
    if (&model != server.models().data()) out += ',';
    append_json_string(out, model->line->name());
  }
  return out + "]}";
}

oip::ModelFacts describe(const Model& model) {
  using Layout = oip::Layout;
  Layout layout = Layout::none;
  if (model.about.input.kind == model::InputKind::image) {
    const bool first = model.about.input.picture.layout == image::Layout::nchw;
    layout = first ? Layout::nchw : Layout::nhwc;
  }
  oip::ModelFacts facts{.name = model.line->name(),
                        .platform = model.platform,
                        .backend = model.platform,
                        .signature = *model.line->signature(),
                        .max_batch = has_rows(model) ? most_rows(model) : 0,
                        .layout = layout};
  if (!model.line->version().empty()) facts.versions = {model.line->version()};
  if (const auto delay = model.line->settings().delay; delay.count() > 0)
    facts.batching_delay_us = static_cast<std::uint64_t>(delay.count());
  return facts;
}

std::string describe_statistics(std::span<const std::shared_ptr<Model>> models) {
  std::vector<oip::ModelStatistics> all;
  for (const auto& model : models) all.push_back(statistics_of(*model));
  return oip::statistics(all);
}

std::uint32_t rows_of(const Model& model, const oip::InferRequest& request) {
  if (!has_rows(model) || request.inputs.empty() || request.inputs.front().shape.rank() == 0)
    return 1;
  return static_cast<std::uint32_t>(request.inputs.front().shape.dims().front());
}

oip::Answer<Ok> check_rows(const Model& model, const oip::InferRequest& request) {
  if (!has_rows(model)) return Ok{};
  const std::uint32_t most = most_rows(model);
  if (rows_of(model, request) <= most) return Ok{};
  return oip::Refusal{oip::Refusal::Kind::invalid,
                      "a request may bring at most " + std::to_string(most) +
                          " rows for this model; send the others in requests of their own"};
}

Result<std::vector<oip::OutputTensor>> wanted_outputs(const Model& model,
                                                      const oip::InferRequest& request,
                                                      std::span<const std::byte> result) {
  const auto read = shm::read_served_result(result);
  if (!read) return read.error();
  const oip::Signature& signature = *model.line->signature();
  std::vector<oip::OutputTensor> outputs;
  for (const oip::WantedOutput& wanted : request.outputs) {
    if (wanted.index >= read->outputs.size() || wanted.index >= signature.outputs.size())
      return Error{"the model gave fewer outputs than it has"};
    const shm::ServedTensor& tensor = read->outputs[wanted.index].tensor;
    const auto type = oip::datatype_from(static_cast<engine::DType>(tensor.dtype));
    const auto shape = engine::Shape::of(shm::dims_of(tensor));
    if (!type || !shape) return Error{"the model gave an output of a type that cannot be sent"};
    outputs.push_back({.name = signature.outputs[wanted.index].name,
                       .datatype = *type,
                       .shape = *shape,
                       .bytes = shm::payload(result, tensor),
                       .binary = wanted.binary,
                       .classes = wanted.classes,
                       .labels = model.about.output.labels});
  }
  return outputs;
}

std::string_view json_of(const Answer& answer) {
  const auto result = shm::read_served_result(std::as_bytes(std::span(answer.result)));
  return result && result->kind == shm::ServedResultKind::json ? result->json : "null";
}

std::string describe_form(std::span<const http::Part> parts, std::span<const Answer> answers) {
  std::string out = R"({"results":[)";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out += i == 0 ? "{" : ",{";
    append_member(out, "name", parts[i].name);
    if (parts[i].filename) {
      out += ',';
      append_member(out, "filename", *parts[i].filename);
    }
    const Answer& answer = answers[i];
    if (answer.kind == Answer::Kind::result) {
      out += R"(,"status":"ok","result":)";
      out += json_of(answer);
    } else {
      out += R"(,"status":"failed","error":{)";
      append_member(out, "code",
                    answer.kind == Answer::Kind::late ? "timeout" : name(answer.error));
      out += ',';
      append_member(out, "message", answer.message);
      out += '}';
    }
    out += '}';
  }
  return out + "]}";
}

}  // namespace headrace::server
