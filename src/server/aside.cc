#include "server/aside.h"

#include <boost/asio/post.hpp>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

namespace headrace::server {

struct Aside::Shared {
  std::mutex mutex;                       // of what follows
  boost::asio::io_context* io = nullptr;  // nothing once the server has gone
  unsigned running = 0;
};

Aside::Aside(boost::asio::io_context& io) : shared_(std::make_shared<Shared>()) {
  shared_->io = &io;
}

Aside::~Aside() {
  const std::lock_guard lock(shared_->mutex);
  shared_->io = nullptr;
}

bool Aside::busy() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->running > 0;
}

bool Aside::run(Work work) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->running == kMost) return false;
    ++shared_->running;
  }
  try {
    std::thread([shared = shared_, work = std::move(work)]() mutable {
      Sequel sequel;
      try {
        sequel = work();
        work = {};
      } catch (const std::exception&) {
        // Out of memory, at worst: that must not end the server.
      }
      const std::lock_guard lock(shared->mutex);
      --shared->running;
      try {
        if (shared->io != nullptr && sequel) boost::asio::post(*shared->io, std::move(sequel));
      } catch (const std::bad_alloc&) {
        // Whoever waits for it does not wait for ever.
      }
    }).detach();
  } catch (const std::system_error&) {
    const std::lock_guard lock(shared_->mutex);
    --shared_->running;
    return false;
  }
  return true;
}

}  // namespace headrace::server
