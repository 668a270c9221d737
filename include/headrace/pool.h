// A pool of worker processes that runs C++ functions.
//
//     double norm(const std::vector<double>& v);
//
//     headrace::Pool pool;                                    as many workers as the container has cores
//     for (auto& result : pool.map<norm>(vectors))            in the order of the inputs
//       if (result) use(*result); else complain(result.error().text());
//
//     auto future = pool.submit<norm>(v);                     one task
//     for (auto& result : pool.imap<norm>(lazy_range)) ...    a million inputs in constant memory
//
// What it is for: a worker may throw, crash, be killed, hang or leak. An exception is that task's
// error. A death costs the task that the worker was running one attempt, and nothing else anything.
// Why a function is named at compile time, and which functions can be: task.h. What can be an argument
// or a result: codec.h. The one line that main() needs: init.h.
//
// A Pool may be used by several threads of the process that made it, and by no other process: in a
// worker its constructor throws std::logic_error (give the work back to the outer pool instead), and a
// child that the program forks must leave it alone. Tasks run at least once; a task whose worker died
// after its side effects and before its answer runs again, unless attempts is 1. A completed task has
// one outcome, always.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "headrace/codec.h"
#include "headrace/init.h"
#include "headrace/outcome.h"
#include "headrace/task.h"

namespace headrace {

struct PoolOptions {
  unsigned workers = 0;  // 0: the CPU budget of the container, at least 1; at most 255
  unsigned threads =
      0;  // for the libraries in a worker (OMP_NUM_THREADS and its like); 0: budget / workers
  unsigned attempts = 3;  // how often a task may kill its worker, or outlive its deadline
  std::uint64_t tasks_per_worker =
      0;  // after as many (or a few more) a worker is replaced; 0: never
  std::uint64_t memory_growth =
      0;  // so is one that grew by more bytes since its first task; 0: never
  std::chrono::milliseconds start_timeout{120'000};  // for a worker to make its state
};

struct CallOptions {
  std::size_t chunk = 0;  // tasks that travel together; 0: as many as make about a millisecond
  std::chrono::milliseconds deadline{
      0};                 // for one attempt of one task; 0: none. Without `chunk`, each
                          // travels alone; with it, the chunk has the sum
  unsigned attempts = 0;  // 0: those of the pool
  std::size_t look_ahead =
      0;                   // chunks that are read ahead of what was consumed; 0: 2 to 16 a worker
  std::stop_token stop{};  // ends the call: what is not done is cancelled, what runs is killed
  // After every chunk, on the calling thread: how many tasks are done.
  std::function<void(std::size_t done)> progress{};
};

struct PoolCounts {
  unsigned workers = 0;        // ready now
  std::uint64_t tasks = 0;     // ended
  std::uint64_t deaths = 0;    // workers that ended unasked
  std::uint64_t retries = 0;   // tasks charged with one of them and tried again
  std::uint64_t timeouts = 0;  // workers killed for a deadline
  std::uint64_t recycled = 0;  // workers replaced for their age or size
};

// For one task; see CallOptions.
struct SubmitOptions {
  std::chrono::milliseconds deadline{0};
  unsigned attempts = 0;
};

// A task for a pool after close() or terminate().
struct PoolClosed : std::logic_error {
  using std::logic_error::logic_error;
};

namespace detail {

struct Chunk {  // tasks on their way to a worker
  const Function* function = nullptr;
  Encoder arguments;
  std::vector<std::uint32_t> offsets;  // where each task begins
  bool plain = false;                  // all tasks are of one size, and need no alignment
};

struct Terms {
  std::chrono::milliseconds deadline{0};
  unsigned attempts = 0;
};

// Results of some tasks of a chunk, in a row, or the failure of one.
struct Piece {
  std::size_t first = 0;  // within the chunk
  std::size_t count = 0;
  // For each: 0 and the value, or 1, a type and a message; padded unless they are plain.
  std::vector<std::byte> results{};
  std::span<const std::byte> elsewhere{};  // instead of `results`: in a block that `holders` keep
  std::vector<std::shared_ptr<const void>> holders{};
  std::optional<Failure> failure{};
};

class PoolCore;
class Ticket;  // a chunk that was submitted
class Call;    // the tickets of one map or imap

// Thread-safe. The definition is the library's.
std::shared_ptr<PoolCore> make_pool(const PoolOptions& options, const Function* state,
                                    const Encoder& state_arguments);
std::shared_ptr<Call> make_call(PoolCore& core, bool unordered);
std::shared_ptr<Ticket> submit(PoolCore& core, const std::shared_ptr<Call>& call, Chunk&& chunk,
                               const Terms& terms);
// Waits until the ticket is settled; false when `deadline` came first.
bool wait(PoolCore& core, Ticket& ticket, std::chrono::steady_clock::time_point deadline);
// Waits for some ticket of the call that was not yet returned; null when there is none.
std::shared_ptr<Ticket> wait_any(PoolCore& core, Call& call);
bool settled(PoolCore& core, const Ticket& ticket);
// Of a settled ticket; in the order of its tasks.
std::vector<Piece>& pieces(Ticket& ticket);
// What a task took in its worker on average, once known.
std::chrono::nanoseconds task_time(const Ticket& ticket);
std::size_t task_count(const Ticket& ticket);
void cancel(PoolCore& core, Call& call);
unsigned workers(const PoolCore& core);
std::size_t chunk_room(const PoolCore& core);  // bytes that travel without a detour
std::size_t chunk_most(const PoolCore& core);  // tasks, of a chunk that the pool chooses
bool any_settled(PoolCore& core, Call& call);  // whether wait_any() would not wait
PoolCounts counts(PoolCore& core);
void close(PoolCore& core);
bool join(PoolCore& core, std::chrono::steady_clock::time_point deadline);
void terminate(PoolCore& core, std::chrono::milliseconds grace);
std::vector<int> worker_pids(PoolCore& core);

inline constexpr auto kForever = std::chrono::steady_clock::time_point::max();
inline std::chrono::steady_clock::time_point after(std::chrono::nanoseconds time) {
  const auto now = std::chrono::steady_clock::now();
  return time < kForever - now ? now + time : kForever;
}

// The outcomes in a settled chunk, one after the other.
template <class R>
class Results {
 public:
  Results(std::shared_ptr<Ticket> ticket, std::size_t first_index)
      : ticket_(std::move(ticket)), index_(first_index) {}

