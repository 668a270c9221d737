// How one task ended: a value, or why there is none.
//
// A task's error never is the pool's: the other tasks go on, and the pool can be used afterwards.
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace headrace {

struct Failure {
  enum class Kind : unsigned char {
    exception,   // the function threw: `type` and `message` are the exception's
    crashed,     // its worker died at it, on every attempt: `message` names the signal
    timeout,     // it outlived its deadline, on every attempt
    cancelled,   // the call was cancelled, or the pool ended, before it was done
    unreadable,  // its arguments or its result could not be decoded
    pool,        // no worker can be started: `message` says why
  };
  Kind kind = Kind::exception;
  std::string type{};  // "std::runtime_error"; empty when nothing was thrown
  std::string message{};
  unsigned attempts = 1;  // how often it was tried

  // "std::runtime_error: no such file"
  std::string text() const { return type.empty() ? message : type + ": " + message; }
};

// "exception", "crashed", ...
std::string_view name(Failure::Kind kind);

// What reading the value of a task that has none throws.
struct TaskError : std::runtime_error {
  explicit TaskError(Failure failure_)
      : std::runtime_error(failure_.text()), failure(std::move(failure_)) {}
  Failure failure;
};

// Of type R, or void. Values of this process; move it where you like.
template <class R>
class Outcome {
 public:
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

  Outcome(std::size_t index, Value value)
      : index_(index), state_(std::in_place_index<0>, std::move(value)) {}
  Outcome(std::size_t index, Failure failure)
      : index_(index),
        state_(std::in_place_index<1>, std::make_shared<const Failure>(std::move(failure))) {}

  // Which input it belongs to, from 0.
  std::size_t index() const { return index_; }
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Throws TaskError when there is none.
  Value& value() & {
    check();
    return std::get<0>(state_);
  }
  const Value& value() const& {
    check();
    return std::get<0>(state_);
  }
  Value&& value() && {
    check();
    return std::get<0>(std::move(state_));
  }
  Value& operator*() & { return value(); }
  const Value& operator*() const& { return value(); }
  Value&& operator*() && { return std::move(*this).value(); }
  Value* operator->() { return &value(); }
  const Value* operator->() const { return &value(); }
  // Only when it is not ok().
  const Failure& error() const { return *std::get<1>(state_); }

 private:
  void check() const {
    if (!ok()) throw TaskError(error());
  }
  std::size_t index_;
  // A pointer, because failures are large and rare, and outcomes come by the million.
  std::variant<Value, std::shared_ptr<const Failure>> state_;
};

}  // namespace headrace
