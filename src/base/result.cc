#include "base/result.h"

#include <array>

namespace headrace {
namespace {

constexpr std::array<std::string_view, 11> kNames = {
    "",          "not_found",    "unreadable",       "unsupported",    "corrupt",
    "too_large", "infer_failed", "result_too_large", "worker_crashed", "timeout",
    "cancelled"};

}  // namespace

std::string_view name(ItemError code) {
  return kNames[static_cast<unsigned>(code)];
}

std::optional<ItemError> item_error_from(unsigned value) {
  if (value == 0 || value >= kNames.size()) return std::nullopt;
  return static_cast<ItemError>(value);
}

}  // namespace headrace
