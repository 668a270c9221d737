// Results that may be errors, at the borders between modules.
//
// Nothing here is shared between processes: these are plain values of one process.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace headrace {

// Why one item failed. These ten words are the public vocabulary of a `failed` line; a caller can
// act on each of them. Anything finer goes into the message.
enum class ItemError : unsigned char {
  not_found = 1,     // the input does not exist (any more)
  unreadable,        // it exists, but is no readable regular file, or its name is not UTF-8
  unsupported,       // its content is of no kind that this model takes
  corrupt,           // its content is of a known kind, but broken
  too_large,         // over the cap on bytes or pixels
  infer_failed,      // the engine or handler refused this item
  result_too_large,  // the result does not fit the slot (raise --result-bytes)
  worker_crashed,    // its worker died at it, on every attempt
  timeout,           // it outlived its deadline, on every attempt
  cancelled,         // the run was stopped before it was done
};

// The word as it stands in JSON, e.g. "worker_crashed".
std::string_view name(ItemError code);
// The reverse of name(); nothing for a number that is none of the ten (memory that a peer wrote).
std::optional<ItemError> item_error_from(unsigned value);

// An error that ends a command rather than an item: what went wrong, with which input, what to do
// next.
struct Error {
  std::string message;
};

// The value of a computation, or its error. Accessing the wrong one is a programming mistake and
// throws std::bad_variant_access.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  E& error() & { return std::get<1>(state_); }
  const E& error() const& { return std::get<1>(state_); }
  E&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, E> state_;
};

struct Ok {};
using Status = Result<Ok>;

}  // namespace headrace
