// The Open Inference Protocol's gRPC service: who may call what, and what is answered.
//
// Documents (metadata, configuration, statistics) are those of the HTTP door, turned into messages, so
// that both say the same.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "calls.h"
#include "http/tokens.h"
#include "open_inference.grpc.pb.h"
#include "server/repository.h"
#include "server/server.h"

namespace headrace::grpc_door {

class Service final : public inference::GRPCInferenceService::CallbackService {
 public:
  struct Settings {
    std::string server_version;
    unsigned calls = 0;                            // open at once, at most
    std::shared_ptr<const http::Tokens> tokens{};  // nothing: everybody may come in
    server::Repository* repository = nullptr;      // null: clients load and unload nothing
  };
  // Everything else is called by gRPC, on its threads.
  Service(Settings settings, server::Server& server, Calls& calls)
      : settings_(std::move(settings)), server_(server), calls_(calls) {}

  // For calls that begin from now on. Any thread.
  void set_tokens(std::shared_ptr<const http::Tokens> tokens) {
    const std::lock_guard lock(mutex_);
    settings_.tokens = std::move(tokens);
  }

 private:
  std::shared_ptr<const http::Tokens> tokens() const {
    const std::lock_guard lock(mutex_);
    return settings_.tokens;
  }
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  template <class Request, class Response>
  using Stream = grpc::ServerBidiReactor<Request, Response>;

  Reactor* ServerLive(Context*, const inference::ServerLiveRequest*,
                      inference::ServerLiveResponse*) override;
  Reactor* ServerReady(Context*, const inference::ServerReadyRequest*,
                       inference::ServerReadyResponse*) override;
  Reactor* ModelReady(Context*, const inference::ModelReadyRequest*,
                      inference::ModelReadyResponse*) override;
  Reactor* ServerMetadata(Context*, const inference::ServerMetadataRequest*,
                          inference::ServerMetadataResponse*) override;
  Reactor* ModelMetadata(Context*, const inference::ModelMetadataRequest*,
                         inference::ModelMetadataResponse*) override;
  Reactor* ModelInfer(Context*, const inference::ModelInferRequest*,
                      inference::ModelInferResponse*) override;
  Stream<inference::ModelInferRequest, inference::ModelStreamInferResponse>* ModelStreamInfer(
      Context*) override;
  Reactor* ModelConfig(Context*, const inference::ModelConfigRequest*,
                       inference::ModelConfigResponse*) override;
  Reactor* ModelStatistics(Context*, const inference::ModelStatisticsRequest*,
                           inference::ModelStatisticsResponse*) override;
  Reactor* RepositoryIndex(Context*, const inference::RepositoryIndexRequest*,
                           inference::RepositoryIndexResponse*) override;
  Reactor* RepositoryModelLoad(Context*, const inference::RepositoryModelLoadRequest*,
                               inference::RepositoryModelLoadResponse*) override;
  Reactor* RepositoryModelUnload(Context*, const inference::RepositoryModelUnloadRequest*,
                                 inference::RepositoryModelUnloadResponse*) override;
  Reactor* SystemSharedMemoryStatus(Context*, const inference::SystemSharedMemoryStatusRequest*,
                                    inference::SystemSharedMemoryStatusResponse*) override;
  Reactor* SystemSharedMemoryRegister(Context*, const inference::SystemSharedMemoryRegisterRequest*,
                                      inference::SystemSharedMemoryRegisterResponse*) override;
  Reactor* SystemSharedMemoryUnregister(Context*,
                                        const inference::SystemSharedMemoryUnregisterRequest*,
                                        inference::SystemSharedMemoryUnregisterResponse*) override;
  Reactor* CudaSharedMemoryStatus(Context*, const inference::CudaSharedMemoryStatusRequest*,
                                  inference::CudaSharedMemoryStatusResponse*) override;
  Reactor* CudaSharedMemoryRegister(Context*, const inference::CudaSharedMemoryRegisterRequest*,
                                    inference::CudaSharedMemoryRegisterResponse*) override;
  Reactor* CudaSharedMemoryUnregister(Context*, const inference::CudaSharedMemoryUnregisterRequest*,
                                      inference::CudaSharedMemoryUnregisterResponse*) override;
  Reactor* TraceSetting(Context*, const inference::TraceSettingRequest*,
                        inference::TraceSettingResponse*) override;
  Reactor* LogSettings(Context*, const inference::LogSettingsRequest*,
                       inference::LogSettingsResponse*) override;

  // Why the call cannot even begin; OK if it can.
  grpc::Status may_begin(const Context& context) const;
  // Runs `work` on the server's thread; it must end the call, then or later.
  Reactor* with_call(Context* context, bool open_to_all, std::function<void(Unary&)> work);
  // The same for what is answered at once.
  Reactor* at_once(Context* context, std::function<grpc::Status()> work, bool open_to_all = false);
  Reactor* unsupported(Context* context, const char* sentence);

  mutable std::mutex mutex_;  // of the tokens
  Settings settings_;
  server::Server& server_;
  Calls& calls_;
};

}  // namespace headrace::grpc_door
