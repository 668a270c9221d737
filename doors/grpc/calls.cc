#include "calls.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace headrace::grpc_door {

bool Calls::enter(std::shared_ptr<Call> call) {
  const std::lock_guard lock(mutex_);
  Call* const key = call.get();
  calls_.emplace(key, std::move(call));
  ++open_;
  return !closed_;
}

void Calls::leave(Call& call) {
  std::shared_ptr<Call> last;  // let go without the lock
  {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(&call);
    last = std::move(found->second);
    calls_.erase(found);
  }
  if (--open_ == 0 && draining_) post([] {});
}

void Calls::post(std::function<void()> work) {
  boost::asio::post(io_, [alive = alive(), work = std::move(work)] {
    if (*alive) work();
  });
}

std::unordered_map<Call*, std::shared_ptr<Call>> Calls::copy() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void Calls::drain() {
  draining_ = true;
  for (const auto& [key, call] : copy()) call->drain();
}

void Calls::close() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  for (const auto& [key, call] : copy()) call->give_up(shutting_down());
}

void Unary::end(const grpc::Status& status) {
  if (!ended_.exchange(true)) Finish(status);
}

void Unary::give_up(const grpc::Status& status) {
  if (ended_) return;
  if (const auto take_back = std::exchange(take_back_, {})) take_back();
  end(status);
}

void Unary::OnCancel() {
  calls_.post([me = shared_from_this()] { me->give_up(cancelled()); });
}

grpc::Status shutting_down() {
  return {grpc::StatusCode::UNAVAILABLE, "the server is shutting down"};
}

grpc::Status cancelled() {
  return {grpc::StatusCode::CANCELLED, "the client has gone"};
}

}  // namespace headrace::grpc_door
