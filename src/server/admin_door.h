// A listener for whoever looks after the server: a page for people, and what it shows as JSON.
//
// It knows more than the public one should say (processes, reasons), so it listens only where it is told to.
// What goes wrong without care: a browser that may reach this address opens any web site, and that site's
// scripts could reach it too. So requests that another site had a hand in are refused: by the name they call
// us (a site may let its own name point here), by Origin and by Sec-Fetch-Site; no answer may be framed or read
// from elsewhere, and the page fetches nothing but its own. What changes anything is asked for under /v2/repository/
// alone (repository_requests.h).
//
// Everything else is answered as on the public listener. One thread: the server's.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/listener.h"
#include "server/history.h"
#include "server/http_door.h"
#include "server/repository.h"
#include "server/server.h"

namespace headrace::server {

// Of "127.0.0.1:8081", "[::1]:8081", "localhost:0" or "unix:PATH": whether only this machine gets there.
bool is_loopback(std::string_view address);

// Said when it is not, and there are no tokens but those of clients, who may infer and no more; `option` asked for it.
Error only_with_tokens(std::string_view option, std::string_view address);

// What a request says of where it comes from.
struct Provenance {
  std::string_view method{};
  std::string_view path{};
  std::string_view host{};
  std::string_view origin{};
  std::string_view fetch_site{};  // Sec-Fetch-Site
  std::string_view fetch_mode{};
};
// Why it is refused; nothing when it may come in. `own_name` is the host of the listener's address, as the user
// wrote it.
std::optional<std::string> why_foreign(const Provenance& request, std::string_view own_name);

class AdminDoor : public Door {
 public:
  struct Settings {
    http::Settings listener;
    std::string server_version;
    bool own_tokens = false;  // the listener's are no client's; others reach it only with such
  };
  // All of these outlive it.
  static Result<std::unique_ptr<AdminDoor>> open(Settings settings, Server& server, HttpDoor& http,
                                                 Repository& repository);

  const std::string& address() const { return listener_->address(); }
  // Whoever looks may see how the server ends, and holds up nothing: an open page is nobody to wait for. What was
  // admitted from here the server waits for as for every request.
  void drain() override {}
  bool quiet() const override { return true; }
  void shut() override;
  Result<std::function<void()>> read_again() override { return listener_->read_again(); }

 private:
  using Exchange = http::Exchange;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  AdminDoor(Settings settings, Server& server, HttpDoor& http, Repository& repository);
  Awaitable<void> serve(Exchange& exchange);
  Awaitable<void> answer(Exchange& exchange, std::string_view type, std::string text);
  std::string status(std::string_view query) const;
  void look();

  Settings settings_;
  std::string own_name_;
  Server& server_;
  HttpDoor& http_;
  Repository& repository_;
  std::optional<http::Listener> listener_;
  Clock::time_point begin_ = Clock::now();
  std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  // Once a second, whether somebody looks or not.
  boost::asio::steady_timer next_look_;
  std::optional<Clock::time_point> last_look_;
  double own_seconds_;  // CPU time of this process, then
  double own_cpus_ = 0;
  History history_;
};

}  // namespace headrace::server
