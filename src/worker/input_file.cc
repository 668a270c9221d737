#include "worker/input_file.h"

#include <string>

#include "sys/files.h"

namespace headrace::worker {
namespace {

std::optional<std::span<const std::byte>> settle(
    Item& item, const Result<std::span<const std::byte>, sys::ReadError>& file) {
  if (file) return *file;
  item.fail(file.error().code, file.error().message);
  return std::nullopt;
}

}  // namespace

std::optional<std::span<const std::byte>> read_input(Item& item, Bytes limit,
                                                     std::vector<std::byte>& buffer) {
  return settle(item, sys::read_regular_file(std::string(item.input), limit, buffer));
}

std::optional<std::span<const std::byte>> read_input(Item& item, const sys::Fd& file, Bytes limit,
                                                     std::vector<std::byte>& buffer) {
  if (file) return settle(item, sys::read_whole(file.get(), limit, buffer));
  item.fail(
      ItemError::unreadable,
      "its file did not reach the worker, which may have too few descriptors (ulimit -n); the file "
      "itself may be good");
  return std::nullopt;
}

}  // namespace headrace::worker
