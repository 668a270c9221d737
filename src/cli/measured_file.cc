#include "cli/measured_file.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "sys/host.h"
#include "tune/plan_file.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;
constexpr double kMib = 1024.0 * 1024.0;
constexpr double kMostSense = 1e12;

using nlohmann::json;

// A number above 0 at a place like /plan/workers/value; 0 when there is none.
double number_at(const json& from, const char* place) {
  const json::json_pointer pointer(place);
  if (!from.contains(pointer) || !from.at(pointer).is_number()) return 0;
  const double value = from.at(pointer).get<double>();
  return std::isfinite(value) && value > 0 && value < kMostSense ? value : 0;
}

Result<deploy::Measured> from_plan(const std::string& text, const std::string& file) {
  const json plan = json::parse(text, nullptr, false);
  if (plan.is_discarded() || number_at(plan, "/budget/cpu/cpus") == 0 ||
      number_at(plan, "/plan/workers/value") == 0)
    return Error{"--from " + file + ": this is not what headrace plan --json prints"};
  deploy::Measured measured{.from = file};
  measured.cpus = number_at(plan, "/budget/cpu/cpus");
  measured.memory_mib = number_at(plan, "/budget/memory/limit_bytes") / kMib;
  measured.load_seconds = number_at(plan, "/measured/load_seconds");
  measured.used_mib = number_at(plan, "/plan/memory_bytes/value") / kMib;
  measured.workers = static_cast<unsigned>(number_at(plan, "/plan/workers/value"));
  measured.threads = static_cast<unsigned>(number_at(plan, "/plan/threads/value"));
  // Of one worker; as many as that only if they do not stand in each other's way.
  measured.rate = number_at(plan, "/measured/items_per_second") * measured.workers;
  return measured;
}

Result<deploy::Measured> from_tune(const std::string& text, const std::string& file) {
  // A reader of plans repeats what it does not know, and this may be any file.
  if (text.find("[plan]") == std::string::npos)
    return Error{"--from " + file +
                 ": this is neither a plan of headrace tune nor what headrace plan --json prints"};
  const Result<tune::PlanFile> plan = tune::parse_plan_file(text, file);
  if (!plan) return Error{"--from: " + plan.error().message};
  deploy::Measured measured{.from = file};
  measured.cpus = plan->place.cpus.value;
  measured.memory_mib = plan->place.memory_limit.mib();
  measured.rate = plan->rate;
  measured.used_mib = plan->memory.mib();
  measured.workers = plan->numbers.workers;
  measured.threads = plan->numbers.threads;
  return measured;
}

}  // namespace

Result<deploy::Measured> parse_measured(const std::string& text, const std::string& file) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string::npos && text[first] == '{';
  return is_json ? from_plan(text, file) : from_tune(text, file);
}

Result<deploy::Measured> read_measured(const std::string& file) {
  const Result<std::string> text = sys::read_text(file, kMostBytes);
  if (!text) return Error{"--from " + file + ": " + text.error().message};
  return parse_measured(*text, file);
}

}  // namespace headrace::cli
