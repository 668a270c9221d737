// A queue between processes that no death can break.
//
//     headrace::Queue<std::string> tasks;
//     tasks.put("one");                               any number of producers and consumers,
//     while (auto task = tasks.get()) work(*task);    in this process and in the workers of its pools
//     tasks.close();                                  consumers get what is left, then the end
//
// get() hands out a lease. The item is done when the lease goes out of scope; it goes back into the queue
// when an exception takes the lease along, when the process dies, or on request; and after so many attempts
// it becomes a dead letter, which can be read. So a put that returned is delivered until some consumer is
// done with it: once, if nobody dies; perhaps again, if a consumer died between its work and the lease's end.
// End a lease before you wait for the next one: two consumers that wait in get() while each holds an item of
// a closed queue wait for each other.
//
// A Queue is made in the program's first process and reaches workers as an argument of their tasks. Copies
// of it are the same queue. It lives until the first process has let go of its last copy. All of it may be
// used by any thread of any of these processes. A child that the program forks must leave it alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "headrace/codec.h"

namespace headrace {

struct QueueOptions {
  std::size_t items = 1024;  // at most 65,535, dead letters included
  std::size_t bytes =
      16ULL << 20;        // for items longer than 192 bytes; reserved when the queue is made
  unsigned attempts = 3;  // how often an item is handed out before it becomes a dead letter
};

// put() after close(), or anything after abort().
struct QueueClosed : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// The item can never fit: raise QueueOptions::bytes.
struct ItemTooLarge : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

class QueueHandle;
using Deadline = std::chrono::steady_clock::time_point;

struct QueueLease {
  std::uint32_t record = 0;
  std::uint32_t generation = 0;
  std::uint32_t attempts = 0;
};
enum class QueueGet : unsigned char { item, none, ended };

// Thread-safe; all throw what the head of this file names, or std::runtime_error.
std::shared_ptr<QueueHandle> new_queue(const QueueOptions& options);
std::shared_ptr<QueueHandle> open_queue(std::uint64_t id);
std::uint64_t queue_id(const QueueHandle& queue);
// False: no room in time.
bool queue_put(QueueHandle& queue, const Encoder& item, Deadline deadline);
// Item i is bytes [starts[i], starts[i+1]) of `items`. How many were put in time.
std::size_t queue_put_many(QueueHandle& queue, const Encoder& items,
                           std::span<const std::size_t> starts, Deadline deadline);
// The payload stays valid until this thread's next call.
QueueGet queue_get(QueueHandle& queue, QueueLease& lease, std::span<const std::byte>& payload,
                   Deadline deadline);
// Up to leases.size() items, waiting for the first.
QueueGet queue_get_many(QueueHandle& queue, std::span<QueueLease> leases,
                        std::span<std::span<const std::byte>> payloads, std::size_t& count,
                        Deadline deadline);
// False: this process does not hold it any more.
bool queue_acknowledge(QueueHandle& queue, std::span<const QueueLease> leases);
bool queue_give_back(QueueHandle& queue, const QueueLease& lease);
// A dead letter, until queue_dead_end() takes it away or puts it back.
bool queue_dead_letter(QueueHandle& queue, QueueLease& letter, std::vector<std::byte>& payload);
void queue_dead_end(QueueHandle& queue, const QueueLease& letter, bool done);
std::size_t queue_size(const QueueHandle& queue);
std::size_t queue_bytes(const QueueHandle& queue);
std::size_t queue_dead_count(const QueueHandle& queue);
void queue_close(QueueHandle& queue, bool at_once);
bool queue_closed(const QueueHandle& queue);

inline constexpr Deadline kNever = Deadline::max();
inline constexpr Deadline kNow = Deadline::min();

}  // namespace detail