  std::optional<Outcome<R>> next() {
    std::vector<Piece>& all = pieces(*ticket_);
    while (at_ < all.size() && done_ == all[at_].count) {
      ++at_;
      done_ = 0;
      from_.reset();
    }
    if (at_ == all.size()) return std::nullopt;
    Piece& piece = all[at_];
    const std::size_t index = index_ + piece.first + done_++;
    if (piece.failure) return Outcome<R>(index, *piece.failure);
    if (!from_) from_.emplace(piece.results.empty() ? piece.elsewhere : piece.results);
    return decode(index);
  }

 private:
  static constexpr bool plain = std::is_void_v<R> || Plain<R>;
  Outcome<R> decode(std::size_t index) {
    try {
      if constexpr (!plain) from_->align(kCodecAlignment);
      if (from_->template operator()<std::uint8_t>() != 0) {
        auto type = from_->template operator()<std::string>();
        auto message = from_->template operator()<std::string>();
        return {index, Failure{Failure::Kind::exception, std::move(type), std::move(message)}};
      }
      if constexpr (std::is_void_v<R>) {
        return {index, std::monostate{}};
      } else {
        return {index, Codec<R>::decode(*from_)};
      }
    } catch (const std::exception& e) {
      // Nothing behind it can be found any more; a decoder at its end makes that of them too.
      from_.emplace(std::span<const std::byte>());
      return {index, Failure{Failure::Kind::unreadable, {}, e.what()}};
    }
  }

  std::shared_ptr<Ticket> ticket_;
  std::size_t index_;
  std::size_t at_ = 0;
  std::size_t done_ = 0;
  std::optional<Decoder> from_;
};

template <class T>
struct IsTuple : std::false_type {};
template <class... T>
struct IsTuple<std::tuple<T...>> : std::true_type {};
template <class A, class B>
struct IsTuple<std::pair<A, B>> : std::true_type {};

// One input as arguments: a tuple is spread over the parameters when there are several.
template <class Arguments, class Input>
void encode_input(Encoder& to, Input&& input) {
  if constexpr (Arguments::count != 1 && IsTuple<std::remove_cvref_t<Input>>::value) {
    std::apply([&]<class... T>(T&&... part) { Arguments::encode(to, std::forward<T>(part)...); },
               std::forward<Input>(input));
  } else {
    Arguments::encode(to, std::forward<Input>(input));
  }
}

}  // namespace detail

// The lazy form of map: reads its inputs as they are needed and gives the outcomes one by one. Holds
// the range (by reference when that is an lvalue). Leaving it early cancels what is under way. One
// thread; not longer than the pool.
template <auto F, class Inputs, bool Ordered>  // Inputs: a range, or a reference to one
class Stream {
 public:
  using Result = typename detail::Task<F>::Result;

