// From an infer request to a line's answer: checked, admitted, copied, submitted.
//
// One thread: the server's. Nothing here waits.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "oip/refusal.h"
#include "open_inference.pb.h"
#include "server/server.h"

namespace headrace::grpc_door {

// A request that is under way.
struct Asked {
  server::Line* line = nullptr;
  std::uint64_t number = 0;
  void take_back() const { line->cancel(number); }
};

// Calls back once, never from within, unless it is taken back; `response` is complete then if the
// status is OK, and must live until then. `request` may go as soon as this returns. The status is why
// the request is not even admitted.
using Answered = std::function<void(const grpc::Status&)>;
Result<Asked, grpc::Status> ask(server::Server& server, const inference::ModelInferRequest& request,
                                std::chrono::system_clock::time_point deadline,
                                inference::ModelInferResponse& response, Answered answered);

// The model of that name and version, or NOT_FOUND.
Result<server::Model*, grpc::Status> find_model(server::Server& server, const std::string& name,
                                                const std::string& version);
// Whether its signature is known; otherwise UNAVAILABLE.
grpc::Status check_loaded(const server::Model& model);

}  // namespace headrace::grpc_door
