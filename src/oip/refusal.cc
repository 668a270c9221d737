#include "oip/refusal.h"

namespace headrace::oip {

int http_status(Refusal::Kind kind) {
  switch (kind) {
    case Refusal::Kind::not_found:
      return 404;
    case Refusal::Kind::too_large:
      return 413;
    case Refusal::Kind::unsupported:
      return 501;
    case Refusal::Kind::invalid:
      break;
  }
  return 400;
}

std::string in_quotes(std::string_view name) {
  constexpr std::size_t kMostBytes = 64;
  std::string text = "'";
  text += name.substr(0, kMostBytes);
  text += name.size() > kMostBytes ? "...'" : "'";
  return text;
}

}  // namespace headrace::oip
