// The files of a worker's items: open descriptors that the supervisor sends along on the control socket,
// so that the worker need not be able to open anything.
//
// A message comes before the tokens it is about (shm/files_message.h), so whoever has an item finds its
// file here or in the socket. All streams of the worker share one of these, and nobody else reads the
// socket.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "shm/mailbox_format.h"
#include "sys/fd.h"
#include "sys/poller.h"

namespace headrace::worker {

// Any thread.
class PassedFiles {
 public:
  // `control` stays the caller's.
  explicit PassedFiles(int control) : control_(control) {}

  // The file of the item with that token, once; nothing when none came. Its place to read from is shared
  // with others and may be anywhere: it is to be read with pread.
  sys::Fd take(shm::Token token);
  // Takes in what has come. False when the supervisor is gone.
  bool listen();

 private:
  sys::Received receive();

  int control_;
  std::mutex mutex_;  // over everything below, and over the socket
  std::unordered_map<shm::Token, sys::Fd> files_;
  std::vector<char> message_;
  std::vector<shm::Token> tokens_;
};

}  // namespace headrace::worker
