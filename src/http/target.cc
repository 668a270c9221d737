#include "http/target.h"

#include <algorithm>

namespace headrace::http {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

// What is left of "http://host/path" without scheme and host; unchanged when it begins otherwise.
std::string_view without_origin(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !same_word(target.substr(0, scheme.size()), scheme))
      continue;
    const auto slash = target.find_first_of("/?", scheme.size());
    return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    const int high = digit_of(text[at + 1]);
    const int low = digit_of(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return decoded;
}

Result<Target, Refusal> parse_target(std::string_view target) {
  target = without_origin(target);
  if (target.empty() || target.front() != '/')
    return Refusal{400, "the request target must begin with '/'"};
  const auto outside = [](char c) { return static_cast<unsigned char>(c) > 0x7e || c == '#'; };
  if (std::any_of(target.begin(), target.end(), outside))
    return Refusal{400, "the request target has a character that must be percent-encoded"};

  const auto mark = target.find('?');
  const auto raw = target.substr(0, mark);
  auto path = percent_decode(raw);
  if (!path) return Refusal{400, "the path has a '%' without two hexadecimal digits"};
  if (std::any_of(path->begin(), path->end(), is_control))
    return Refusal{400, "the path has a control character"};
  if (std::count(path->begin(), path->end(), '/') != std::count(raw.begin(), raw.end(), '/'))
    return Refusal{400, "the path has an encoded '/'"};
  if (has_dot_segment(*path)) return Refusal{400, "the path has a '.' or '..' segment"};
  return Target{*std::move(path),
                mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1)};
}

}  // namespace headrace::http
