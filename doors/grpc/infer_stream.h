// A call of many infer requests, each answered in its turn.
//
// Several are worked on at once, so that a client with one stream keeps all workers busy; the answers
// go out in the order of the requests. One that fails is answered with `error_message`, and the stream
// goes on. A client that does not read is not read from: no more than kMostAhead wait for it.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>

#include "asking.h"
#include "calls.h"

namespace headrace::grpc_door {

class InferStream final : public grpc::ServerBidiReactor<inference::ModelInferRequest,
                                                         inference::ModelStreamInferResponse>,
                          public Call,
                          public std::enable_shared_from_this<InferStream> {
 public:
  static constexpr std::size_t kMostAhead = 32;

  // On gRPC's threads.
  InferStream(Calls& calls, server::Server& server, grpc::CallbackServerContext& call)
      : calls_(calls), server_(server), deadline_(call.deadline()) {}
  void begin();
  void refuse(const grpc::Status& status) { end(status); }

  void give_up(const grpc::Status& status) override;
  void drain() override;

 private:
  struct Turn {
    inference::ModelInferRequest request{};
    inference::ModelStreamInferResponse response{};
    std::optional<Asked> asked{};
    bool answered = false;
  };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { calls_.leave(*this); }

  // On the server's thread.
  void read();
  void take(bool ok);
  void answer(Turn& turn, const grpc::Status& status);
  void write();
  void written(bool ok);
  void end(const grpc::Status& status);

  Calls& calls_;
  server::Server& server_;
  std::chrono::system_clock::time_point deadline_;
  std::unique_ptr<Turn> incoming_{};           // while reading
  std::deque<std::unique_ptr<Turn>> turns_{};  // in the order in which they came
  bool writing_ = false;
  std::optional<grpc::Status>
      last_{};  // how it ends when all is answered; nothing more is read then
  std::atomic<bool> ended_ = false;
};

}  // namespace headrace::grpc_door
