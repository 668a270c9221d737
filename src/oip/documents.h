// Everything that the server says in JSON besides answers to infer requests.
//
// The words are those that clients read, and clients are picky: perf_analyzer wants every one of the
// eight statistics, image_client the format of the input, and the C++ client a version that is a
// string. Any bytes may be in the texts given; what is no UTF-8 becomes U+FFFD.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oip/signature.h"

namespace headrace::oip {

// {"error": message}; the body of every answer that is not 200.
std::string error_body(std::string_view message);

// Health. With `yes` for status 200; otherwise for 503, with `reason` as the error. Never an empty
// body: some clients fail at one, whatever the status.
std::string live_body(bool yes, std::string_view reason = {});
std::string ready_body(bool yes, std::string_view reason = {});
std::string model_ready_body(std::string_view model, bool yes, std::string_view reason = {});

// GET /v2. `extensions`: those that really work.
std::string server_metadata(std::string_view name, std::string_view version,
                            std::span<const std::string_view> extensions);

enum class Layout : unsigned char { none, nhwc, nchw };

struct ModelFacts {
  std::string name;
  std::vector<std::string> versions{};  // empty: the server has none
  std::string platform;                 // "openvino", "onnxruntime_onnx", "headrace_handler"
  std::string backend;                  // "openvino", "onnxruntime", ...
  Signature signature{};
  // 0: clients give whole shapes. Otherwise the first dimension of every tensor is the batch, of at
  // most so many, and the config leaves it out, as clients expect.
  std::uint32_t max_batch = 0;
  Layout layout = Layout::none;  // of the inputs
  // How long the server waits for a batch to fill, if it makes batches of several requests.
  std::optional<std::uint64_t> batching_delay_us{};
};
// GET /v2/models/NAME
std::string model_metadata(const ModelFacts& model);
// GET /v2/models/NAME/config
std::string model_config(const ModelFacts& model);

// So many times, and for so long in all.
struct Tally {
  std::uint64_t count = 0;
  std::uint64_t ns = 0;
};
struct BatchStatistics {
  std::uint64_t batch_size = 0;
  Tally compute_input{};
  Tally compute_infer{};
  Tally compute_output{};
};
struct ModelStatistics {
  std::string name;
  std::string version{};
  std::uint64_t last_inference_ms = 0;  // since 1970; 0: none yet
  std::uint64_t inferences = 0;         // a request with a batch of 64 is 64
  std::uint64_t executions = 0;         // a batch that several requests share is one
  Tally success{};
  Tally fail{};
  Tally queue{};
  Tally compute_input{};
  Tally compute_infer{};
  Tally compute_output{};
  std::vector<BatchStatistics> batches{};
  std::uint64_t memory_bytes = 0;  // of its workers; 0: not known
};
// GET /v2/models/stats, /v2/models/NAME/stats
std::string statistics(std::span<const ModelStatistics> models);

struct IndexEntry {
  std::string name;
  std::string version{};
  bool ready = false;
  std::string reason{};  // why it is not
};
// POST /v2/repository/index
std::string repository_index(std::span<const IndexEntry> models);

// GET /openapi.json: every endpoint of the HTTP door, in OpenAPI 3.0.
std::string openapi(std::string_view server_version);

}  // namespace headrace::oip
