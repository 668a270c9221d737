#include "worker/input_file.h"

#include <chrono>
#include <string>

#include "base/patience.h"
#include "sys/files.h"

namespace headrace::worker {
namespace {

using namespace std::chrono_literals;
using Read = Result<std::span<const std::byte>, sys::ReadError>;

// A network share that is away is no input's fault; but a bad disk says the same, of one file for ever,
// and --timeout ends it sooner.
constexpr auto kPatience = 20s;

std::optional<std::span<const std::byte>> settle(Item& item, const Read& file) {
  if (file) return *file;
  item.fail(file.error().code, file.error().message);
  return std::nullopt;
}

}  // namespace

std::optional<std::span<const std::byte>> read_input(Item& item, Bytes limit,
                                                     std::vector<std::byte>& buffer) {
  const std::string name(item.input);
  return settle(item,
                patiently(kPatience, [&] { return sys::read_regular_file(name, limit, buffer); }));
}

std::optional<std::span<const std::byte>> read_input(Item& item, const sys::Fd& file, Bytes limit,
                                                     std::vector<std::byte>& buffer) {
  if (file)
    return settle(item,
                  patiently(kPatience, [&] { return sys::read_whole(file.get(), limit, buffer); }));
  item.fail(
      ItemError::unreadable,
      "its file did not reach the worker, which may have too few descriptors (ulimit -n); the file "
      "itself may be good");
  return std::nullopt;
}

}  // namespace headrace::worker