  Stream(std::shared_ptr<detail::PoolCore> core, Inputs&& inputs, CallOptions options)
      : core_(std::move(core)),
        call_(detail::make_call(*core_, !Ordered)),
        inputs_(std::forward<Inputs>(inputs)),
        options_(std::move(options)) {
    if (options_.chunk == 0 && options_.deadline.count() > 0) options_.chunk = 1;
    // Chunks of a size of their own choice last long enough that two a worker keep it busy.
    const std::size_t each =
        options_.chunk == 0 ? 2 : std::clamp<std::size_t>(32 / options_.chunk, 2, 16);
    if (options_.look_ahead == 0) options_.look_ahead = each * detail::workers(*core_) + 2;
    if constexpr (std::ranges::sized_range<Inputs>) left_ = std::ranges::size(inputs_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (!flying_.empty()) detail::cancel(*core_, *call_);
  }

  // The next outcome; nothing after the last. An exception of the range itself passes through, once
  // all outcomes of the inputs before it are given out.
  std::optional<Outcome<Result>> next() {
    if (!stopping_) {
      stopping_.emplace(options_.stop, Stopper{core_, call_});
      at_.emplace(std::ranges::begin(inputs_));
    }
    for (;;) {
      if (current_) {
        if (auto outcome = current_->next()) return outcome;
        current_.reset();
      }
      fill();
      if (flying_.empty()) {
        if (broken_) std::rethrow_exception(std::exchange(broken_, nullptr));
        return std::nullopt;
      }
      land();
    }
  }

  class Iterator {
   public:
    using value_type = Outcome<Result>;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(Stream* stream) : stream_(stream) { ++*this; }
    value_type& operator*() const { return *stream_->shown_; }
    Iterator& operator++() {
      // Not by assignment: a result need not be assignable.
      stream_->shown_.reset();
      if (auto next = stream_->next()) stream_->shown_.emplace(std::move(*next));
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !stream_->shown_; }

   private:
    Stream* stream_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  struct Stopper {
    std::shared_ptr<detail::PoolCore> core;
    std::shared_ptr<detail::Call> call;
    void operator()() const { detail::cancel(*core, *call); }
  };
  struct Flying {
    std::shared_ptr<detail::Ticket> ticket;
    std::size_t first;
  };

  // How many tasks travel together: as many as take a millisecond, a few times more than the last
  // time at most, and towards the end few enough that all workers stay busy.
  std::size_t chunk_size() const {
    if (options_.chunk > 0) return options_.chunk;
    const std::size_t limit = std::min(most_, detail::chunk_most(*core_));
    std::size_t size = limit;
    if (task_seconds_ > 0) {
      size = static_cast<std::size_t>(std::min(1e-3 / task_seconds_, 1e6));
      size = std::clamp<std::size_t>(size, 1, limit);
    }
    if (left_) size = std::min(size, *left_ / (2 * detail::workers(*core_)) + 1);
    return size;
  }

  bool more() {
    return !over_ && *at_ != std::ranges::end(inputs_) && !options_.stop.stop_requested();
  }

  // Whether there is something to give out before more is read.
  bool landed() {
    if (flying_.empty()) return false;
    if constexpr (Ordered) {
      return detail::settled(*core_, *flying_.front().ticket);
    } else {
      return detail::any_settled(*core_, *call_);
    }
  }

  void fill() {
    while (flying_.size() < options_.look_ahead && more()) {
      detail::Chunk chunk = read();
      const std::size_t count = chunk.offsets.size();
      if (count == 0) return;
      if (left_) *left_ -= std::min(*left_, count);
      try {
        flying_.push_back({detail::submit(*core_, call_, std::move(chunk),
                                          {options_.deadline, options_.attempts}),
                           read_});
      } catch (const PoolClosed&) {
        if (read_ == 0) throw;
        over_ = true;  // it was closed while this was under way: what was given to it counts
        return;
      }
      read_ += count;
      if (landed()) return;
    }
  }

  detail::Chunk read() {
    detail::Chunk chunk;
    chunk.function = &detail::Task<F>::function;
    chunk.plain = detail::Task<F>::Arguments::plain;
    const std::size_t size = chunk_size();
    const std::size_t room =
        options_.chunk == 0 ? detail::chunk_room(*core_) : std::size_t{1} << 30;
    const auto begun = std::chrono::steady_clock::now();
    std::size_t complete = 0;  // bytes of whole tasks
    try {
      while (chunk.offsets.size() < size && more()) {
        const std::size_t count = chunk.offsets.size();
        if (!chunk.plain) chunk.arguments.align(detail::kCodecAlignment);
        const std::size_t begin = chunk.arguments.bytes().size();
        if (count > 0 && begin + last_bytes_ > room) break;
        // A range that gives its inputs slowly: what there is need not wait for the rest.
        if (options_.chunk == 0 && count > 0 && ((count & (count - 1)) == 0 || count % 64 == 0) &&
            std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(1)) {
          break;
        }
        detail::encode_input<typename detail::Task<F>::Arguments>(chunk.arguments, **at_);
        complete = chunk.arguments.bytes().size();
        last_bytes_ = complete - begin;
        chunk.offsets.push_back(static_cast<std::uint32_t>(begin));
        ++*at_;
      }
    } catch (...) {
      broken_ = std::current_exception();
      over_ = true;
      // What the failed encoding left behind belongs to no task.
      chunk.arguments.bytes().resize(complete);
    }
    return chunk;
  }

  void land() {
    auto which = flying_.begin();
    if constexpr (Ordered) {
      detail::wait(*core_, *which->ticket, detail::kForever);
    } else {
      const auto ticket = detail::wait_any(*core_, *call_);
      which = std::ranges::find(flying_, ticket, &Flying::ticket);
    }
    const auto time = std::chrono::duration<double>(detail::task_time(*which->ticket)).count();
    if (time > 0) {
      task_seconds_ = task_seconds_ == 0 ? time : 0.7 * task_seconds_ + 0.3 * time;
      most_ = std::min<std::size_t>(most_ * 4, 1U << 20);
    }
    done_ += detail::task_count(*which->ticket);
    current_.emplace(std::move(which->ticket), which->first);
    flying_.erase(which);
    if (options_.progress) options_.progress(done_);
  }

  std::shared_ptr<detail::PoolCore> core_;
  std::shared_ptr<detail::Call> call_;
  Inputs inputs_;
  CallOptions options_;
  std::optional<std::ranges::iterator_t<Inputs>> at_;
  std::optional<std::size_t> left_;
  std::size_t most_ = 1;
  double task_seconds_ = 0;
  std::size_t last_bytes_ = 0;
  std::size_t read_ = 0;
  std::size_t done_ = 0;
  bool over_ = false;  // the range threw
  std::exception_ptr broken_;
  std::deque<Flying> flying_;
  std::optional<detail::Results<Result>> current_;
  std::optional<Outcome<Result>> shown_;
  std::optional<std::stop_callback<Stopper>> stopping_;
};

// One submitted task. Dropping it does not cancel the task.
template <class R>
class Future {
 public:
  Future(std::shared_ptr<detail::PoolCore> core, std::shared_ptr<detail::Call> call,
         std::shared_ptr<detail::Ticket> ticket)
      : core_(std::move(core)), call_(std::move(call)), ticket_(std::move(ticket)) {}

  bool ready() const { return detail::settled(*core_, *ticket_); }
  // Whether it is done in time.
  bool wait_for(std::chrono::nanoseconds time) const {
    return detail::wait(*core_, *ticket_, detail::after(time));
  }
  // Waits. Once only.
  Outcome<R> outcome() {
    if (!ticket_) throw std::logic_error("the future's outcome was taken before");
    detail::wait(*core_, *ticket_, detail::kForever);
    return *detail::Results<R>(std::move(ticket_), 0).next();
  }
  // Waits for the value; throws TaskError when there is none. Once only.
  auto get() { return outcome().value(); }
  // The task is not begun, or is killed.
  void cancel() { detail::cancel(*core_, *call_); }

 private:
  std::shared_ptr<detail::PoolCore> core_;
  std::shared_ptr<detail::Call> call_;
  std::shared_ptr<detail::Ticket> ticket_;
};

// Says how each worker makes its state, once, before its first task:
//
//     Model load(const std::string& file);
//     Label classify(Model& model, const Image& image);
//     headrace::Pool pool({.workers = 4}, headrace::worker_state<load>("lite0.onnx"));
//     pool.map<classify>(images);
//
// The state is destroyed when the worker leaves in order. If making it throws, the pool's tasks fail
// with what it said.
struct WorkerState {
  const detail::Function* function = nullptr;
  Encoder arguments{};
};
template <auto F, class... A>
WorkerState worker_state(A&&... arguments) {
  WorkerState state{&detail::StateMaker<F>::function};
  detail::Task<F>::Arguments::encode(state.arguments, std::forward<A>(arguments)...);
  return state;
}

class Pool {
 public:
  // Workers start in the background. Throws std::logic_error in a worker and without init(), and
  // std::runtime_error when the container's limits leave no room or an option lies outside of them.
  explicit Pool(const PoolOptions& options = {}, const WorkerState& state = {})
      : core_(detail::make_pool(options, state.function, state.arguments)) {}
  Pool(Pool&&) = default;
  Pool& operator=(Pool&&) = delete;
  // terminate(): what is not done is cancelled. Never waits for a task.
  ~Pool() {
    if (core_) detail::terminate(*core_, std::chrono::milliseconds(0));
  }

  // All outcomes, in the order of the inputs. Inputs that are tuples or pairs are spread over the
  // parameters when there are several.
  template <auto F, std::ranges::input_range Range>
  auto map(Range&& inputs, CallOptions options = {}) {
    auto stream = imap<F>(inputs, std::move(options));
    std::vector<Outcome<typename detail::Task<F>::Result>> all;
    if constexpr (std::ranges::sized_range<Range>) all.reserve(std::ranges::size(inputs));
    while (auto outcome = stream.next()) all.push_back(std::move(*outcome));
    // After a stop the rest was never read; it is answered all the same.
    if constexpr (std::ranges::sized_range<Range>) {
      while (all.size() < std::ranges::size(inputs)) {
        all.emplace_back(all.size(),
                         Failure{Failure::Kind::cancelled, {}, "the call was cancelled"});
      }
    }
    return all;
  }
  // The same one by one, reading ahead no more than CallOptions::look_ahead.
  template <auto F, std::ranges::input_range Range>
  auto imap(Range&& inputs, CallOptions options = {}) {
    return Stream<F, Range, true>(core_, std::forward<Range>(inputs), std::move(options));
  }
  // As they come; Outcome::index() tells which is which.
  template <auto F, std::ranges::input_range Range>
  auto imap_unordered(Range&& inputs, CallOptions options = {}) {
    return Stream<F, Range, false>(core_, std::forward<Range>(inputs), std::move(options));
  }

  template <auto F, class... A>
  auto submit(A&&... arguments) {
    return submit_with<F>(SubmitOptions{}, std::forward<A>(arguments)...);
  }
  template <auto F, class... A>
  Future<typename detail::Task<F>::Result> submit_with(const SubmitOptions& options,
                                                       A&&... arguments) {
    detail::Chunk chunk;
    chunk.function = &detail::Task<F>::function;
    chunk.plain = detail::Task<F>::Arguments::plain;
    detail::Task<F>::Arguments::encode(chunk.arguments, std::forward<A>(arguments)...);
    chunk.offsets.push_back(0);
    auto call = detail::make_call(*core_, false);
    auto ticket =
        detail::submit(*core_, call, std::move(chunk), {options.deadline, options.attempts});
    return {core_, std::move(call), std::move(ticket)};
  }

  // No more tasks; those submitted are done.
  void close() { detail::close(*core_); }
  // After close(): waits until all is done and the workers have left; false when not in time.
  bool join(std::chrono::nanoseconds timeout) {
    return detail::join(*core_, detail::after(timeout));
  }
  void join() { detail::join(*core_, detail::kForever); }
  // What is not begun is cancelled; what runs has `grace` to end, then is killed. Returns when no
  // worker is left.
  void terminate(std::chrono::milliseconds grace = std::chrono::milliseconds(0)) {
    detail::terminate(*core_, grace);
  }

  unsigned workers() const { return detail::workers(*core_); }
  PoolCounts counts() const { return detail::counts(*core_); }
  // Of the workers that live at this moment.
  std::vector<int> worker_pids() const { return detail::worker_pids(*core_); }

 private:
  std::shared_ptr<detail::PoolCore> core_;
};

}  // namespace headrace
