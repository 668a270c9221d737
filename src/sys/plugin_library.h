// A shared object loaded into this process for good.
//
// Called by the process that is to run the plug-in: engines by a worker, never by the supervisor, which
// loads only what is built with it. Nothing is ever unloaded: inference engines leave threads and exit handlers behind, and code that is
// unmapped under them would fault. A handle is therefore a plain value, and pointers from symbol()
// stay good until the process ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

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

// Where an object of the program lies: in which module, and where in it. The same in every process
// that runs the same program, wherever its modules were loaded.
struct Place {
  std::string module;  // file name of the shared object; empty: the program itself
  std::uintptr_t offset = 0;
};
Place place_of(const void* object);

}  // namespace headrace::sys
