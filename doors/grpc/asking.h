// From an infer request to a line's answer: checked, admitted, copied, submitted.
//
// One thread: the server's. Nothing here waits.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "oip/refusal.h"
#include "open_inference.pb.h"
#include "server/server.h"

namespace headrace::grpc_door {

// A request that is under way.
struct Asked {
  std::weak_ptr<server::Model> model{};  // it may be changed, and gone, before the call is over
  std::uint64_t number = 0;
  // On the server's thread.
  void take_back() const {
    if (const auto still = model.lock()) still->line->cancel(number);
  }
};

// Calls back once, never from within, unless it is taken back; `response` is complete then if the
// status is OK, and must live until then. `request` may go as soon as this returns. The status is why
// the request is not even admitted.
using Answered = std::function<void(const grpc::Status&)>;
Result<Asked, grpc::Status> ask(server::Server& server, const inference::ModelInferRequest& request,
                                std::chrono::system_clock::time_point deadline,
                                inference::ModelInferResponse& response, Answered answered);

// The model of that name and version, or NOT_FOUND.
Result<std::shared_ptr<server::Model>, grpc::Status> find_model(server::Server& server,
                                                                const std::string& name,
                                                                const std::string& version);
// Whether its signature is known; otherwise UNAVAILABLE.
grpc::Status check_loaded(const server::Model& model);

}  // namespace headrace::grpc_door
