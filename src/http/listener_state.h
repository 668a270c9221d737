// What a listener and its connections share. Lives as long as the last of them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "http/exchange.h"
#include "http/limits.h"
#include "http/settings.h"
#include "http/tokens.h"

namespace headrace::http {

class Connection;

struct ListenerState {
  ListenerState(asio::io_context& the_io, Settings the_settings, Application the_application)
      : io(the_io),
        settings(std::move(the_settings)),
        application(std::move(the_application)),
        emptied(the_io),
        looking(the_io) {}

  asio::io_context& io;
  const Settings settings;
  const Application application;
  std::optional<Tokens> tokens{};
  std::shared_ptr<asio::ssl::context> tls{};
  std::unordered_set<Connection*> connections{};
  std::size_t unwelcome = 0;  // of them, those over the limit, on their way out
  std::uint64_t turned_away = 0;
  asio::steady_timer emptied;  // cancelled when the last connection ends
  asio::steady_timer looking;  // the next look at who is late
  bool looks = false;

  // "Sun, 22 Nov 2026 20:52:00 GMT", for the Date of answers; made once a second.
  std::string_view date();

 private:
  std::time_t date_of_ = 0;
  std::string date_;
};

}  // namespace headrace::http
