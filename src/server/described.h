// What the HTTP door says of server and models, and how paths name them. Pure: from what is known to
// text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/multipart.h"
#include "oip/documents.h"
#include "oip/infer_request.h"
#include "oip/infer_response.h"
#include "server/server.h"

namespace headrace::server {

inline constexpr std::string_view kJson = "application/json";

enum class Page : unsigned char { server, live, ready, models, statistics, metrics, openapi };
// Of server or model: needs no token.
bool is_health(std::string_view path);
// Nothing for a path that has no page.
std::optional<Page> find_page(std::string_view path);

struct ModelPath {
  std::string_view name;
  std::string_view version;  // empty: any
  std::string_view what;     // "infer", "ready", ...; empty: the model itself
};
// Of NAME[/versions/VERSION][/WHAT], which follows /v2/models/.
ModelPath read_model_path(std::string_view rest);

// The sentence for a model that there is not, or not in that version.
std::string unknown_model(std::string_view name, std::string_view version);
std::string describe_server(std::string_view version);
std::string why_not_ready(const Server& server);
std::string list_models(const Server& server);
// The model's signature must be known.
oip::ModelFacts describe(const Model& model);
std::string describe_statistics(std::span<const std::shared_ptr<Model>> models);

// How many rows a request brings: its batch, where the model has one.
std::uint32_t rows_of(const Model& model, const oip::InferRequest& request);
// Whether there is room for what they will give.
oip::Answer<Ok> check_rows(const Model& model, const oip::InferRequest& request);
// What was asked for, of what the worker gave: views into `result`, which is not believed.
Result<std::vector<oip::OutputTensor>> wanted_outputs(const Model& model,
                                                      const oip::InferRequest& request,
                                                      std::span<const std::byte> result);
// {"results": [{"name", "filename", "status": "ok", "result"} or {..., "status": "failed", "error"}]}
std::string describe_form(std::span<const http::Part> parts, std::span<const Answer> answers);
// The JSON text of a result; "null" when there is none.
std::string_view json_of(const Answer& answer);

}  // namespace headrace::server
