// The names of a classifier's classes: a text file, one name a line, in the order of the model's
// output.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace headrace::model {

// The lines of `text`, without surrounding blanks and a byte order mark. Empty lines at the end are
// no labels; an empty line before the last label is an error, since every label after it would be
// off by one. `file` is how the user knows it, for the error.
Result<std::vector<std::string>> parse_labels(std::string_view text, std::string_view file);

Result<std::vector<std::string>> read_labels(const std::filesystem::path& path);

}  // namespace headrace::model
