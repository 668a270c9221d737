// The Open Inference Protocol over HTTP, and pictures as they are.
//
// From a request to bytes in shared memory and back. A body is read from the socket straight to where
// the worker will read it; what has to be looked at on the way (JSON) is looked at before anything is
// claimed for the rest. Every answer that is not 200 is {"error": ...}, and says nothing of the inside:
// no path, no process.
//
// One thread: the server's.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/listener.h"
#include "oip/infer_request.h"
#include "oip/infer_response.h"
#include "server/server.h"

namespace headrace::server {

class HttpDoor : public Door {
 public:
  struct Settings {
    http::Settings listener;
    std::string server_version;
  };
  static Result<std::unique_ptr<HttpDoor>> open(Settings settings, Server& server);

  const std::string& address() const { return listener_->address(); }
  void drain() override;
  bool quiet() const override { return connections() == 0; }
  void shut() override { listener_.reset(); }
  Result<std::function<void()>> read_again() override { return listener_->read_again(); }
  std::size_t connections() const { return listener_ ? listener_->connections() : 0; }

  // One request, whichever listener it came by.
  boost::asio::awaitable<void> serve(http::Exchange& exchange);

 private:
  using Exchange = http::Exchange;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  HttpDoor(Settings settings, Server& server) : settings_(std::move(settings)), server_(server) {}

  // An answer that needs no waiting. An error is a sentence, unless it is JSON already.
  struct Said {
    unsigned status;
    std::string text;
    std::string_view content_type = "application/json";
    std::string_view allow{};  // with 405
  };

  Said about_server(std::string_view method, std::string_view path) const;
  Said about_model(std::string_view method, std::string_view rest) const;
  // What is left to send when the model is let go: a client that takes it slowly must not keep the
  // model, nor a place in its queue.
  struct Reply {
    Reply() = default;
    Reply(http::Refusal why) : refusal(std::move(why)) {}
    std::optional<http::Refusal> refusal{};
    std::string json{};
    std::unique_ptr<const Answer> answer{};       // what `tensors` points into
    std::optional<oip::InferResponse> tensors{};  // in place of `json`
  };
  // Nothing in it when the client has gone.
  Awaitable<Reply> infer(Exchange& exchange, Model& model);
  Awaitable<Reply> infer_file(Exchange& exchange, Model& model);
  Awaitable<Reply> answer_file(Exchange& exchange, Model& model, Room room, std::size_t size);
  Awaitable<Reply> infer_form(Exchange& exchange, Model& model);
  Awaitable<Reply> infer_untold(Exchange& exchange, Model& model);
  Awaitable<Reply> infer_gathered(Exchange& exchange, Model& model, std::string_view header);
  Awaitable<Reply> infer_tensors(Exchange& exchange, Model& model, oip::InferRequest request,
                                 std::optional<std::span<const std::byte>> tail,
                                 std::optional<Room> kept);
  Awaitable<Reply> infer_file_tensor(Exchange& exchange, Model& model, oip::InferRequest request,
                                     std::optional<std::span<const std::byte>> tail,
                                     std::optional<Room> kept);
  static Reply reply_with(const Model& model, const oip::InferRequest& request, Answer answer);
  static Reply reply_with_file(const Model& model, const oip::InferRequest& request,
                               const Answer& answer);
  static Awaitable<void> send(Exchange& exchange, Reply& reply);
  std::string metrics() const;

  Settings settings_;
  Server& server_;
  std::optional<http::Listener> listener_;
  oip::InferReader reader_;
};

}  // namespace headrace::server
