// A shared object loaded into this process for good.
//
// Called by the process that is to run the plug-in (a worker), never by the supervisor. Nothing is
// ever unloaded: inference engines leave threads and exit handlers behind, and code that is
// unmapped under them would fault. A handle is therefore a plain value, and pointers from symbol()
// stay good until the process ends.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace headrace::sys {

class PluginLibrary {
 public:
  // Maps the file with every symbol bound now and visible to itself only. The error is the linker's
  // own sentence, which names the file or the missing dependency.
  static Result<PluginLibrary> open(const std::filesystem::path& file);

  // The address of an exported symbol, or nullptr.
  void* symbol(const char* name) const;

 private:
  explicit PluginLibrary(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace headrace::sys
