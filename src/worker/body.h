// What a worker does with its items, apart from everything that makes it a worker.
//
// One body lives in one worker process and is called from its one thread. It may throw, crash, leak
// or hang: what happens then is the supervisor's business.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headrace::worker {

// One item on its way through the worker.
struct Item {
  std::string_view input;  // its name
  std::span<char> result;  // room for the result: one JSON value, or the message of an error
  std::size_t bytes = 0;   // how much of it is filled
  std::optional<ItemError> error;
  std::uint64_t token = 0;  // names this use of the item's slot (shm/mailbox_format.h)

  // Fails the item; the message is cut to the room there is.
  void fail(ItemError code, std::string_view message);
};

class Body {
 public:
  virtual ~Body() = default;
  // What it works with, for people: "openvino 2026.4.1, 1 thread".
  virtual std::string equipment() const = 0;
  // Reads and decodes one item into place `lane` of the next run. May fail the item.
  virtual void prepare(Item& item, std::size_t lane) = 0;
  // Runs the prepared items together; items[i] is in lane i, or has failed already. Fills their
  // results.
  virtual void run(std::span<Item> items) = 0;
  // What came on the control socket besides orders that a worker knows itself (shm/brief.h), with the
  // descriptors that came along. False when the supervisor is gone.
  virtual bool listen();
  // Between two rounds, and at least every half second.
  virtual void idle() {}
  // Before an orderly end of the process; not called when it is killed.
  virtual void finish() {}
};

}  // namespace headrace::worker
