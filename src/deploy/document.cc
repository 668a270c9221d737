#include "deploy/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>
#include <utility>

#include "base/text.h"

namespace headrace::deploy {
namespace {

constexpr std::size_t kWidth = 110;  // of a comment
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

// What a YAML reader takes for no text, in any mixture of small and large letters.
bool is_reserved(std::string_view text) {
  constexpr std::array<std::string_view, 9> kReserved = {"true", "false", "yes", "no", "on",
                                                         "off",  "null",  "y",   "n"};
  std::string small(text);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kReserved.begin(), kReserved.end(), small) != kReserved.end();
}

// Begins with a letter or a slash, so it is no number and no date; what follows means nothing in YAML, for a colon that no
// blank follows is none of its own.
bool is_plain(std::string_view text) {
  if (text.empty() || is_reserved(text) || text.back() == ':') return false;
  if (text.front() != '/' && kLetters.find(text.front()) == std::string_view::npos) return false;
  return all_of(text, std::string(kLetters) + std::string(kDigits) + "_./@:-");
}

bool is_identifier(std::string_view text) {
  return !text.empty() && kDigits.find(text.front()) == std::string_view::npos &&
         all_of(text, std::string(kLetters) + std::string(kDigits) + "_");
}

// The code point at the start of well-formed `text`, and how long it is there.
std::pair<char32_t, std::size_t> code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto rest = [&](std::size_t i) { return static_cast<char32_t>(byte(i) & 0x3FU); };
  if (byte(0) < 0x80) return {byte(0), 1};
  if (byte(0) < 0xE0) return {(byte(0) & 0x1FU) << 6 | rest(1), 2};
  if (byte(0) < 0xF0) return {(byte(0) & 0x0FU) << 12 | rest(1) << 6 | rest(2), 3};
  return {(byte(0) & 0x07U) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3), 4};
}

// Control characters, what some reader takes for the end of a line, and what none of them reads as it is.
bool is_unprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
         c == 0xFFFE || c == 0xFFFF;
}

std::string quoted(std::string_view text) {
  const std::string sound = to_utf8(text);
  std::string out = "\"";
  for (std::string_view rest = sound; !rest.empty();) {
    const auto [c, length] = code_point(rest);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_unprintable(c) ||
               rest.substr(0, 2) == "${") {  // not to be taken for a placeholder
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += rest.substr(0, length);
    }
    rest.remove_prefix(length);
  }
  return out + "\"";
}

// Words of a user must not end the line of a comment and go on as something else.
std::string on_one_line(std::string_view text) {
  const std::string sound = to_utf8(text);
  std::string out;
  for (std::string_view rest = sound; !rest.empty();) {
    const auto [c, length] = code_point(rest);
    out += is_unprintable(c) ? " " : rest.substr(0, length);
    rest.remove_prefix(length);
  }
  return out;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > width) {
      end = text.rfind(' ', width);
      if (end == std::string_view::npos || end == 0) end = std::min(text.find(' '), text.size());
    }
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return lines;
}

std::string comment(std::string_view text, std::size_t indent, std::string_view mark) {
  const std::string line = on_one_line(text);
  const std::size_t set_in = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t taken = indent + mark.size() + 1 + set_in + 4;
  std::string out;
  for (const std::string& part :
       wrapped(std::string_view(line).substr(set_in), kWidth > taken + 40 ? kWidth - taken : 40)) {
    // What goes on stands further in than what it goes on with, where that is set in.
    const std::size_t further = out.empty() || set_in == 0 ? set_in : set_in + 4;
    out +=
        fmt::format("{}{} {}{}\n", std::string(indent, ' '), mark, std::string(further, ' '), part);
  }
  return out;
}

bool is_scalar(const Node& node) {
  return node.shape != Shape::mapping && node.shape != Shape::list;
}

class YamlWriter {
 public:
  explicit YamlWriter(bool explain) : explain_(explain) {}

  std::string document(const Node& tree) {
    text_.clear();
    below(tree, 0);
    return std::move(text_);
  }

 private:
  static std::string scalar(const Node& node) {
    switch (node.shape) {
      case Shape::text:
        return yaml_text(node.value);
      case Shape::placeholder:
        return "\"${" + node.placeholder.name + "}\"";
      case Shape::mapping:
        return "{}";
      case Shape::list:
        return "[]";
      case Shape::number:
      case Shape::flag:
        break;
    }
    return node.value;
  }

