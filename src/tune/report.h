// What tuning found, for people: a table for the terminal, a page with plots for a browser.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "tune/plan_file.h"
#include "tune/search.h"
#include "tune/trial.h"

namespace headrace::tune {

// One candidate, all its trials together.
struct Row {
  Numbers numbers{};
  std::string equipment{};
  std::size_t trials = 0;
  double rate = 0, rate_low = 0, rate_high = 0;  // items a second, with the 95 % interval
  Latency whole{};                               // over all its trials
  double cpu_used = 0;                           // cores
  std::optional<double> throttled{};             // share of the periods
  Bytes memory{};                                // of all its workers together
  double load_seconds = 0;
  bool finalist = false;
  bool chosen = false;
  bool untuned = false;
  std::string lost_for{};  // why it is no plan to run with
};

struct Report {
  std::string model{};
  std::string command{};  // as the user could give it again
  std::string made_by{}, made_at{};
  Goal goal{};
  Place place{};
  Bytes usable_memory{};
  std::size_t inputs = 0;    // in the sample
  std::size_t listed = 0;    // that it was taken from
  std::size_t left_out = 0;  // of the sample, since they failed
  std::vector<std::string> failures{};
  double seconds = 0;       // that it all took
  std::string stopped{};    // why it ended early; empty: it did not
  std::vector<Row> rows{};  // the best first
  std::vector<std::string> not_tried{};
  std::string decision{};   // sentences
  std::string plan_text{};  // the plan file
  std::string plan_file{};  // where it lies
};

// The finalists, the plan without tuning, and the decision. Ends with a line end.
std::string to_text(const Report& report);
// One page that needs nothing else: no script, no picture, no font from anywhere.
std::string to_html(const Report& report);

}  // namespace headrace::tune
