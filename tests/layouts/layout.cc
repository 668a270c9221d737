#include "layouts/layout.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace headrace::layouts {
namespace {

// A line before the first file: "affinity 4", "env HEADRACE_CPUS 2", "expect cpus 1.5".
void take_setting(const std::string& line, Layout& layout) {
  std::istringstream words(line);
  std::string kind;
  words >> kind >> std::ws;
  std::string rest;
  std::getline(words, rest);
  const std::size_t blank = std::min(rest.find(' '), rest.size());
  const std::string key = rest.substr(0, blank);
  const std::string value = rest.substr(std::min(blank + 1, rest.size()));
  if (kind == "affinity") {
    layout.affinity = static_cast<unsigned>(std::stoul(rest));
  } else if (kind == "online") {
    layout.online = static_cast<unsigned>(std::stoul(rest));
  } else if (kind == "address_space") {
    layout.address_space = Bytes{std::stoull(rest)};
  } else if (kind == "others") {
    layout.others = rest;
  } else if (kind == "env") {
    layout.env[key] = value;
  } else if (kind == "expect") {
    layout.expected[key] = value;
  } else {
    throw std::runtime_error(layout.name + ": no such setting: " + line);
  }
}

void take_comment(const std::string& line, Layout& layout) {
  const std::string text = line.substr(std::min(line.find_first_not_of("# "), line.size()));
  if (!layout.about.empty() && !text.empty()) layout.about += ' ';
  layout.about += text;
}

// "== a/b := text", "== a/b/" or "== a/b", whose lines follow. Returns the file that they go to.
std::string* take_file(const std::string& line, Layout& layout) {
  const std::size_t assign = line.find(" :=");
  if (line.ends_with("/")) {
    layout.folders.push_back(line.substr(3));
    return nullptr;
  }
  if (assign == std::string::npos) return &layout.files[line.substr(3)];
  layout.files[line.substr(3, assign - 3)] =
      line.size() > assign + 4 ? line.substr(assign + 4) + "\n" : "";
  return nullptr;
}

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(HEADRACE_LAYOUTS)) {
    if (entry.path().extension() == ".layout") found.push_back(entry.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Layout load(const std::string& name) {
  Layout layout;
  layout.name = name;
  std::ifstream in(std::filesystem::path(HEADRACE_LAYOUTS) / (name + ".layout"));
  if (!in) throw std::runtime_error("no layout " + name);
  layout.online = 0;
  std::string* file = nullptr;
  bool in_files = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("== ")) {
      in_files = true;
      file = take_file(line, layout);
    } else if (in_files) {
      if (file != nullptr) *file += line + "\n";
    } else if (line.starts_with("#")) {
      take_comment(line, layout);
    } else if (!line.empty()) {
      take_setting(line, layout);
    }
  }
  if (layout.online == 0) layout.online = layout.affinity;
  return layout;
}

void expand(const Layout& layout, sys::FakeRoot& root) {
  for (const std::string& folder : layout.folders) root.folder(folder);
  for (const auto& [name, content] : layout.files) root.put(name, content);
}

plan::BudgetInput input_from(const sys::FakeRoot& root, const Layout& layout) {
  const auto env = [&](const char* name) -> std::string_view {
    const auto found = layout.env.find(name);
    return found == layout.env.end() ? std::string_view{} : std::string_view{found->second};
  };
  return {sys::read_cgroup(root.path()), layout.affinity, layout.address_space,
          env("HEADRACE_CPUS"), env("HEADRACE_MEMORY_MB")};
}

}  // namespace headrace::layouts
