#include "asking.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "infer_message.h"
#include "server/described.h"
#include "shm/served.h"

namespace headrace::grpc_door {
namespace {

using namespace std::chrono_literals;
using grpc::Status;
using grpc::StatusCode;
using server::Answer;
using server::Clock;
using server::Line;
using server::Model;
using server::Room;

// Past this a deadline is none.
constexpr auto kLongest = 24h;

Status from(const oip::Refusal& refusal) {
  using Kind = oip::Refusal::Kind;
  switch (refusal.kind) {
    case Kind::not_found:
      return {StatusCode::NOT_FOUND, refusal.message};
    case Kind::unsupported:
      return {StatusCode::UNIMPLEMENTED, refusal.message};
    case Kind::invalid:
    case Kind::too_large:
      break;
  }
  return {StatusCode::INVALID_ARGUMENT, refusal.message};
}

StatusCode code_of(ItemError error) {
  switch (error) {
    case ItemError::unsupported:
    case ItemError::corrupt:
    case ItemError::too_large:
      return StatusCode::INVALID_ARGUMENT;
    case ItemError::timeout:
      return StatusCode::DEADLINE_EXCEEDED;
    case ItemError::cancelled:
      return StatusCode::UNAVAILABLE;
    case ItemError::not_found:
    case ItemError::unreadable:
    case ItemError::infer_failed:
    case ItemError::result_too_large:
    case ItemError::worker_crashed:
      break;
  }
  return StatusCode::INTERNAL;
}

Status from(const Answer& answer) {
  if (answer.kind == Answer::Kind::late) return {StatusCode::DEADLINE_EXCEEDED, answer.message};
  return {code_of(answer.error), std::string(name(answer.error)) + ": " + answer.message};
}

Status full(Line::Full why) {
  if (why == Line::Full::ever)
    return {StatusCode::INVALID_ARGUMENT,
            "the request is larger than all the memory that the server keeps for requests"};
  return {StatusCode::RESOURCE_EXHAUSTED, "too many requests wait for this model; try again later"};
}

// On our clock.
Clock::time_point from(std::chrono::system_clock::time_point deadline) {
  const auto now = std::chrono::system_clock::now();
  if (deadline > now + kLongest) return Clock::time_point::max();
  return Clock::now() + (deadline - now);
}

void write_head(const Model& model, const std::string& id,
                inference::ModelInferResponse& response) {
  response.set_model_name(model.line->name());
  response.set_model_version(model.line->version());
  response.set_id(id);
}

bool takes_files(const Model& model) {
  return model.about.input.kind != model::InputKind::tensors;
}

Result<Asked, Status> ask_picture(const std::shared_ptr<Model>& held, std::string_view picture,
                                  const std::string& id, Clock::time_point deadline,
                                  inference::ModelInferResponse& response, Answered answered) {
  constexpr std::size_t kHeader = shm::served_input_header(1);
  const Model& model = *held;  // which owns the line, and that the callback
  Line& line = *model.line;
  Result<Room, Line::Full> room = line.admit(kHeader + picture.size());
  if (!room) return full(room.error());
  std::memcpy(room->bytes().data() + kHeader, picture.data(), picture.size());
  shm::write_picture(room->bytes(), picture.size());
  const std::uint64_t number =
      line.submit(std::move(*room), {.deadline = deadline},
                  [&model, &response, id, answered = std::move(answered)](const Answer& answer) {
                    if (answer.kind != Answer::Kind::result) return answered(from(answer));
                    write_head(model, id, response);
                    write_json(server::json_of(answer), response);
                    answered(Status::OK);
                  });
  return Asked{held, number};
}

// The tensors, from the message straight to where a worker reads them.
Result<Room, Status> bring_in(Line& line, const inference::ModelInferRequest& message,
                              const oip::InferRequest& request) {
  const oip::Signature& signature = *line.signature();
  const oip::Answer<Laid> laid = lay_out(request);
  if (!laid) return from(laid.error());
  Result<Room, Line::Full> room = line.admit(laid->bytes);
  if (!room) return full(room.error());
  shm::write_tensors(room->bytes(), laid->parts);
  for (std::size_t i = 0; i < laid->parts.size(); ++i) {
    const auto filled =
        fill(message, request, i, signature, shm::payload(room->bytes(), laid->parts[i].tensor));
    if (!filled) return from(filled.error());
  }
  return std::move(*room);
}

Status write_answer(const Model& model, const oip::InferRequest& request, const Answer& answer,
                    inference::ModelInferResponse& response) {
  if (answer.kind != Answer::Kind::result) return from(answer);
  write_head(model, request.id, response);
  const auto outputs =
      server::wanted_outputs(model, request, std::as_bytes(std::span(answer.result)));
  if (!outputs) return {StatusCode::INTERNAL, outputs.error().message};
  const headrace::Status written = write_outputs(*outputs, response);
  return written ? Status::OK : Status(StatusCode::INTERNAL, written.error().message);
}

Result<Asked, Status> ask_tensors(const std::shared_ptr<Model>& held,
                                  const inference::ModelInferRequest& message,
                                  Clock::time_point deadline,
                                  inference::ModelInferResponse& response, Answered answered) {
  const Model& model = *held;  // which owns the line, and that the callback
  Line& line = *model.line;
  oip::Answer<oip::InferRequest> request = read_request(message, *line.signature());
  if (!request) return from(request.error());
  if (const auto fits = server::check_rows(model, *request); !fits) return from(fits.error());
  Result<Room, Status> room = bring_in(line, message, *request);
  if (!room) return room.error();
  server::Terms terms{
      .deadline = deadline,
      .priority = static_cast<unsigned>(std::min<std::uint64_t>(request->priority, 1U << 20)),
      .rows = server::rows_of(model, *request)};
  if (request->timeout > 0us)
    terms.deadline = std::min(
        deadline, Clock::now() + std::min<std::chrono::microseconds>(request->timeout, kLongest));
  const std::uint64_t number = line.submit(
      std::move(*room), terms,
      [&model, &response, request = std::move(*request), answered = std::move(answered)](
          const Answer& answer) { answered(write_answer(model, request, answer, response)); });
  return Asked{held, number};
}

}  // namespace

Result<std::shared_ptr<Model>, Status> find_model(server::Server& server, const std::string& name,
                                                  const std::string& version) {
  if (auto model = server.find(name, version)) return model;
  return Status(StatusCode::NOT_FOUND, server::unknown_model(name, version));
}

Status check_loaded(const Model& model) {
  return model.line->signature() ? Status::OK
                                 : Status(StatusCode::UNAVAILABLE, "the model is still loading");
}

Result<Asked, Status> ask(server::Server& server, const inference::ModelInferRequest& request,
                          std::chrono::system_clock::time_point deadline,
                          inference::ModelInferResponse& response, Answered answered) {
  const auto model = find_model(server, request.model_name(), request.model_version());
  if (!model) return model.error();
  if (server.draining()) return Status(StatusCode::UNAVAILABLE, "the server is shutting down");
  if (!(*model)->line->ready(Clock::now()) || !(*model)->line->signature())
    return Status(StatusCode::UNAVAILABLE, "the model is not ready");
  if (takes_files(**model)) {
    if (const auto picture = read_picture(request)) {
      if (!*picture) return from(picture->error());
      return ask_picture(*model, **picture, request.id(), from(deadline), response,
                         std::move(answered));
    }
  }
  return ask_tensors(*model, request, from(deadline), response, std::move(answered));
}

}  // namespace headrace::grpc_door