  void why(const Node& node, std::size_t indent) {
    if (explain_ && !node.why.empty()) text_ += comment(node.why, indent, "#");
  }

  void below(const Node& node, std::size_t indent) {
    for (const Node& child : node.children) {
      if (node.shape == Shape::list) {
        item(child, indent);
      } else {
        why(child, indent);
        entry(child, indent, std::string(indent, ' '));
      }
    }
  }

  // `before`: what stands on the line before the key.
  void entry(const Node& node, std::size_t indent, const std::string& before) {
    text_ += before + yaml_text(node.key) + ":";
    if (is_scalar(node) || node.children.empty()) {
      text_ += " " + scalar(node) + "\n";
      return;
    }
    text_ += "\n";
    below(node, indent + 2);
  }

  void item(const Node& node, std::size_t indent) {
    const std::string dash = std::string(indent, ' ') + "- ";
    why(node, indent);
    if (is_scalar(node) || node.children.empty()) {
      text_ += dash + scalar(node) + "\n";
      return;
    }
    if (node.shape == Shape::list) {
      text_ += std::string(indent, ' ') + "-\n";
      below(node, indent + 2);
      return;
    }
    bool first = true;
    for (const Node& child : node.children) {
      why(child, first ? indent : indent + 2);
      entry(child, indent + 2, first ? dash : std::string(indent + 2, ' '));
      first = false;
    }
  }

  bool explain_;
  std::string text_{};
};

class BicepWriter {
 public:
  explicit BicepWriter(bool explain) : explain_(explain) {}

  std::string body(const Node& tree) {
    text_.clear();
    for (const Node& child : tree.children) {
      if (child.key != "type" && child.key != "apiVersion") entry(child, 2);
    }
    return std::move(text_);
  }

 private:
  static std::string scalar(const Node& node) {
    switch (node.shape) {
      case Shape::text:
        return bicep_text(node.value);
      case Shape::placeholder:
        return parameter_name(node.placeholder.name);
      case Shape::number:
        // The language has no fractions of its own.
        return node.value.find('.') == std::string::npos ? node.value
                                                         : "json('" + node.value + "')";
      case Shape::mapping:
        return "{}";
      case Shape::list:
        return "[]";
      case Shape::flag:
        break;
    }
    return node.value;
  }

  void entry(const Node& node, std::size_t indent) {
    if (explain_ && !node.why.empty()) text_ += comment(node.why, indent, "//");
    const std::string margin(indent, ' ');
    text_ += margin;
    if (!node.key.empty()) {
      text_ += is_identifier(node.key) ? node.key : bicep_text(node.key);
      text_ += ": ";
    }
    if (is_scalar(node) || node.children.empty()) {
      text_ += scalar(node) + "\n";
      return;
    }
    const bool is_list = node.shape == Shape::list;
    text_ += is_list ? "[\n" : "{\n";
    for (const Node& child : node.children) entry(child, indent + 2);
    text_ += margin + (is_list ? "]\n" : "}\n");
  }

  bool explain_;
  std::string text_{};
};

Node leaf(std::string key, Shape shape, std::string value, std::string why) {
  Node node{.key = std::move(key), .shape = shape};
  node.value = std::move(value);
  node.why = std::move(why);
  return node;
}

Node branch(std::string key, Shape shape, std::vector<Node> children, std::string why) {
  Node node{.key = std::move(key), .shape = shape};
  node.children = std::move(children);
  node.why = std::move(why);
  return node;
}

void collect(const Node& node, std::set<std::string>& seen, std::vector<Placeholder>& out) {
  if (node.shape == Shape::placeholder && seen.insert(node.placeholder.name).second)
    out.push_back(node.placeholder);
  for (const Node& child : node.children) collect(child, seen, out);
}

std::string value_of(const Node& tree, std::string_view key) {
  const Node* found = find(tree, key);
  return found == nullptr ? "" : found->value;
}

}  // namespace

Node text(std::string key, std::string value, std::string why) {
  return leaf(std::move(key), Shape::text, std::move(value), std::move(why));
}

