#include "sys/plugin_library.h"

#include <dlfcn.h>
#include <sys/auxv.h>

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

Place place_of(const void* object) {
  Dl_info info{};
  Dl_info program{};
  if (::dladdr(object, &info) == 0) return {};
  // The kernel says where the program's own headers are; what it is called is its caller's choice.
  // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how the kernel tells an address
  ::dladdr(reinterpret_cast<const void*>(::getauxval(AT_PHDR)), &program);
  Place place;
  place.offset =
      reinterpret_cast<std::uintptr_t>(object) - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  if (info.dli_fbase != program.dli_fbase) {
    place.module = std::filesystem::path(info.dli_fname).filename().string();
  }
  return place;
}

}  // namespace headrace::sys
