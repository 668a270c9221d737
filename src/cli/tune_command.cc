#include "cli/tune_command.h"

#include <ctime>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "cli/command_line.h"
#include "cli/findings.h"
#include "cli/log.h"
#include "cli/plan_place.h"
#include "cli/talk.h"
#include "cli/tuning.h"
#include "sys/files.h"
#include "sys/process.h"
#include "tune/plan_file.h"
#include "tune/report.h"

namespace headrace::cli {
namespace {

// Writes the plan, if it is one to trust; the error says why there is none.
Status keep_plan(const TuneOptions& options, const Findings& findings, const std::string& file,
                 tune::Report& report) {
  if (!findings.search->compared()) {
    return Error{
        "too little was measured to trust a plan: the one without tuning and another must have "
        "been tried; give it more with --time"};
  }
  if (const auto read = tune::parse_plan_file(report.plan_text, file); !read)
    return Error{"the plan cannot be read back: " + read.error().message};
  if (Status written = sys::replace_file(file, report.plan_text); !written) {
    std::cout << report.plan_text << std::flush;
    return written;
  }
  report.plan_file = file;
  report.decision += "\nwritten to " + file;
  const bool found = std::filesystem::path(file) == tune::plan_path(options.model);
  if (found && !options.latency) {
    report.decision += ", which headrace run takes up by itself";
  } else {
    report.decision += "; give it to headrace run as --plan " + shell_word(file);
  }
  return Ok{};
}

// The page with plots, if there is a place for it.
void keep_page(const std::string& file, tune::Report& report, spdlog::logger& log) {
  if (file.empty()) return;
  if (const Status page = sys::replace_file(file, tune::to_html(report)); !page) {
    log.warn("{}", page.error().message);
  } else {
    report.decision += "\nall of it with plots: " + file;
  }
}

// What was found goes to its places and to the terminal; the exit code.
int conclude(const TuneOptions& options, const Findings& findings, const PlanPlace& place,
             spdlog::logger& log) {
  const auto decision =
      findings.search ? findings.search->decide() : std::optional<tune::Decision>();
  if (!decision && findings.stopped_by) {
    log.error("stopped before anything was measured; there is no plan");
    return 128 + *findings.stopped_by;
  }
  if (!decision) {
    log.error("no plan worked: {}", why_no_plan(*findings.search));
    return kCannotRun;
  }
  tune::Report report = make_report(options, findings, *decision, utc(std::time(nullptr)));
  report.plan_text = tune::to_toml(plan_of(report));
  const Status kept = keep_plan(options, findings, place.plan, report);
  if (!kept) report.decision += "\nnot written: " + kept.error().message;
  keep_page(place.page, report, log);
  std::cerr << tune::to_text(report);
  if (!kept) log.error("{}", kept.error().message);
  if (findings.stopped_by) return 128 + *findings.stopped_by;
  return kept ? kDone : kCannotRun;
}

}  // namespace

int tune_command(const TuneOptions& options) {
  sys::Signals signals;
  sys::adopt_orphans();
  Talk talk(options.progress);
  const auto log = make_log(options.log_level, talk.is_bar());
  const auto cannot = [&](const Error& error) {
    talk.clear();
    log->error("{}", error.message);
    return static_cast<int>(kCannotRun);
  };

  Result<std::string> program = sys::own_program();
  if (!program) return cannot(program.error());
  Tuning tuning(options, std::move(*program), signals, talk, *log);
  if (const Status ready = tuning.prepare(); !ready) return cannot(ready.error());
  const Result<PlanPlace> place = find_place(options, *log);
  if (!place) return cannot(place.error());
  if (const Status measured = tuning.measure(); !measured) return cannot(measured.error());
  talk.clear();
  return conclude(options, tuning.findings(), *place, *log);
}

}  // namespace headrace::cli