Node number(std::string key, double value, std::string why) {
  std::string written = fmt::format("{:.3f}", value);
  written.erase(written.find_last_not_of('0') + 1);
  if (written.back() == '.') written.pop_back();
  return leaf(std::move(key), Shape::number, std::move(written), std::move(why));
}

Node flag(std::string key, bool value, std::string why) {
  return leaf(std::move(key), Shape::flag, value ? "true" : "false", std::move(why));
}

Node placeholder(std::string key, Placeholder what, std::string why) {
  Node node = leaf(std::move(key), Shape::placeholder, "", std::move(why));
  node.placeholder = std::move(what);
  return node;
}

Node mapping(std::string key, std::vector<Node> children, std::string why) {
  return branch(std::move(key), Shape::mapping, std::move(children), std::move(why));
}

Node list(std::string key, std::vector<Node> children, std::string why) {
  return branch(std::move(key), Shape::list, std::move(children), std::move(why));
}

Node words(std::string key, const std::vector<std::string>& values, std::string why) {
  std::vector<Node> children;
  for (const std::string& value : values) children.push_back(text("", value));
  return list(std::move(key), std::move(children), std::move(why));
}

const Node* find(const Node& mapping, std::string_view key) {
  const auto found = std::find_if(mapping.children.begin(), mapping.children.end(),
                                  [&](const Node& child) { return child.key == key; });
  return found == mapping.children.end() ? nullptr : &*found;
}

std::vector<Placeholder> placeholders(const Node& tree) {
  std::set<std::string> seen;
  std::vector<Placeholder> out;
  collect(tree, seen, out);
  return out;
}

std::string parameter_name(std::string_view variable) {
  std::string out;
  bool begins = false;
  for (const char c : variable) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalnum(letter) == 0) {
      begins = !out.empty();
      continue;
    }
    out += static_cast<char>(begins ? std::toupper(letter) : std::tolower(letter));
    begins = false;
  }
  return out;
}

std::string yaml(const Node& tree, const std::vector<std::string>& heading, bool explain) {
  return yaml(std::vector<Node>{tree}, heading, explain);
}

std::string yaml(const std::vector<Node>& trees, const std::vector<std::string>& heading,
                 bool explain) {
  std::string out = heading_text(heading, "#");
  YamlWriter writer(explain);
  for (std::size_t i = 0; i < trees.size(); ++i) {
    if (i > 0) out += "---\n";
    out += writer.document(trees[i]);
  }
  return out;
}

std::string bicep(const Node& tree, std::string_view symbol,
                  const std::vector<std::string>& heading, const std::vector<std::string>& outputs,
                  bool explain) {
  std::string out = heading_text(heading, "//") + "\n";
  for (const Placeholder& asked : placeholders(tree)) {
    out += "@description(" + bicep_text(asked.what) + ")\n";
    if (asked.secret) out += "@secure()\n";
    out += "param " + parameter_name(asked.name) + " string";
    out += (asked.otherwise.empty() ? "" : " = " + asked.otherwise) + "\n\n";
  }
  out += fmt::format("resource {} {} = {{\n", symbol,
                     bicep_text(value_of(tree, "type") + "@" + value_of(tree, "apiVersion")));
  out += BicepWriter(explain).body(tree) + "}\n";
  if (!outputs.empty()) out += "\n";
  for (const std::string& line : outputs) out += line + "\n";
  return out;
}

std::string heading_text(const std::vector<std::string>& heading, std::string_view mark) {
  std::string out;
  for (const std::string& line : heading)
    out += line.empty() ? std::string(mark) + "\n" : comment(line, 0, mark);
  return out;
}

std::string yaml_text(std::string_view text) {
  return is_plain(text) ? std::string(text) : quoted(text);
}

std::string bicep_text(std::string_view text) {
  const std::string sound = to_utf8(text);
  std::string out = "'";
  for (std::string_view rest = sound; !rest.empty();) {
    const auto [c, length] = code_point(rest);
    if (c == '\'' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (rest.substr(0, 2) == "${") {
      out += "\\$";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_unprintable(c)) {
      out += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(c));
    } else {
      out += rest.substr(0, length);
    }
    rest.remove_prefix(length);
  }
  return out + "'";
}

std::string shell_text(std::string_view text) {
  const std::string plain = std::string(kLetters) + std::string(kDigits) + "@%_+=:,./-";
  if (!text.empty() && all_of(text, plain)) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace headrace::deploy
