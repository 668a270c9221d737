// What the INPUT arguments of a command stand for: files, folders, lists.
//
// Blocks on slow disks and on standard input, so it runs on a thread of its own (file_source.h).
// The order is the same each time as long as nothing changes: arguments as given, the entries of a
// folder by name, the files of a folder before its subfolders. Names that begin with a dot are left
// out, as are links to folders, which may lead in a circle. What goes or comes in a folder while it is
// read may be seen or not.
//
// On a network share asking what a name stands for takes milliseconds; so several are asked at once, and
// only where the name alone does not tell.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "pipeline/source.h"

namespace headrace::pipeline {

// Takes one name; false to stop the walk.
using Take = std::function<bool(std::string name, std::optional<Input::Unfit> unfit)>;

struct WalkSettings {
  int stop = -1;  // this descriptor, once readable, ends every wait
  // How long errors that may pass are tried again; a folder that does not get over them is unfit.
  std::chrono::milliseconds patience{0};
};

// Walks through arguments: each a file, a folder, "@LIST" or "-" (a list on standard input, one name a
// line). The error is a list that cannot be read, or, at the end of the walk, a folder whose errors might
// have passed and did not.
Status walk(std::span<const std::string> arguments, const WalkSettings& settings, const Take& take);

}  // namespace headrace::pipeline
