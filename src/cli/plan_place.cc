#include "cli/plan_place.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "cli/tuned.h"
#include "sys/files.h"
#include "sys/host.h"
#include "tune/plan_file.h"

namespace headrace::cli {
namespace {

namespace fs = std::filesystem;

Status try_place(const std::string& file) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) return Error{"cannot write " + file + ": it is a folder"};
  const std::string beside = file + ".try";
  Status written = sys::replace_file(beside, "");
  fs::remove(beside, ignored);
  return written;
}

// A plan that was edited by hand, and not well, is still one to be replaced.
bool headed_as_plan(const std::string& file) {
  const Result<std::string> text = sys::read_text(file, 1 << 20);
  return text && text->starts_with(tune::kPlanHeading);
}

// In the current folder, for a model in a place where nothing can be written.
std::string fallback(const std::string& given) {
  fs::path model = fs::absolute(given).lexically_normal();
  if (model.filename().empty() || model.filename() == "model.toml") model = model.parent_path();
  return model.filename().string() + ".plan.toml";
}

Result<std::string> place_of_plan(const TuneOptions& options, spdlog::logger& log) {
  std::string file = options.out.empty() ? tune::plan_path(options.model).string() : options.out;
  Status writable = try_place(file);
  if (!writable && options.out.empty()) {
    const std::string here = fallback(options.model);
    log.warn("{}; the plan goes to {}", writable.error().message, here);
    file = here;
    writable = try_place(file);
  }
  if (!writable) return writable.error();
  std::error_code ignored;
  if (fs::exists(file, ignored) && !read_plan(file) && !headed_as_plan(file)) {
    return Error{file +
                 " exists and is no plan: it would be lost; name another file with --out, or "
                 "remove it"};
  }
  return file;
}

}  // namespace

Result<PlanPlace> find_place(const TuneOptions& options, spdlog::logger& log) {
  Result<std::string> plan = place_of_plan(options, log);
  if (!plan) return plan.error();
  PlanPlace place{.plan = std::move(*plan), .page = {}};
  if (options.report == "none") return place;
  if (const Status page = try_place(options.report); !page) {
    log.warn("{}; there will be no page with plots", page.error().message);
  } else {
    place.page = options.report;
  }
  return place;
}

}  // namespace headrace::cli
