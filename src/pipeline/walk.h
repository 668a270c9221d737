// What the INPUT arguments of a command stand for: files, folders, lists.
//
// Blocks on slow disks and on standard input, so it runs on a thread of its own (file_source.h).
// The order is the same each time as long as nothing changes: arguments as given, the entries of a
// folder by name, the files of a folder before its subfolders. Names that begin with a dot are left
// out, as are links to folders, which may lead in a circle.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "pipeline/source.h"

namespace headrace::pipeline {

// Takes one name; false to stop the walk.
using Take = std::function<bool(std::string name, std::optional<Input::Unfit> unfit)>;

// Walks one argument: a file, a folder, "@LIST" or "-" (a list on standard input, one name a line).
// The error is a list that cannot be read. A readable `stop` descriptor ends a wait for standard
// input.
Status walk(const std::string& argument, int stop, const Take& take);

}  // namespace headrace::pipeline
