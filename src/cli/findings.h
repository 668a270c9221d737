// What a tuning found, made into what people and runs take from it: rows, sentences, a report, a plan file.
//
// Pure, and so the same findings always give the same words: nothing here measures, reads or writes.
#pragma once

#include <cstddef>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "cli/options.h"
#include "tune/plan_file.h"
#include "tune/report.h"
#include "tune/search.h"
#include "tune/trial.h"

namespace headrace::cli {

struct Findings {
  std::string model{};  // its name
  tune::Place place{};
  Bytes usable{};            // memory for all workers together
  std::size_t listed = 0;    // inputs
  std::size_t sampled = 0;   // of those: that were tried
  std::size_t left_out = 0;  // of those: that failed
  std::vector<std::string> failures{};
  std::optional<tune::Search> search{};  // unset: it never came to that
  std::map<tune::Numbers, std::vector<tune::Measured>> measured{};
  double seconds = 0;               // that it all took
  std::optional<int> stopped_by{};  // the signal that ended it early
};

// "2026-02-03T10:11:12Z".
std::string utc(std::time_t time);

// All but what became of it: `plan_text`, `plan_file`. `decision` is one of the search, which there must be.
tune::Report make_report(const TuneOptions& options, const Findings& findings,
                         const tune::Decision& decision, const std::string& made_at);

// The plan that the report chose.
tune::PlanFile plan_of(const tune::Report& report);

// For a search that came to no decision: what was in the way.
std::string why_no_plan(const tune::Search& search);

}  // namespace headrace::cli
