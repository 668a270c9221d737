// A handler in C++: code of your own for `headrace run`, as a function or a class.
//
//   #include <headrace/handler.h>
//   static headrace::HandlerResult thumbnail(std::span<const std::byte> bytes, std::string_view name);
//   HEADRACE_HANDLER(thumbnail);
//
// Built as a shared object (headrace_add_handler in CMake), it is run by
//
//   headrace run ./libthumbnail.so photos/
//
// HEADRACE_HANDLER takes the name of one of
//
// - a function that is called for each item, in one of these forms:
//       HandlerResult f(std::span<const std::byte> bytes, std::string_view name);
//       HandlerResult f(std::string_view name);                          // no file is opened
//       std::vector<HandlerResult> f(std::span<const HandlerInput> items);  // up to --batch together
// - a class whose operator() has one of these forms. One object lives in each worker process: made
//   before the first item, from `const HandlerOptions&` if it has such a constructor, and destroyed
//   when the worker leaves in peace. What the constructor throws ends the run with that message.
//
// and, if you like, a version for people: HEADRACE_HANDLER(thumbnail, "1.2").
//
// What a call throws fails its item, no other; HandlerFailure says with which code. A crash is the
// worker's death, and costs the item as well. Everything is called from one thread of one process.
// Once in each shared object, and not in a header.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "headrace/handler_api.h"

namespace headrace {

// Why an item failed: the words of a `failed` line.
enum class HandlerError : std::uint32_t {
  not_found = HEADRACE_NOT_FOUND,
  unreadable = HEADRACE_UNREADABLE,
  unsupported = HEADRACE_UNSUPPORTED,  // its content is of no kind that this handler takes
  corrupt = HEADRACE_CORRUPT,          // of a known kind, but broken
  too_large = HEADRACE_TOO_LARGE,
  failed = HEADRACE_FAILED,  // anything else; shown as infer_failed
};

// To be thrown where another code than HandlerError::failed is meant.
class HandlerFailure : public std::runtime_error {
 public:
  HandlerFailure(HandlerError code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  HandlerError code() const { return code_; }

 private:
  HandlerError code_;
};

// The answer to one item.
class HandlerResult {
 public:
  // One JSON value. It is checked: an item whose JSON is none fails.
  static HandlerResult json(std::string value) { return {HEADRACE_JSON, std::move(value)}; }
  // Becomes a JSON string.
  static HandlerResult text(std::string value) { return {HEADRACE_TEXT, std::move(value)}; }
  // Becomes {"base64":"..."}, or a file of its own with --files.
  static HandlerResult bytes(std::string value) { return {HEADRACE_BYTES, std::move(value)}; }
  static HandlerResult bytes(std::vector<std::byte> value) {
    return {HEADRACE_BYTES, std::move(value)};
  }
  // The item fails; the message is for people.
  static HandlerResult failure(HandlerError code, std::string message) {
    HandlerResult result(0, std::move(message));
    result.error_ = static_cast<std::uint32_t>(code);
    return result;
  }

  // As the C interface has it; valid as long as this.
  headrace_handler_output output() const {
    return std::visit(
        [this](const auto& data) {
          return headrace_handler_output{error_, kind_, data.data(), data.size()};
        },
        data_);
  }

 private:
  using Data = std::variant<std::string, std::vector<std::byte>>;
  HandlerResult(std::uint32_t kind, Data data) : kind_(kind), data_(std::move(data)) {}

  std::uint32_t error_ = HEADRACE_OK;
  std::uint32_t kind_;
  Data data_;
};

// One item of a batch. Valid during the call.
struct HandlerInput {
  std::span<const std::byte> bytes;
  std::string_view name;
};

// What a class learns before its first item.
struct HandlerOptions {
  std::string settings;   // the text of --handler-settings
  std::uint32_t threads;  // processors meant for this worker, at least 1
  std::uint32_t batch;    // the most items together, at least 1
};

namespace detail {

template <class F>
concept TakesFile =
    std::is_invocable_r_v<HandlerResult, F, std::span<const std::byte>, std::string_view>;
template <class F>
concept TakesName = std::is_invocable_r_v<HandlerResult, F, std::string_view>;
template <class F>
concept TakesBatch =
    std::is_invocable_r_v<std::vector<HandlerResult>, F, std::span<const HandlerInput>>;

// One call of the user's code; what it throws becomes a failure.
template <class Call>
HandlerResult answer(Call&& call) {
  try {
    return call();
  } catch (const HandlerFailure& e) {
    return HandlerResult::failure(e.code(), e.what());
  } catch (const std::exception& e) {
    return HandlerResult::failure(HandlerError::failed, e.what());
  } catch (...) {
    return HandlerResult::failure(HandlerError::failed,
                                  "it threw something that is no std::exception");
  }
}

inline void write_error(std::string_view text, char* error, std::size_t size) noexcept {
  if (error == nullptr || size == 0) return;
  const std::size_t length = std::min(text.size(), size - 1);
  std::copy_n(text.data(), length, error);
  error[length] = '\0';
}

// 0, or 1 with the text of what was thrown.
template <class Work>
int guarded(char* error, std::size_t size, Work&& work) noexcept {
  try {
    work();
    return 0;
  } catch (const std::exception& e) {
    write_error(e.what(), error, size);
  } catch (...) {
    write_error("it threw something that is no std::exception", error, size);
  }
  return 1;
}

// A function as a class.
template <auto F>
struct FunctionHandler {
  template <class... Args>
  requires std::invocable<decltype(F), Args...>
  auto operator()(Args&&... args) const { return F(std::forward<Args>(args)...); }
};

// The functions of the C interface for objects of class T.
template <class T>
class HandlerFunctions {
 public:
  static_assert(TakesFile<T&> || TakesName<T&> || TakesBatch<T&>,
                "a handler is called with (bytes, name), with (name) or with a span of inputs: see "
                "headrace/handler.h");

