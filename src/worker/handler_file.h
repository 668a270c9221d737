// Whether what the user named is a handler: told from its first bytes, without loading it.
//
// The supervisor asks; loading a shared object runs its code, and is for workers alone.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace headrace::worker {

// True for a shared object, false for what may be something else (a model, or nothing at all). An
// error for files that could only have been meant as a handler: a program or an object file, or a
// file called .so that is no ELF file.
Result<bool> is_handler(const std::filesystem::path& path);

}  // namespace headrace::worker