// An item in this process's hands, or none. Move-only; one thread at a time.
template <class T>
class Lease {
 public:
  Lease() = default;
  Lease(std::shared_ptr<detail::QueueHandle> queue, const detail::QueueLease& lease, T value)
      : queue_(std::move(queue)),
        lease_(lease),
        value_(std::move(value)),
        unwinding_(std::uncaught_exceptions()) {}
  Lease(Lease&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
      : queue_(std::move(other.queue_)),
        lease_(other.lease_),
        value_(std::move(other.value_)),
        unwinding_(other.unwinding_) {}
  Lease& operator=(Lease&&) = delete;
  // Done, unless an exception takes it along.
  ~Lease() {
    if (!queue_) return;
    if (std::uncaught_exceptions() > unwinding_) {
      give_back();
    } else {
      acknowledge();
    }
  }

  // Whether there is an item.
  explicit operator bool() const { return value_.has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  // Which try this is, from 1.
  unsigned attempt() const { return lease_.attempts; }

  // Done. False: it was so already, or there is none.
  bool acknowledge() {
    const auto queue = std::move(queue_);
    return queue && detail::queue_acknowledge(*queue, {&lease_, 1});
  }
  // To the end of the queue; after its last attempt, to the dead letters.
  bool give_back() {
    const auto queue = std::move(queue_);
    return queue && detail::queue_give_back(*queue, lease_);
  }

 private:
  std::shared_ptr<detail::QueueHandle> queue_;  // null once it is acknowledged, given back or moved
  detail::QueueLease lease_{};
  std::optional<T> value_;
  int unwinding_ = 0;
};

template <class T>
struct DeadLetter {
  T value;
  unsigned attempts;  // how many failed
};

template <class T>
class Queue {
 public:
  // Throws std::runtime_error when the memory limit leaves no room, std::logic_error in a worker.
  explicit Queue(const QueueOptions& options = {}) : queue_(detail::new_queue(options)) {}

  // Waits for room. Throws QueueClosed, ItemTooLarge, and what encoding throws: nothing is put then.
  void put(const T& value) { put_until(value, detail::kNever); }
  void put(T&& value) { put_until(std::move(value), detail::kNever); }
  // False: no room in time.
  template <class V = T>
  bool put_for(V&& value, std::chrono::nanoseconds time) {
    return put_until(std::forward<V>(value), after(time));
  }
  template <class V = T>
  bool try_put(V&& value) {
    return put_until(std::forward<V>(value), detail::kNow);
  }
  // All of them, in order and with one wake-up for many: the fast way for small items. Waits for room.
  // How many were put, which is fewer only when the queue was closed meanwhile; throws QueueClosed if none.
  // Arrays among those that were not put are lost.
  template <std::ranges::input_range Values>
  std::size_t put_all(Values&& values) {
    constexpr std::size_t kTogether = 64;
    std::size_t done = 0;
    Encoder items;
    std::vector<std::size_t> starts;
    const auto flush = [&] {
      const std::size_t wanted = starts.size();
      starts.push_back(items.bytes().size());
      const std::size_t put = detail::queue_put_many(*queue_, items, starts, detail::kNever);
      done += put;
      items.clear();
      starts.clear();
      return put == wanted;
    };
    bool any = false;
    for (auto&& value : values) {
      any = true;
      items.align(detail::kCodecAlignment);
      starts.push_back(items.bytes().size());
      items(static_cast<const T&>(value));
      // What refers to shared memory is put by itself: each item keeps its own alive.
      if ((starts.size() == kTogether || !items.references().empty()) && !flush()) break;
    }
    if (!starts.empty()) flush();
    if (done == 0 && any && closed()) throw QueueClosed("put into a queue that is closed");
    return done;
  }

  // Waits for an item; an empty lease at the end: closed, and no item is in the queue or can come back.
  Lease<T> get() { return get_until(detail::kNever); }
  // Empty also when none came in time.
  Lease<T> get_for(std::chrono::nanoseconds time) { return get_until(after(time)); }
  Lease<T> try_get() { return get_until(detail::kNow); }
  // Waits for one, then takes what is there, at most `most`; empty at the end.
  std::vector<Lease<T>> get_some(std::size_t most) {
    std::vector<detail::QueueLease> leases(most);
    std::vector<std::span<const std::byte>> payloads(most);
    std::size_t count = 0;
    detail::queue_get_many(*queue_, leases, payloads, count, detail::kNever);
    std::vector<Lease<T>> items;
    items.reserve(count);
    for (std::size_t i = 0; i < count; ++i) items.push_back(open(leases[i], payloads[i]));
    return items;
  }
  // For items whose loss with this process does not matter: taken and acknowledged in one.
  std::optional<T> take() {
    auto lease = get();
    if (!lease) return std::nullopt;
    return std::move(*lease);
  }
  std::vector<T> take_some(std::size_t most) {
    static thread_local std::vector<detail::QueueLease> leases;
    static thread_local std::vector<std::span<const std::byte>> payloads;
    leases.resize(most);
    payloads.resize(most);
    std::size_t count = 0;
    detail::queue_get_many(*queue_, leases, payloads, count, detail::kNever);
    std::vector<T> values;
    values.reserve(count);
    try {
      for (std::size_t i = 0; i < count; ++i) {
        Decoder from(payloads[i]);
        values.push_back(Codec<T>::decode(from));
      }
    } catch (...) {
      for (std::size_t i = 0; i < count; ++i) detail::queue_give_back(*queue_, leases[i]);
      throw;
    }
    if (count > 0) detail::queue_acknowledge(*queue_, std::span(leases).first(count));
    return values;
  }

  // No more puts. Consumers drain what there is.
  void close() { detail::queue_close(*queue_, false); }
  // Everybody who waits, and everybody who comes, gets QueueClosed.
  void abort() { detail::queue_close(*queue_, true); }
  bool closed() const { return detail::queue_closed(*queue_); }

  // Items that wait; exact while nobody puts or gets.
  std::size_t size() const { return detail::queue_size(*queue_); }
  std::size_t bytes() const { return detail::queue_bytes(*queue_); }

  // Items that failed on every attempt. They take up room until they are taken away by this.
  std::size_t dead_count() const { return detail::queue_dead_count(*queue_); }
  std::vector<DeadLetter<T>> take_dead_letters() {
    std::vector<DeadLetter<T>> letters;
    std::vector<std::byte> payload;
    detail::QueueLease letter;
    while (detail::queue_dead_letter(*queue_, letter, payload)) {
      try {
        Decoder from(payload);
        letters.push_back({Codec<T>::decode(from), letter.attempts});
      } catch (...) {
        detail::queue_dead_end(*queue_, letter, false);
        throw;
      }
      detail::queue_dead_end(*queue_, letter, true);
    }
    return letters;
  }

 private:
  friend struct Codec<Queue<T>>;
  explicit Queue(std::shared_ptr<detail::QueueHandle> queue) : queue_(std::move(queue)) {}

  static detail::Deadline after(std::chrono::nanoseconds time) {
    const auto now = std::chrono::steady_clock::now();
    return time < detail::kNever - now ? now + time : detail::kNever;
  }
  template <class V>
  bool put_until(V&& value, detail::Deadline deadline) {
    static thread_local Encoder item;
    item.clear();
    if constexpr (std::is_same_v<std::remove_cvref_t<V>, T>) {
      item(value);
    } else {
      item(static_cast<T>(std::forward<V>(value)));
    }
    bool put = false;
    try {
      put = detail::queue_put(*queue_, item, deadline);
    } catch (...) {
      give_back_to(value, item);
      throw;
    }
    if (!put) give_back_to(value, item);
    item.clear();  // lets go of what it referred to
    return put;
  }
  // What encoding took out of the value (an array is given away by it) goes back: it was not put.
  template <class V>
  static void give_back_to([[maybe_unused]] V& value, Encoder& item) {
    if constexpr (std::is_same_v<V, T> && std::is_move_assignable_v<T>) {
      if (!item.references().empty()) {
        Decoder from(item.bytes());
        value = Codec<T>::decode(from);
      }
    }
    item.clear();
  }
  Lease<T> get_until(detail::Deadline deadline) {
    detail::QueueLease lease;
    std::span<const std::byte> payload;
    if (detail::queue_get(*queue_, lease, payload, deadline) != detail::QueueGet::item) {
      return {};
    }
    return open(lease, payload);
  }
  Lease<T> open(const detail::QueueLease& lease, std::span<const std::byte> payload) {
    try {
      Decoder from(payload);
      return Lease<T>(queue_, lease, Codec<T>::decode(from));
    } catch (...) {
      detail::queue_give_back(*queue_, lease);
      throw;
    }
  }

  std::shared_ptr<detail::QueueHandle> queue_;
};

template <class T>
struct Codec<Queue<T>> {
  static void encode(Encoder& to, const Queue<T>& queue) {
    to(detail::queue_id(*queue.queue_));
    to.refer({.segment = 0, .block = 0, .generation = 0, .holder = queue.queue_});  // no block
  }
  static Queue<T> decode(Decoder& from) {
    return Queue<T>(detail::open_queue(from.operator()<std::uint64_t>()));
  }
};

}  // namespace headrace
