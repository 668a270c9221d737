// Calls that are open, between gRPC's threads and the server's.
//
// gRPC tells of a call, of its messages and of its end on threads of its own, whenever it likes; models
// and their lines know one thread, the server's. So whatever a call wants is posted there, and gRPC
// only learns the answer. And whoever takes the door away must end every call first: gRPC waits for
// each of them for ever.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace headrace::grpc_door {

// What anybody who ends calls can do with one. On the server's thread.
class Call {
 public:
  virtual ~Call() = default;
  // Ends it with this status now, and takes back what it asked for. Nothing when it has ended.
  virtual void give_up(const grpc::Status& status) = 0;
  // Lets it end when what was asked so far is answered.
  virtual void drain() = 0;
};

class Calls {
 public:
  explicit Calls(boost::asio::io_context& io) : io_(io) {}
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls() { close(); }

  // Any thread.

  // Keeps the call until leave(). False when the door is closed already: its caller must end it.
  bool enter(std::shared_ptr<Call> call);
  // The last that is heard of a call; it may be gone afterwards.
  void leave(Call& call);
  // Runs `work` on the server's thread, after what was posted before; never once the door is closed.
  void post(std::function<void()> work);
  std::size_t open() const { return open_; }

  // The server's thread.

  // Every call that is open may end; the server is woken when none is left.
  void drain();
  // Gives up every call, and forgets what was posted.
  void close();
  // False from close() on; for work that others than post() bring to the server's thread.
  std::shared_ptr<const bool> alive() const { return alive_; }

 private:
  std::unordered_map<Call*, std::shared_ptr<Call>> copy() const;

  boost::asio::io_context& io_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::atomic<std::size_t> open_ = 0;
  std::atomic<bool> draining_ = false;
  mutable std::mutex mutex_;  // of what follows
  std::unordered_map<Call*, std::shared_ptr<Call>> calls_;
  bool closed_ = false;
};

// A call of one request and one answer. Made and begun on gRPC's threads, the rest on the server's.
class Unary final : public grpc::ServerUnaryReactor,
                    public Call,
                    public std::enable_shared_from_this<Unary> {
 public:
  explicit Unary(Calls& calls) : calls_(calls) {}

  // Any thread; once. The response must be complete if the status is OK.
  void end(const grpc::Status& status);
  bool ended() const { return ended_; }
  // From now on this takes back what was asked for.
  void taken_back_by(std::function<void()> take_back) { take_back_ = std::move(take_back); }

  void give_up(const grpc::Status& status) override;
  void drain() override {}

 private:
  void OnCancel() override;
  void OnDone() override { calls_.leave(*this); }

  Calls& calls_;
  std::atomic<bool> ended_ = false;
  std::function<void()> take_back_{};
};

grpc::Status shutting_down();
grpc::Status cancelled();

}  // namespace headrace::grpc_door
