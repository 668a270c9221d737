// Waiting for a line's answer in a coroutine.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <utility>

#include "server/line.h"

namespace headrace::server {

// Submits the request and completes with its answer. When the wait is cancelled, so is the request. On
// the line's thread.
inline boost::asio::awaitable<Answer> ask(Line& line, Room room, Terms terms) {
  namespace asio = boost::asio;
  const auto executor = co_await asio::this_coro::executor;
  const auto start = [&line, executor](auto handler, Room taken, Terms wanted) {
    using Handler = decltype(handler);
    const auto waiter = std::make_shared<std::optional<Handler>>(std::move(handler));
    // Posted: the waiter goes on when the line is done with its own business.
    const auto complete = [waiter, executor](boost::system::error_code error, Answer answer) {
      if (!*waiter) return;
      asio::post(executor,
                 [handler = std::move(**waiter), error, answer = std::move(answer)]() mutable {
                   std::move(handler)(error, std::move(answer));
                 });
      waiter->reset();
    };
    auto slot = asio::get_associated_cancellation_slot(**waiter);
    const std::uint64_t number =
        line.submit(std::move(taken), wanted, [complete, slot](Answer answer) mutable {
          if (slot.is_connected()) slot.clear();
          complete({}, std::move(answer));
        });
    if (!slot.is_connected()) return;
    slot.assign([complete, &line, number](asio::cancellation_type /*type*/) {
      line.cancel(number);
      complete(asio::error::operation_aborted, {});
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                          void(boost::system::error_code, Answer)>(
      start, asio::use_awaitable, std::move(room), terms);
}

}  // namespace headrace::server
