#include "worker/confinement.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "shm/brief.h"
#include "sys/poller.h"

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;

Error cannot(const Error& why) {
  return Error{"the worker cannot be sandboxed here: " + why.message + "; use --sandbox auto"};
}

// What the supervisor has not said already: that the kernel has it, and refuses all the same.
Status settle(const sys::Sandbox& sandbox, const Status& bound) {
  if (bound) return Ok{};
  if (sandbox.confine == sys::Confine::always) return cannot(bound.error());
  std::string said(1, static_cast<char>(shm::Greeting::unconfined));
  said += bound.error().message;
  sys::send_message(shm::kControlFd, said);
  return Ok{};
}

}  // namespace

Status confine_loading(const sys::Sandbox& sandbox, std::span<const fs::path> places) {
  if (sandbox.confine == sys::Confine::off) return Ok{};
  sys::leave_standard_streams();
  const sys::SandboxFacts facts = sys::sandbox_facts();
  // For a model it is the second half that counts; a handler goes on reading files.
  if (facts.landlock > 0 || sandbox.files != sys::FileUse::none) {
    if (Status bound = settle(sandbox, sys::bind_files(sandbox.files, places)); !bound)
      return bound;
  }
  return facts.seccomp ? settle(sandbox, sys::bind_loading(sandbox.files)) : Ok{};
}

Status confine_working(const sys::Sandbox& sandbox) {
  if (sandbox.confine == sys::Confine::off) return Ok{};
  if (sandbox.confine == sys::Confine::where_possible && !sys::sandbox_facts().seccomp) return Ok{};
  return settle(sandbox, sys::bind_calls(sandbox.files, shm::kControlFd));
}

std::vector<fs::path> places_of_model(const model::Model& model) {
  std::error_code wrong;
  std::vector<fs::path> places = model.files;
  // A store of models may keep each file under another name, elsewhere.
  const auto add_target = [&places](const fs::path& file) {
    std::error_code missing;
    if (fs::is_symlink(file, missing)) places.push_back(fs::canonical(file, missing));
  };
  std::ranges::for_each(model.files, add_target);
  if (!places.empty()) return places;
  places.push_back(model.file.parent_path());
  for (fs::directory_iterator at(model.file.parent_path(), wrong), end; !wrong && at != end;
       at.increment(wrong))
    add_target(at->path());
  return places;
}

}  // namespace headrace::worker