  static constexpr headrace_handler_table table(const char* name, const char* version = nullptr) {
    constexpr bool names = !TakesFile<T&> && !TakesBatch<T&>;
    return {.abi = HEADRACE_HANDLER_ABI,
            .struct_size = sizeof(headrace_handler_table),
            .name = name,
            .version = version,
            .takes = names ? HEADRACE_TAKES_NAMES : HEADRACE_TAKES_FILES,
            .init = &init,
            .run = &run,
            .deinit = &deinit};
  }

 private:
  struct State {
    std::unique_ptr<T> work;
    std::vector<HandlerResult> results;  // of the last call: the caller reads them in place
  };

  static int init(const headrace_handler_options* options, void** state, char* error,
                  std::size_t size) noexcept {
    return guarded(error, size, [&] {
      auto made = std::make_unique<State>();
      if constexpr (std::constructible_from<T, const HandlerOptions&>) {
        made->work = std::make_unique<T>(
            HandlerOptions{options->settings, options->threads, options->batch});
      } else {
        made->work = std::make_unique<T>();
      }
      *state = made.release();
    });
  }

  static int run(void* state, const headrace_handler_input* inputs,
                 headrace_handler_output* outputs, std::size_t count, char* error,
                 std::size_t size) noexcept {
    return guarded(error, size, [&] {
      State& mine = *static_cast<State*>(state);
      mine.results.clear();
      mine.results.reserve(count);
      call(*mine.work, {inputs, count}, mine.results);
      for (std::size_t i = 0; i < count; ++i) outputs[i] = mine.results[i].output();
    });
  }

  static void deinit(void* state) noexcept { delete static_cast<State*>(state); }

  static HandlerInput view(const headrace_handler_input& input) {
    return {{static_cast<const std::byte*>(input.bytes), input.size},
            {input.name, input.name_size}};
  }

  static void call(T& work, std::span<const headrace_handler_input> inputs,
                   std::vector<HandlerResult>& results) {
    if constexpr (TakesBatch<T&>) {
      call_together(work, inputs, results);
    } else {
      for (const headrace_handler_input& input : inputs) {
        results.push_back(answer([&]() -> HandlerResult {
          const HandlerInput item = view(input);
          if constexpr (TakesFile<T&>) {
            return work(item.bytes, item.name);
          } else {
            return work(item.name);
          }
        }));
      }
    }
  }

  // What is thrown for several is thrown on: they are then given again one by one.
  static void call_together(T& work, std::span<const headrace_handler_input> inputs,
                            std::vector<HandlerResult>& results) {
    std::vector<HandlerInput> items;
    for (const headrace_handler_input& input : inputs) items.push_back(view(input));
    const auto all = [&] {
      std::vector<HandlerResult> given = work(std::span<const HandlerInput>(items));
      if (given.size() == items.size()) return given;
      throw std::logic_error("it gave " + std::to_string(given.size()) + " results for " +
                             std::to_string(items.size()) + " items");
    };
    if (items.size() > 1) {
      results = all();
    } else {
      results.push_back(answer([&] { return std::move(all().front()); }));
    }
  }
};

template <auto F>
constexpr headrace_handler_table handler_table(const char* name, const char* version = nullptr) {
  return HandlerFunctions<FunctionHandler<F>>::table(name, version);
}
template <class T>
constexpr headrace_handler_table handler_table(const char* name, const char* version = nullptr) {
  return HandlerFunctions<T>::table(name, version);
}

}  // namespace detail
}  // namespace headrace

// Defines the one exported symbol; see the head of this file.
#define HEADRACE_HANDLER(handler, ...)            \
  const headrace_handler_table headrace_handler = \
      headrace::detail::handler_table<handler>(#handler __VA_OPT__(, ) __VA_ARGS__)
