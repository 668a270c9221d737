#include "server/aside.h"

#include <boost/asio/post.hpp>
#include <mutex>
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

bool Aside::run(Work work) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->running == kMost) return false;
    ++shared_->running;
  }
  try {
    std::thread([shared = shared_, work = std::move(work)]() mutable {
      Sequel sequel = work();
      work = {};
      const std::lock_guard lock(shared->mutex);
      --shared->running;
      if (shared->io != nullptr) boost::asio::post(*shared->io, std::move(sequel));
    }).detach();
  } catch (const std::system_error&) {
    const std::lock_guard lock(shared_->mutex);
    --shared_->running;
    return false;
  }
  return true;
}

}  // namespace headrace::server
