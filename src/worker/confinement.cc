#include "worker/confinement.h"

#include <system_error>
#include <vector>

#include "shm/brief.h"

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;

Error cannot(const Error& why) {
  return Error{"the worker cannot be sandboxed here: " + why.message + "; use --sandbox auto"};
}

}  // namespace

Status confine_loading(const sys::Sandbox& sandbox, std::span<const fs::path> readable) {
  if (sandbox.confine == sys::Confine::off) return Ok{};
  sys::leave_standard_streams();
  if (sys::sandbox_facts().landlock == 0) return Ok{};
  const Status bound = sys::bind_files(sandbox.files, readable);
  if (!bound && sandbox.confine == sys::Confine::always) return cannot(bound.error());
  return Ok{};
}

Result<std::string> confine_working(const sys::Sandbox& sandbox) {
  if (sandbox.confine == sys::Confine::off) return std::string();
  const Status bound = sys::bind_calls(sandbox.files, shm::kControlFd);
  if (bound) return std::string();
  if (sandbox.confine == sys::Confine::always) return cannot(bound.error());
  return bound.error().message;
}

std::vector<fs::path> places_of_model(const fs::path& file) {
  std::error_code wrong;
  std::vector<fs::path> places = {file.parent_path()};
  for (fs::directory_iterator at(file.parent_path(), wrong), end; !wrong && at != end;
       at.increment(wrong)) {
    std::error_code missing;
    // A store of models may keep each file under another name, elsewhere.
    if (at->is_symlink(missing)) places.push_back(fs::canonical(at->path(), missing));
  }
  return places;
}

}  // namespace headrace::worker
