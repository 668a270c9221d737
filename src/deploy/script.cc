#include "deploy/script.h"

#include <fmt/format.h>

#include <algorithm>

namespace headrace::deploy {
namespace {

// What stands after ":?" in a script, which a shell would read for more than text.
std::string harmless(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool means_something = c == '$' || c == '`' || c == '"' || c == '\\' || c == '}';
    out += means_something || static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string script_opening(const std::vector<std::string>& heading) {
  return "#!/usr/bin/env bash\n" + heading_text(heading, "#") + "set -euo pipefail\n\n";
}

std::string script_values(const std::vector<Placeholder>& placeholders) {
  std::string out;
  for (const Placeholder& asked : placeholders) {
    if (asked.found_by.empty()) {
      out += fmt::format(": \"${{{}:?{}}}\"\n", asked.name, harmless("set it to " + asked.what));
      continue;
    }
    // A command that fails within an expansion would go unnoticed; in an assignment of its own it ends the script.
    out += fmt::format("if [[ -z ${{{0}:-}} ]]; then  # {1}\n  {0}=$({2})\nfi\n", asked.name,
                       harmless(asked.what), asked.found_by);
  }
  return out;
}

std::string script_filled(const std::string& name, const std::vector<Placeholder>& placeholders,
                          const std::string& command) {
  std::string out = R"sh(beside=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
)sh";
  if (placeholders.empty()) return out + "filled=$beside/" + shell_text(name) + "\n" + command;
  out += R"(
# Values never stand in a file that stays: they go into a copy that only you may read.
text=$(<"$beside"/)" +
         shell_text(name) + R"()
fill() {
  local LC_ALL=C value=${!1}
  value=${value//\\/\\\\}
  value=${value//\"/\\\"}
  value=${value//$'\n'/'\n'}
  value=${value//$'\r'/'\r'}
  value=${value//$'\t'/'\t'}
  # What is left of control characters, and U+0080 to U+009F, U+2028, U+2029, which a YAML reader does not take as they are.
  if [[ $value == *[$'\001'-$'\037'$'\177']* || $value == *$'\302'[$'\200'-$'\237']* ||
    $value == *$'\342\200'[$'\250'$'\251']* ]]; then
    printf '%s holds a control character, which cannot be filled in\n' "$1" >&2
    exit 2
  fi
  local place="\"\${$1}\""
  text=${text//"$place"/"\"$value\""}
}
)";
  for (const Placeholder& asked : placeholders) out += "fill " + asked.name + "\n";
  return out + R"(folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
filled=$folder/filled.yaml
(umask 077 && printf '%s\n' "$text" >"$filled")
)" + command +
         "rm -rf -- \"$folder\"\n";
}

std::string script_function(const std::string& name, const std::string& lines) {
  std::string out = name + "() {\n";
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    if (end > begin) out += "  " + lines.substr(begin, end - begin);
    out += "\n";
    begin = end + 1;
  }
  return out + "}\n";
}

}  // namespace headrace::deploy
