#include "worker/passed_files.h"

#include <algorithm>
#include <utility>

#include "shm/files_message.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kLongest = 1 + sys::kMostPassed * sizeof(shm::Token);

}  // namespace

sys::Fd PassedFiles::take(shm::Token token) {
  const std::lock_guard lock(mutex_);
  for (;;) {
    if (const auto found = files_.find(token); found != files_.end()) {
      sys::Fd file = std::move(found->second);
      files_.erase(found);
      return file;
    }
    if (receive() != sys::Received::message) return {};
  }
}

bool PassedFiles::listen() {
  const std::lock_guard lock(mutex_);
  for (;;) {
    const sys::Received received = receive();
    if (received != sys::Received::message) return received != sys::Received::closed;
  }
}

sys::Received PassedFiles::receive() {
  std::vector<sys::Fd> passed;
  const sys::Received received = sys::receive_message(control_, kLongest, message_, &passed);
  if (received != sys::Received::message) return received;
  shm::read_files_message(message_, tokens_);
  // Fewer, when this process has no room for more descriptors.
  const std::size_t count = std::min(tokens_.size(), passed.size());
  for (std::size_t i = 0; i < count; ++i) files_.insert_or_assign(tokens_[i], std::move(passed[i]));
  return received;
}

}  // namespace headrace::worker
