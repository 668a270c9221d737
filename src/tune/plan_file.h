// A plan that was measured, as a file: for people to read, for `headrace run` to take up.
//
// A measured plan is worth something only where it was measured. So the file says for which
// container, which processor and which model it was made, and whoever takes it up compares first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "tune/search.h"

namespace headrace::tune {

// What the plan is the best for.
struct Goal {
  bool latency = false;              // otherwise throughput
  std::optional<double> p99_ms{};    // that a latency plan shall keep to
  std::optional<double> arrivals{};  // items a second that it gets
};
std::string to_text(const Goal& goal);

// Where a plan is made or used.
struct Place {
  Cpus cpus{};
  Bytes memory_limit{};
  std::string processor{};   // its model; empty when nothing says
  std::string model_hash{};  // see hash_of()
};

struct PlanFile {
  std::string made_by{};  // "headrace 0.1.0"
  std::string made_at{};  // "2026-02-03T10:11:12Z"
  Numbers numbers{};
  Place place{};
  std::string model_name{};
  std::string equipment{};  // engine and version
  Goal goal{};
  // Measured, for people.
  double rate = 0, rate_low = 0, rate_high = 0;  // items a second, with the 95 % interval
  double p50_ms = 0, p99_ms = 0;
  Bytes memory{};           // of all workers together
  double untuned_rate = 0;  // of the plan without tuning; 0: not known
};

// How every file begins that to_toml() made.
inline constexpr std::string_view kPlanHeading = "# A plan found by `headrace tune`";
std::string to_toml(const PlanFile& plan);
// The error has a line for each problem: FILE:LINE:COLUMN and the nearest valid key.
Result<PlanFile> parse_plan_file(std::string_view text, const std::string& file);

// Why a plan made at `plan.place` does not hold `here`; nothing when it does.
std::optional<std::string> mismatch(const PlanFile& plan, const Place& here);

// Where the plan of MODEL lies, as the user named it: plan.toml beside model.toml, FILE.plan.toml
// for a file.
std::filesystem::path plan_path(const std::filesystem::path& model);

// A hash over size, first and last MiB of each file: enough to see that a model was replaced. The
// error names the file that cannot be read.
Result<std::string> hash_of(std::span<const std::filesystem::path> files);

}  // namespace headrace::tune
