// The C side of a plug-in, written once: a plug-in is a class with four members, and this turns it
// into the table of engine_api.h. No exception passes through: what a member throws becomes the
// error text.
//
//   struct Session {
//     static std::unique_ptr<Session> open(const hr_open_options&);      // throws
//     std::span<const hr_tensor_info> inputs() const, outputs() const;
//     // Throws. May be called at once for different streams, never for the same.
//     void infer(std::uint32_t stream, const hr_tensor* inputs, hr_tensor* outputs);
//   };
//   const char* version();
//   HEADRACE_ENGINE("name", Session, version)
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "engine/engine_api.h"

namespace headrace::plugin {

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
  } catch (const std::exception& failure) {
    write_error(failure.what(), error, size);
  } catch (...) {
    write_error("it threw something that is no std::exception", error, size);
  }
  return 1;
}

// Throws if there are more dimensions than the interface can carry.
inline hr_tensor_info info(std::string_view name, hr_dtype type,
                           std::span<const std::int64_t> dims) {
  if (dims.size() > HR_MAX_RANK)
    throw std::runtime_error("tensor " + std::string(name) + " has too many dimensions");
  hr_tensor_info result{};
  std::copy_n(name.data(), std::min<std::size_t>(name.size(), HR_NAME_SIZE - 1), result.name);
  result.dtype = type;
  result.rank = static_cast<std::uint32_t>(dims.size());
  std::ranges::copy(dims, result.dims);
  return result;
}

template <class S>
struct Functions {
  static S& of(hr_session* session) { return *reinterpret_cast<S*>(session); }
  static const S& of(const hr_session* session) { return *reinterpret_cast<const S*>(session); }

  static int open(const hr_open_options* options, hr_session** session, char* error,
                  std::size_t size) noexcept {
    return guarded(error, size, [&] {
      if (options == nullptr || session == nullptr ||
          options->struct_size < sizeof(hr_open_options)) {
        throw std::invalid_argument("the host was built against an older interface");
      }
      if (options->streams == 0 || options->streams > options->threads)
        throw std::invalid_argument("a stream takes a thread at least");
      *session = reinterpret_cast<hr_session*>(S::open(*options).release());
    });
  }
  static void close(hr_session* session) noexcept {
    guarded(nullptr, 0, [&] { const std::unique_ptr<S> last(&of(session)); });
  }
  static std::uint32_t input_count(const hr_session* session) noexcept {
    return static_cast<std::uint32_t>(of(session).inputs().size());
  }
  static std::uint32_t output_count(const hr_session* session) noexcept {
    return static_cast<std::uint32_t>(of(session).outputs().size());
  }
  static int at(std::span<const hr_tensor_info> infos, std::uint32_t index,
                hr_tensor_info* info) noexcept {
    if (index >= infos.size() || info == nullptr) return 1;
    *info = infos[index];
    return 0;
  }
  static int input_info(const hr_session* session, std::uint32_t index,
                        hr_tensor_info* info) noexcept {
    return at(of(session).inputs(), index, info);
  }
  static int output_info(const hr_session* session, std::uint32_t index,
                         hr_tensor_info* info) noexcept {
    return at(of(session).outputs(), index, info);
  }
  static int infer(hr_session* session, std::uint32_t stream, const hr_tensor* inputs,
                   hr_tensor* outputs, char* error, std::size_t size) noexcept {
    return guarded(error, size, [&] { of(session).infer(stream, inputs, outputs); });
  }

  static const hr_engine* table(const char* name, const char* (*version)()) {
    static const hr_engine engine = {
        HR_ENGINE_ABI, sizeof(hr_engine), name,        version,      &open, &close,
        &input_count,  &output_count,     &input_info, &output_info, &infer};
    return &engine;
  }
};

}  // namespace headrace::plugin

// Defines the plug-in's one exported symbol.
#define HEADRACE_ENGINE(name, session, version)                                              \
  extern "C" __attribute__((visibility("default"))) const hr_engine* headrace_engine_entry(  \
      std::uint32_t abi) {                                                                   \
    return abi == HR_ENGINE_ABI ? headrace::plugin::Functions<session>::table(name, version) \
                                : nullptr;                                                   \
  }
