// Reads the files of this folder: a machine as a container shows it, and what is right there.
//
// README.md explains the form. Expanded below a temporary folder, a layout can be read as if that
// folder were "/": by this project's detection, and by the rules of other programs (tests/others).
// For tests only; throws std::runtime_error at a file that is not in the form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/budget.h"
#include "sys/fake_root.h"

namespace headrace::layouts {

struct Layout {
  std::string name;
  std::string about;      // the comment at the top, as one sentence
  unsigned affinity = 1;  // processors in the mask
  unsigned online = 1;    // processors that the machine has
  std::optional<Bytes> address_space;
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> expected;
  std::string others;                        // what other programs answer, as the file says it
  std::map<std::string, std::string> files;  // by path below "/", without the slash in front
  std::vector<std::string> folders;
};

// All names, sorted; a name is that of the file without ".layout".
std::vector<std::string> names();
Layout load(const std::string& name);
void expand(const Layout& layout, sys::FakeRoot& root);

// What detection has to go by, read from below `root`. Refers to the strings of `layout`.
plan::BudgetInput input_from(const sys::FakeRoot& root, const Layout& layout);

}  // namespace headrace::layouts
