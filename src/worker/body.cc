#include "worker/body.h"

#include <algorithm>
#include <vector>

#include "shm/brief.h"
#include "sys/poller.h"

namespace headrace::worker {

void Item::fail(ItemError code, std::string_view message) {
  error = code;
  bytes = std::min(message.size(), result.size());
  std::copy_n(message.begin(), bytes, result.begin());
}

bool Body::listen() {
  std::vector<char> message;
  return sys::receive_message(shm::kControlFd, 16, message) != sys::Received::closed;
}

}  // namespace headrace::worker
