// What a worker does with its items, apart from everything that makes it a worker.
//
// One body lives in one worker process and is called from its one thread; it may spread the work over
// threads of its own. It may throw, crash, leak or hang: what happens then is the supervisor's
// business.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace headrace::worker {

// When an item was worked on, and for how long.
struct ItemTimes {
  std::chrono::steady_clock::time_point begin{};
  std::chrono::nanoseconds decode{}, infer{};
};

// One item on its way through the worker.
struct Item {
  std::string_view input;  // its name, or its content
  std::span<char> result;  // room for the result: what the body makes, or the message of an error
  std::size_t bytes = 0;   // how much of it is filled
  std::optional<ItemError> error;
  ItemTimes times{};        // filled by a body that works in streams
  std::uint64_t token = 0;  // names this use of the item's slot (shm/mailbox_format.h)

  // Fails the item; the message is cut to the room there is.
  void fail(ItemError code, std::string_view message);
};

// Does the work; an exception is the failure of the items at hand, not of the worker.
template <class F>
void guarded(std::span<Item> items, F&& work) {
  try {
    work();
  } catch (const std::exception& e) {
    for (Item& item : items) {
      if (!item.error) item.fail(ItemError::infer_failed, e.what());
    }
  }
}

// Items that lie behind each other in the mailbox.
struct Portion {
  std::uint32_t position = 0;  // of the first, in the mailbox
  std::vector<Item> items;
};

// Where a body that works in streams takes its items from and gives them back to, on all of its
// threads.
class Feed {
 public:
  virtual ~Feed() = default;
  // Takes the items that have waited longest, at most `most`. Waits while there are none but other
  // portions are in work. False: nothing waits and nothing is in work, for whoever asks.
  virtual bool take(Portion& portion, std::size_t most) = 0;
  // The items are done: they have results or have failed.
  virtual void give_back(const Portion& portion) = 0;
};

class Body {
 public:
  virtual ~Body() = default;
  // What it works with, for people: "openvino 2026.4.1, 1 thread".
  virtual std::string equipment() const = 0;
  // What it takes and gives, for the owner of the fleet, as shm/brief.h has it (kSignature). Empty when
  // nobody needs to know.
  virtual std::string signature() const { return {}; }
  // Reads and decodes one item into place `lane` of the next run. May fail the item.
  virtual void prepare(Item& item, std::size_t lane) = 0;
  // Runs the prepared items together; items[i] is in lane i, or has failed already. Fills their
  // results.
  virtual void run(std::span<Item> items) = 0;
  // Whether it works on several batches at once; then work() takes the place of the two above. It
  // returns when the feed has no more, with every item given back.
  virtual bool has_streams() const { return false; }
  virtual void work(Feed& /*feed*/) {}
  // What came on the control socket besides orders that a worker knows itself (shm/brief.h), with the
  // descriptors that came along. False when the supervisor is gone.
  virtual bool listen();
  // Between two rounds, and at least every half second.
  virtual void idle() {}
  // Before an orderly end of the process; not called when it is killed.
  virtual void finish() {}
};

}  // namespace headrace::worker
