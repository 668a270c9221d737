#include "infer_stream.h"

#include <utility>

namespace headrace::grpc_door {

void InferStream::begin() {
  calls_.post([me = shared_from_this()] { me->read(); });
}

void InferStream::OnReadDone(bool ok) {
  calls_.post([me = shared_from_this(), ok] { me->take(ok); });
}

void InferStream::OnWriteDone(bool ok) {
  calls_.post([me = shared_from_this(), ok] { me->written(ok); });
}

void InferStream::OnCancel() {
  calls_.post([me = shared_from_this()] { me->give_up(cancelled()); });
}

void InferStream::read() {
  if (ended_ || last_ || incoming_ || turns_.size() >= kMostAhead) return;
  incoming_ = std::make_unique<Turn>();
  StartRead(&incoming_->request);
}

void InferStream::take(bool ok) {
  const std::unique_ptr<Turn> came = std::exchange(incoming_, nullptr);
  if (ended_) return;
  if (!ok) {
    if (!last_) last_ = grpc::Status::OK;
    return write();
  }
  Turn& turn = *turns_.emplace_back(std::make_unique<Turn>());
  // Whoever asks without waiting knows the answer by its name, be it an error.
  turn.response.mutable_infer_response()->set_id(came->request.id());
  auto asked = ask(server_, came->request, deadline_, *turn.response.mutable_infer_response(),
                   [this, &turn](const grpc::Status& status) { answer(turn, status); });
  if (asked) {
    turn.asked = *asked;
  } else {
    answer(turn, asked.error());
  }
  read();
}

void InferStream::answer(Turn& turn, const grpc::Status& status) {
  turn.asked.reset();
  turn.answered = true;
  if (!status.ok()) {
    const std::string id = turn.response.infer_response().id();
    turn.response.mutable_infer_response()->Clear();
    turn.response.mutable_infer_response()->set_id(id);
    turn.response.set_error_message(status.error_message());
  }
  write();
}

void InferStream::write() {
  if (ended_ || writing_) return;
  if (turns_.empty()) {
    if (last_) end(*last_);
    return;
  }
  if (!turns_.front()->answered) return;
  writing_ = true;
  StartWrite(&turns_.front()->response);
}

void InferStream::written(bool ok) {
  writing_ = false;
  if (ended_) return;
  if (!ok) return give_up(cancelled());
  turns_.pop_front();
  read();
  write();
}

void InferStream::drain() {
  if (ended_ || last_) return;
  last_ = shutting_down();
  write();
}

// What gRPC may still read into or write from stays until OnDone.
void InferStream::give_up(const grpc::Status& status) {
  if (ended_) return;
  for (const std::unique_ptr<Turn>& turn : turns_) {
    if (turn->asked) turn->asked->take_back();
    turn->asked.reset();
  }
  end(status);
}

void InferStream::end(const grpc::Status& status) {
  if (!ended_.exchange(true)) Finish(status);
}

}  // namespace headrace::grpc_door
