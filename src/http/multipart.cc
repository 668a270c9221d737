#include "http/multipart.h"

#include <algorithm>

namespace headrace::http {
namespace {

// "form-data; name="a"; filename="b.jpg"", word by word.
class Parameters {
 public:
  explicit Parameters(std::string_view text) : rest_(text) {}

  // What stands before the first ';'.
  std::string_view first() {
    const auto end = std::min(rest_.find(';'), rest_.size());
    const auto word = trimmed(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return word;
  }

  struct Parameter {
    std::string_view name;
    std::string value;
  };
  // The next "; name=value"; nothing at the end, and when what follows is malformed.
  std::optional<Parameter> next() {
    if (rest_.empty() || rest_.front() != ';') return std::nullopt;
    rest_.remove_prefix(1);
    const auto equals = rest_.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = trimmed(rest_.substr(0, equals));
    rest_.remove_prefix(equals + 1);
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    auto value = rest_.starts_with('"') ? quoted() : std::optional(plain());
    if (!value || name.empty()) return std::nullopt;
    return Parameter{name, *std::move(value)};
  }
  bool at_end() const { return trimmed(rest_).empty(); }

 private:
  std::string plain() {
    const auto end = std::min(rest_.find(';'), rest_.size());
    std::string value(trimmed(rest_.substr(0, end)));
    rest_.remove_prefix(end);
    return value;
  }

  std::optional<std::string> quoted() {
    std::string value;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
        return value;
      }
      // Browsers write %22 for a quote; what escapes with a backslash escapes only these two.
      const auto next = rest_.substr(at + 1, 1);
      if (rest_[at] == '\\' && (next == "\"" || next == "\\")) ++at;
      value += rest_[at];
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

Result<std::string, Refusal> boundary_of(std::string_view content_type) {
  Parameters parameters(content_type);
  if (!same_word(parameters.first(), "multipart/form-data"))
    return Refusal{415, "the Content-Type is not multipart/form-data"};
  std::string boundary;
  while (auto parameter = parameters.next()) {
    if (same_word(parameter->name, "boundary")) boundary = std::move(parameter->value);
  }
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  if (boundary.empty() || boundary.size() > 70 || boundary.back() == ' ' ||
      !std::all_of(boundary.begin(), boundary.end(), fits))
    return Refusal{400, "multipart/form-data without a good boundary"};
  return boundary;
}

std::optional<Refusal> read_disposition(std::string_view value, Part& part) {
  Parameters parameters(value);
  if (!same_word(parameters.first(), "form-data"))
    return Refusal{400, "a part of the form has a Content-Disposition other than form-data"};
  bool named = false;
  while (auto parameter = parameters.next()) {
    if (same_word(parameter->name, "name")) {
      part.name = std::move(parameter->value);
      named = true;
    } else if (same_word(parameter->name, "filename")) {
      part.filename = std::move(parameter->value);
    }
  }
  if (!parameters.at_end()) return Refusal{400, "a part's Content-Disposition is malformed"};
  if (!named) return Refusal{400, "a part of the form has no name"};
  return std::nullopt;
}

std::optional<Refusal> read_field(std::string_view line, Part& part) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return Refusal{400, "a part of the form has a malformed head"};
  const auto name = trimmed(line.substr(0, colon));
  const auto value = trimmed(line.substr(colon + 1));
  if (same_word(name, "Content-Disposition")) return read_disposition(value, part);
  if (same_word(name, "Content-Type")) part.content_type = value;
  if (same_word(name, "Content-Transfer-Encoding") && !same_word(value, "binary") &&
      !same_word(value, "8bit") && !same_word(value, "7bit"))
    return Refusal{415, "a part of the form is encoded: send it as it is"};
  return std::nullopt;
}

// `head` is the lines of a part's head, each with its CR LF, without the empty one.
Result<Part, Refusal> read_head(std::string_view head) {
  Part part{{}, {}, "text/plain"};
  bool described = false;
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const auto line = head.substr(0, end);
    if (auto refusal = read_field(line, part)) return *std::move(refusal);
    described =
        described || same_word(trimmed(line.substr(0, line.find(':'))), "Content-Disposition");
    head.remove_prefix(end + 2);
  }
  if (!described) return Refusal{400, "a part of the form has no Content-Disposition"};
  return part;
}

// Goes through a body from one delimiter line to the next.
class Walk {
 public:
  Walk(std::string_view body, const std::string& boundary)
      : body_(body), delimiter_("\r\n--" + boundary) {}

  // Stands behind the first delimiter afterwards.
  bool find_first() {
    const auto opening = std::string_view(delimiter_).substr(2);
    if (body_.starts_with(opening)) {
      at_ = opening.size();
      return true;
    }
    const auto found = body_.find(delimiter_);
    if (found == std::string_view::npos) return false;
    at_ = found + delimiter_.size();
    return true;
  }

  bool at_close() const { return body_.substr(at_).starts_with("--"); }

  // The part that begins behind the delimiter where we stand; then stands behind the next one.
  Result<Part, Refusal> next() {
    const auto padding = body_.find_first_not_of(" \t", at_);
    if (padding == std::string_view::npos || !body_.substr(padding).starts_with("\r\n"))
      return Refusal{400, "a boundary of the form does not end its line"};
    const auto head = padding + 2;
    const auto end = body_.substr(head, kMostPartHead).find("\r\n\r\n");
    if (end == std::string_view::npos)
      return Refusal{400, "the head of a part does not end, or is too large"};
    auto part = read_head(body_.substr(head, end + 2));
    if (!part) return part;
    part->offset = head + end + 4;
    // The delimiter's own CR LF may be the one that ended the head: an empty part.
    const auto after = body_.find(delimiter_, part->offset - 2);
    if (after == std::string_view::npos)
      return Refusal{400, "the form does not end with its boundary"};
    part->size = after < part->offset ? 0 : after - part->offset;
    at_ = after + delimiter_.size();
    return part;
  }

 private:
  std::string_view body_;
  std::string delimiter_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Part>, Refusal> parse_multipart(std::string_view content_type,
                                                   std::span<const std::byte> body) {
  const auto boundary = boundary_of(content_type);
  if (!boundary) return boundary.error();
  Walk walk({reinterpret_cast<const char*>(body.data()), body.size()}, *boundary);
  if (!walk.find_first()) return Refusal{400, "the form does not begin with its boundary"};
  std::vector<Part> parts;
  while (!walk.at_close()) {
    if (parts.size() == kMostParts) return Refusal{400, "the form has too many parts"};
    auto part = walk.next();
    if (!part) return std::move(part).error();
    parts.push_back(*std::move(part));
  }
  return parts;
}

}  // namespace headrace::http
