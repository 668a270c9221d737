// Where items come from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace headrace::pipeline {

struct Input {
  std::uint64_t index = 0;  // its place in the order of the source, from 0
  std::string name;         // as the source gives it; bytes of any kind
  // Why it cannot even be tried (a folder that cannot be read, say).
  struct Unfit {
    ItemError code;
    std::string message;
  };
  std::optional<Unfit> unfit{};
  bool answered = false;  // by an earlier run: nothing is to be done
  // Opened for reading, where that is the supervisor's business; closed with the last who holds it.
  std::shared_ptr<const sys::Fd> file{};
};

// Used by the supervisor's one thread; never blocks.
class Source {
 public:
  virtual ~Source() = default;
  enum class Pulled : unsigned char {
    item,     // `input` was filled
    not_yet,  // there may be more later: fd() becomes readable then
    end,      // there is no more
  };
  virtual Pulled next(Input& input) = 0;
  // Readable when next() is worth another call.
  virtual int fd() const = 0;
  // fd() was seen readable: quiet until there is news again.
  virtual void heard() = 0;
  // How many items there are in all, once that is known.
  virtual std::optional<std::uint64_t> total() const = 0;
  // Why it ended early, if it did.
  virtual std::optional<Error> trouble() const = 0;
};

}  // namespace headrace::pipeline
