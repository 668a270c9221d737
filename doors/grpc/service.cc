#include "service.h"

#include <google/protobuf/util/json_util.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "asking.h"
#include "infer_stream.h"
#include "oip/documents.h"
#include "server/described.h"

namespace headrace::grpc_door {
namespace {

using grpc::Status;
using grpc::StatusCode;
using server::Clock;
using server::Model;

constexpr const char* kNoSharedMemory = "client shared memory is not supported";
constexpr const char* kNoLoading = "models are not loaded and unloaded through this address";
constexpr const char* kNotTaken =
    "models are loaded only from the repository folder, as they lie there: files and a "
    "configuration in the request are not taken";

// A document of the HTTP door as a message, whose fields have the same names.
Status turn_into(const std::string& json, google::protobuf::Message& message) {
  const auto turned = google::protobuf::util::JsonStringToMessage(json, &message);
  return turned.ok() ? Status::OK : Status(StatusCode::INTERNAL, "cannot describe the model");
}

bool is_ready(const server::Server& server, const Model& model) {
  return !server.draining() && model.line->ready(Clock::now());
}

Status status_of(const server::Repository::Outcome& outcome) {
  if (outcome) return Status::OK;
  const auto code = [&] {
    switch (outcome.error().status) {
      case 400:
        return StatusCode::INVALID_ARGUMENT;
      case 404:
        return StatusCode::NOT_FOUND;
      case 409:
        return StatusCode::ABORTED;
      case 429:
        return StatusCode::RESOURCE_EXHAUSTED;
      case 503:
        return StatusCode::UNAVAILABLE;
      default:
        return StatusCode::INTERNAL;
    }
  };
  return {code(), outcome.error().message};
}

// Some clients have a message without the first field, so that the name comes in it.
template <class Request>
const std::string& model_name(const Request& request) {
  return request.model_name().empty() ? request.repository_name() : request.model_name();
}

std::string_view view(const grpc::string_ref& text) {
  return {text.data(), text.size()};
}

}  // namespace

Status Service::may_begin(const Context& context) const {
  if (calls_.open() > settings_.calls)
    return {StatusCode::RESOURCE_EXHAUSTED, "too many calls are open; try again later"};
  const std::shared_ptr<const http::Tokens> accepted = tokens();
  if (!accepted) return Status::OK;
  const auto given = context.client_metadata().find("authorization");
  if (given != context.client_metadata().end() && accepted->accept(view(given->second)))
    return Status::OK;
  return {StatusCode::UNAUTHENTICATED,
          given == context.client_metadata().end()
              ? "name a token: authorization: Bearer TOKEN"
              : "authorization names no token that is known here: it is Bearer TOKEN, with one of "
                "the server's tokens"};
}

grpc::ServerUnaryReactor* Service::with_call(Context* context, bool open_to_all,
                                             std::function<void(Unary&)> work) {
  const auto call = std::make_shared<Unary>(calls_);
  if (!calls_.enter(call)) {
    call->end(shutting_down());
  } else if (const Status may = may_begin(*context); !may.ok() && !open_to_all) {
    call->end(may);
  } else {
    calls_.post([call, context, work = std::move(work)] {
      if (call->ended()) return;
      if (context->IsCancelled()) return call->end(cancelled());
      work(*call);
    });
  }
  return call.get();
}

grpc::ServerUnaryReactor* Service::at_once(Context* context, std::function<Status()> work,
                                           bool open_to_all) {
  return with_call(context, open_to_all,
                   [work = std::move(work)](Unary& call) { call.end(work()); });
}

grpc::ServerUnaryReactor* Service::unsupported(Context* context, const char* sentence) {
  return at_once(context, [sentence] { return Status(StatusCode::UNIMPLEMENTED, sentence); });
}

grpc::ServerUnaryReactor* Service::ServerLive(Context* context,
                                              const inference::ServerLiveRequest* /*request*/,
                                              inference::ServerLiveResponse* response) {
  return at_once(
      context,
      [response] {
        response->set_live(true);
        return Status::OK;
      },
      /*open_to_all=*/true);
}

grpc::ServerUnaryReactor* Service::ServerReady(Context* context,
                                               const inference::ServerReadyRequest* /*request*/,
                                               inference::ServerReadyResponse* response) {
  return at_once(
      context,
      [this, response] {
        response->set_ready(server_.ready());
        return Status::OK;
      },
      /*open_to_all=*/true);
}

grpc::ServerUnaryReactor* Service::ModelReady(Context* context,
                                              const inference::ModelReadyRequest* request,
                                              inference::ModelReadyResponse* response) {
  return at_once(context, [this, request, response] {
    // Clients that have unloaded a model ask this, and take an error for one of the server.
    const auto model = server_.find(request->name(), request->version());
    response->set_ready(model && is_ready(server_, *model));
    return Status::OK;
  });
}

grpc::ServerUnaryReactor* Service::ServerMetadata(
    Context* context, const inference::ServerMetadataRequest* /*request*/,
    inference::ServerMetadataResponse* response) {
  return at_once(context, [this, response] {
    return turn_into(server::describe_server(settings_.server_version), *response);
  });
}

grpc::ServerUnaryReactor* Service::ModelMetadata(Context* context,
                                                 const inference::ModelMetadataRequest* request,
                                                 inference::ModelMetadataResponse* response) {
  return at_once(context, [this, request, response] {
    const auto model = find_model(server_, request->name(), request->version());
    if (!model) return model.error();
    const Status loaded = check_loaded(**model);
    return loaded.ok() ? turn_into(oip::model_metadata(server::describe(**model)), *response)
                       : loaded;
  });
}

grpc::ServerUnaryReactor* Service::ModelConfig(Context* context,
                                               const inference::ModelConfigRequest* request,
                                               inference::ModelConfigResponse* response) {
  return at_once(context, [this, request, response] {
    const auto model = find_model(server_, request->name(), request->version());
    if (!model) return model.error();
    const Status loaded = check_loaded(**model);
    return loaded.ok() ? turn_into(oip::model_config(server::describe(**model)),
                                   *response->mutable_config())
                       : loaded;
  });
}

grpc::ServerUnaryReactor* Service::ModelStatistics(Context* context,
                                                   const inference::ModelStatisticsRequest* request,
                                                   inference::ModelStatisticsResponse* response) {
  return at_once(context, [this, request, response] {
    if (request->name().empty())
      return turn_into(server::describe_statistics(server_.models()), *response);
    const auto model = find_model(server_, request->name(), request->version());
    if (!model) return model.error();
    return turn_into(server::describe_statistics({&*model, 1}), *response);
  });
}

grpc::ServerUnaryReactor* Service::RepositoryIndex(Context* context,
                                                   const inference::RepositoryIndexRequest* request,
                                                   inference::RepositoryIndexResponse* response) {
  const auto add = [response](const server::Repository::Entry& model) {
    inference::RepositoryIndexResponse::ModelIndex& entry = *response->add_models();
    entry.set_name(model.name);
    entry.set_version(model.version);
    entry.set_state(model.state);
    entry.set_reason(model.reason);
  };
  if (settings_.repository == nullptr) {
    return at_once(context, [this, request, add] {
      for (const auto& model : server_.models()) {
        const bool ready = is_ready(server_, *model);
        if (request->ready() && !ready) continue;
        add({model->line->name(), model->line->version(), ready ? "READY" : "UNAVAILABLE", ""});
      }
      return Status::OK;
    });
  }
  return with_call(context, /*open_to_all=*/false, [this, request, add](Unary& call) {
    settings_.repository->index(
        request->ready(), [me = call.shared_from_this(), add](const auto& found) {
          if (me->ended()) return;  // and with it the response
          if (!found) return me->end({StatusCode::UNAVAILABLE, found.error().message});
          for (const server::Repository::Entry& entry : *found) add(entry);
          me->end(Status::OK);
        });
  });
}

grpc::ServerUnaryReactor* Service::ModelInfer(Context* context,
                                              const inference::ModelInferRequest* request,
                                              inference::ModelInferResponse* response) {
  return with_call(context, /*open_to_all=*/false, [this, context, request, response](Unary& call) {
    const auto asked =
        ask(server_, *request, context->deadline(), *response,
            [me = call.shared_from_this()](const Status& status) { me->end(status); });
    if (!asked) return call.end(asked.error());
    call.taken_back_by([asked = *asked] { asked.take_back(); });
    // Its tensors lie in shared memory by now.
    context->GetRpcAllocatorState()->FreeRequest();
  });
}

grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
Service::ModelStreamInfer(Context* context) {
  const auto stream = std::make_shared<InferStream>(calls_, server_, *context);
  if (!calls_.enter(stream)) {
    stream->refuse(shutting_down());
  } else if (const Status may = may_begin(*context); !may.ok()) {
    stream->refuse(may);
  } else {
    stream->begin();
  }
  return stream.get();
}

// A load whose client has gone goes on.
grpc::ServerUnaryReactor* Service::RepositoryModelLoad(
    Context* context, const inference::RepositoryModelLoadRequest* request,
    inference::RepositoryModelLoadResponse* /*response*/) {
  if (settings_.repository == nullptr) return unsupported(context, kNoLoading);
  return with_call(context, /*open_to_all=*/false, [this, request](Unary& call) {
    if (request->parameters_size() > 0) return call.end({StatusCode::INVALID_ARGUMENT, kNotTaken});
    settings_.repository->load(
        model_name(*request),
        [me = call.shared_from_this()](const server::Repository::Outcome& outcome) {
          me->end(status_of(outcome));
        });
  });
}

grpc::ServerUnaryReactor* Service::RepositoryModelUnload(
    Context* context, const inference::RepositoryModelUnloadRequest* request,
    inference::RepositoryModelUnloadResponse* /*response*/) {
  if (settings_.repository == nullptr) return unsupported(context, kNoLoading);
  return at_once(context, [this, request] {
    return status_of(settings_.repository->unload(model_name(*request)));
  });
}

grpc::ServerUnaryReactor* Service::SystemSharedMemoryStatus(
    Context* context, const inference::SystemSharedMemoryStatusRequest* /*request*/,
    inference::SystemSharedMemoryStatusResponse* /*response*/) {
  return unsupported(context, kNoSharedMemory);
}

grpc::ServerUnaryReactor* Service::SystemSharedMemoryRegister(
    Context* context, const inference::SystemSharedMemoryRegisterRequest* /*request*/,
    inference::SystemSharedMemoryRegisterResponse* /*response*/) {
  return unsupported(context, kNoSharedMemory);
}

grpc::ServerUnaryReactor* Service::SystemSharedMemoryUnregister(
    Context* context, const inference::SystemSharedMemoryUnregisterRequest* /*request*/,
    inference::SystemSharedMemoryUnregisterResponse* /*response*/) {
  return unsupported(context, kNoSharedMemory);
}

grpc::ServerUnaryReactor* Service::CudaSharedMemoryStatus(
    Context* context, const inference::CudaSharedMemoryStatusRequest* /*request*/,
    inference::CudaSharedMemoryStatusResponse* /*response*/) {
  return unsupported(context, kNoSharedMemory);
}

grpc::ServerUnaryReactor* Service::CudaSharedMemoryRegister(
    Context* context, const inference::CudaSharedMemoryRegisterRequest* /*request*/,
    inference::CudaSharedMemoryRegisterResponse* /*response*/) {
  return unsupported(context, kNoSharedMemory);
}

grpc::ServerUnaryReactor* Service::CudaSharedMemoryUnregister(
    Context* context, const inference::CudaSharedMemoryUnregisterRequest* /*request*/,
    inference::CudaSharedMemoryUnregisterResponse* /*response*/) {
  return unsupported(context, kNoSharedMemory);
}

grpc::ServerUnaryReactor* Service::TraceSetting(Context* context,
                                                const inference::TraceSettingRequest* /*request*/,
                                                inference::TraceSettingResponse* /*response*/) {
  return unsupported(context, "requests are not traced, so there is nothing to set");
}

grpc::ServerUnaryReactor* Service::LogSettings(Context* context,
                                               const inference::LogSettingsRequest* /*request*/,
                                               inference::LogSettingsResponse* /*response*/) {
  return unsupported(context, "the log is set on the server's command line, and not by clients");
}

}  // namespace headrace::grpc_door
