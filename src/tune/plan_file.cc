#include "tune/plan_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <vector>

#include "base/text.h"
#include "model/toml_reader.h"
#include "plan/plan.h"
#include "plan/words.h"

namespace headrace::tune {
namespace {

namespace fs = std::filesystem;
using model::Section;
using model::SectionKeys;
using std::string_view;

constexpr std::uint32_t kFormat = 1;
constexpr std::array<string_view, 8> kTopKeys{"format",    "made_by", "made_at", "plan",
                                              "container", "model",   "goal",    "measured"};
constexpr std::array<string_view, 5> kPlanKeys{"engine", "workers", "threads", "streams", "batch"};
constexpr std::array<string_view, 3> kContainerKeys{"cpus", "memory_mib", "processor"};
constexpr std::array<string_view, 3> kModelKeys{"name", "hash", "equipment"};
constexpr std::array<string_view, 3> kGoalKeys{"for", "p99_ms", "rate"};
constexpr std::array<string_view, 7> kMeasuredKeys{"rate",   "rate_low",   "rate_high",   "p50_ms",
                                                   "p99_ms", "memory_mib", "untuned_rate"};
constexpr std::array<SectionKeys, 6> kSections{{{"", kTopKeys},
                                                {"plan", kPlanKeys},
                                                {"container", kContainerKeys},
                                                {"model", kModelKeys},
                                                {"goal", kGoalKeys},
                                                {"measured", kMeasuredKeys}}};
constexpr std::array<string_view, 2> kGoals{"throughput", "latency"};

// Two quotas that differ by less are the same with a rounding error.
constexpr double kSameCpus = 0.01;
// A machine's memory is a little different after each boot.
constexpr double kSameMemory = 0.05;
constexpr std::uint64_t kHashedPart = 1 << 20;
constexpr std::uint64_t kFnvStart = 0xcbf29ce484222325;
constexpr std::uint64_t kFnvPrime = 0x100000001b3;

// A text of TOML: the escapes of JSON strings are a part of TOML's.
std::string quoted(const std::string& text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

class PlanReader {
 public:
  explicit PlanReader(const std::string& file) : reader_(kSections, file), file_(file) {}

  Result<PlanFile> run(const toml::table& document) {
    top(reader_.top(document));
    if (const auto in = reader_.section(document, "plan")) {
      numbers(*in);
    } else {
      return Error{file_ + ": it has no section [plan]; make the file anew with headrace tune"};
    }
    if (const auto in = reader_.section(document, "container")) container(*in);
    if (const auto in = reader_.section(document, "model")) {
      text(*in, "name", plan_.model_name);
      text(*in, "hash", plan_.place.model_hash);
      text(*in, "equipment", plan_.equipment);
    }
    if (const auto in = reader_.section(document, "goal")) goal(*in);
    if (const auto in = reader_.section(document, "measured")) measured(*in);
    if (auto error = reader_.error()) return *std::move(error);
    return std::move(plan_);
  }

 private:
  void text(const Section& in, string_view key, std::string& out) {
    if (const auto value = reader_.text(in, key)) out = *value;
  }
  void number(const Section& in, string_view key, double& out) {
    const auto values = reader_.numbers(in, key, /*divisor=*/false);
    if (!values) return;
    if (values->size() != 1 || !std::isfinite(values->front()) || values->front() < 0) {
      reader_.problem(*in.get(key), in.key(key) + " must be one number, 0 or more");
    } else {
      out = values->front();
    }
  }
  void mebibytes(const Section& in, string_view key, Bytes& out) {
    double mib = 0;
    number(in, key, mib);
    out = Bytes{static_cast<std::uint64_t>(std::min(mib, 1e12) * 1024 * 1024)};
  }
  void count(const Section& in, string_view key, std::uint32_t most, unsigned& out) {
    const auto value = reader_.whole(in, key, most);
    if (value && *value == 0)
      reader_.problem(*in.get(key), fmt::format("{} must be from 1 to {}", in.key(key), most));
    if (value) out = *value;
  }

  void top(const Section& in) {
    text(in, "made_by", plan_.made_by);
    text(in, "made_at", plan_.made_at);
    const auto format = reader_.whole(in, "format", 1'000'000);
    if (!format || *format == kFormat) return;
    reader_.problem(*in.get("format"),
                    fmt::format("format is {}, but this program reads {}: make the file anew with "
                                "headrace tune",
                                *format, kFormat));
  }
  void numbers(const Section& in) {
    text(in, "engine", plan_.numbers.engine);
    count(in, "workers", plan::kMostWorkers, plan_.numbers.workers);
    count(in, "threads", plan::kMostThreads, plan_.numbers.threads);
    count(in, "streams", plan::kMostThreads, plan_.numbers.streams);
    count(in, "batch", plan::kMostBatch, plan_.numbers.batch);
    if (plan_.numbers.streams > plan_.numbers.threads && in.get("streams") != nullptr)
      reader_.problem(*in.get("streams"), "plan.streams must not be more than plan.threads");
  }
  void container(const Section& in) {
    number(in, "cpus", plan_.place.cpus.value);
    mebibytes(in, "memory_mib", plan_.place.memory_limit);
    text(in, "processor", plan_.place.processor);
  }
  void goal(const Section& in) {
    if (const auto word = reader_.text(in, "for")) {
      plan_.goal.latency = *word == "latency";
      if (*word != kGoals[0] && *word != kGoals[1]) reader_.not_a_word(in, "for", *word, kGoals);
    }
    if (in.get("p99_ms") != nullptr) number(in, "p99_ms", plan_.goal.p99_ms.emplace());
    if (in.get("rate") != nullptr) number(in, "rate", plan_.goal.arrivals.emplace());
  }
  void measured(const Section& in) {
    number(in, "rate", plan_.rate);
    number(in, "rate_low", plan_.rate_low);
    number(in, "rate_high", plan_.rate_high);
    number(in, "p50_ms", plan_.p50_ms);
    number(in, "p99_ms", plan_.p99_ms);
    mebibytes(in, "memory_mib", plan_.memory);
    number(in, "untuned_rate", plan_.untuned_rate);
  }

  model::TomlReader reader_;
  std::string file_;
  PlanFile plan_;
};

std::uint64_t fnv(std::uint64_t hash, string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
  return hash;
}

}  // namespace

std::string to_text(const Goal& goal) {
  if (!goal.latency) return "throughput";
  std::string text = "latency";
  if (goal.arrivals) text += fmt::format(" at {} items/s", plan::decimal(*goal.arrivals));
  if (goal.p99_ms) text += fmt::format(", p99 within {} ms", plan::decimal(*goal.p99_ms));
  return text;
}

std::string to_toml(const PlanFile& p) {
  std::string out = std::string(kPlanHeading) +
                    ", which `headrace run` takes up by itself.\n"
                    "# To go without it: --plan none, or delete this file.\n";
  out += fmt::format("format = {}\nmade_by = {}\nmade_at = {}\n\n[plan]\n", kFormat,
                     quoted(p.made_by), quoted(p.made_at));
  const Numbers& n = p.numbers;
  if (!n.engine.empty()) out += "engine = " + quoted(n.engine) + "\n";
  out += fmt::format("workers = {}\nthreads = {}  # of each worker\nstreams = {}\nbatch = {}\n\n",
                     n.workers, n.threads, n.streams, n.batch);
  out += "# Elsewhere the plan is not used: it would be a guess there.\n";
  const auto add_text = [&](const char* key, const std::string& text) {
    if (!text.empty()) out += fmt::format("{} = {}\n", key, quoted(text));
  };
  out += fmt::format("[container]\ncpus = {:.2f}\nmemory_mib = {:.0f}\n", p.place.cpus.value,
                     p.place.memory_limit.mib());
  add_text("processor", p.place.processor);
  out += "\n[model]\n";
  add_text("name", p.model_name);
  add_text("hash", p.place.model_hash);
  add_text("equipment", p.equipment);
  out += fmt::format("\n[goal]\nfor = {}\n", quoted(p.goal.latency ? "latency" : "throughput"));
  if (p.goal.p99_ms) out += fmt::format("p99_ms = {:.3f}\n", *p.goal.p99_ms);
  if (p.goal.arrivals) out += fmt::format("rate = {:.3f}  # items a second\n", *p.goal.arrivals);
  out += fmt::format(
      "\n[measured]\nrate = {:.2f}  # items a second; the next two: the 95 % interval of the mean\n"
      "rate_low = {:.2f}\nrate_high = {:.2f}\np50_ms = {:.3f}\np99_ms = {:.3f}\n"
      "memory_mib = {:.1f}  # of all workers together\nuntuned_rate = {:.2f}  # without this "
      "plan\n",
      p.rate, p.rate_low, p.rate_high, p.p50_ms, p.p99_ms, p.memory.mib(), p.untuned_rate);
  return out;
}

Result<PlanFile> parse_plan_file(string_view text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    return Error{fmt::format("{}:{}: {}", file, parsed.error().source().begin.line,
                             parsed.error().description())};
  }
  return PlanReader(file).run(parsed.table());
}

std::optional<std::string> mismatch(const PlanFile& plan, const Place& here) {
  const Place& there = plan.place;
  if (!(there.cpus.value > 0) || there.memory_limit.value == 0)
    return "it does not say for which container it was made (cpus and memory_mib in [container])";
  if (std::abs(there.cpus.value - here.cpus.value) > kSameCpus) {
    return fmt::format("made for {} CPUs, here are {}", plan::decimal(there.cpus.value),
                       plan::decimal(here.cpus.value));
  }
  const double difference = std::abs(there.memory_limit.mib() - here.memory_limit.mib());
  if (difference > kSameMemory * there.memory_limit.mib()) {
    return fmt::format("made for {} of memory, here are {}", plan::mib(there.memory_limit),
                       plan::mib(here.memory_limit));
  }
  if (!there.processor.empty() && !here.processor.empty() && there.processor != here.processor)
    return fmt::format("made on {}, here is {}", there.processor, here.processor);
  if (there.model_hash != here.model_hash) return "the model has changed since";
  return std::nullopt;
}

fs::path plan_path(const fs::path& model) {
  std::error_code ignored;
  if (fs::is_directory(model, ignored)) return model / "plan.toml";
  if (model.filename() == "model.toml") return model.parent_path() / "plan.toml";
  return fs::path(model) += ".plan.toml";
}

Result<std::string> hash_of(std::span<const fs::path> files) {
  std::uint64_t hash = kFnvStart;
  std::string part(kHashedPart, '\0');
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) return Error{"cannot read " + path.string()};
    const auto size = static_cast<std::uint64_t>(file.tellg());
    hash = fnv(hash, std::to_string(size) + ";");
    for (const std::uint64_t from : {std::uint64_t{0}, size - std::min(size, kHashedPart)}) {
      file.seekg(static_cast<std::streamoff>(from));
      file.read(part.data(), static_cast<std::streamsize>(std::min(size, kHashedPart)));
      if (!file) return Error{"cannot read " + path.string()};
      hash = fnv(hash, string_view(part).substr(0, static_cast<std::size_t>(file.gcount())));
    }
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace headrace::tune
