#include "worker/input_file.h"

#include <string>

#include "sys/files.h"

namespace headrace::worker {

std::optional<std::span<const std::byte>> read_input(Item& item, Bytes limit,
                                                     std::vector<std::byte>& buffer) {
  auto file = sys::read_regular_file(std::string(item.input), limit, buffer);
  if (file) return *file;
  item.fail(file.error().code, file.error().message);
  return std::nullopt;
}

}  // namespace headrace::worker
