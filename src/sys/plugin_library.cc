#include "sys/plugin_library.h"

#include <dlfcn.h>

namespace headrace::sys {

Result<PluginLibrary> PluginLibrary::open(const std::filesystem::path& file) {
  // A name without a slash would be searched for in the system's folders: a plug-in is only ever a
  // file.
  const std::filesystem::path path = std::filesystem::absolute(file);
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    return Error{reason != nullptr ? reason : "cannot load " + path.string()};
  }
  return PluginLibrary(handle);
}

void* PluginLibrary::symbol(const char* name) const {
  return ::dlsym(handle_, name);
}

}  // namespace headrace::sys
