// Which engine is the fastest on this machine: the measurement behind engine::preference().
//
// usage: engine_timing FOLDER MODEL DIMS THREADS ROUNDS ENGINE:PRECISION...
// Opens every candidate, then runs them in turn, ROUNDS times, on the same input, so that whatever
// else the machine does hits all of them alike. Prints the median of each in milliseconds an item,
// and how it compares with the first.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>

#include "engine/engine.h"

namespace {

using namespace headrace;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Candidate {
  std::string label;
  engine::Session session;
  double open_ms;
  std::vector<double> times;  // milliseconds an item
};

std::optional<engine::Shape> parse_shape(const std::string& text) {
  std::vector<std::int64_t> dims;
  std::istringstream stream(text);
  for (std::string dim; std::getline(stream, dim, 'x');) dims.push_back(std::stoll(dim));
  return engine::Shape::of(dims);
}

Result<Candidate> open(const std::string& label, const std::filesystem::path& folder,
                       const engine::OpenOptions& shared) {
  const std::filesystem::path folders[] = {folder};
  const std::size_t colon = label.find(':');
  const auto plugin = engine::Plugin::load(label.substr(0, colon), folders);
  if (!plugin) return plugin.error();
  engine::OpenOptions options = shared;
  if (colon != std::string::npos) options.precision = label.substr(colon + 1);
  const auto begin = Clock::now();
  auto session = plugin->open(options);
  if (!session) return session.error();
  return Candidate{label, *std::move(session), Milliseconds(Clock::now() - begin).count(), {}};
}

Status time_once(Candidate& candidate, const engine::Tensor& input, double items) {
  const auto begin = Clock::now();
  const auto outputs = candidate.session.infer({&input, 1});
  if (!outputs) return outputs.error();
  candidate.times.push_back(Milliseconds(Clock::now() - begin).count() / items);
  return Ok{};
}

double median(std::vector<double> times) {
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

Status compare(std::span<char*> arguments) {
  const auto shape = parse_shape(arguments[2]);
  if (!shape || !shape->elements() || shape->rank() == 0) return Error{"DIMS is no shape"};
  const engine::OpenOptions shared{.model = arguments[1],
                                   .threads = static_cast<std::uint32_t>(std::stoul(arguments[3])),
                                   .precision = "auto",
                                   .input = shape};
  std::vector<Candidate> candidates;
  for (const char* label : arguments.subspan(5)) {
    auto candidate = open(label, arguments[0], shared);
    if (!candidate) return candidate.error();
    candidates.push_back(*std::move(candidate));
  }
  std::vector<float> values(*shape->elements());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i * 2654435761u % 2048) / 1024 - 1;
  const engine::Tensor input{HR_F32, *shape, std::as_bytes(std::span(values))};
  const int warm_up = 5;
  for (int round = -warm_up; round < std::stoi(arguments[4]); ++round) {
    for (Candidate& candidate : candidates) {
      if (round == 0) candidate.times.clear();
      Status done = time_once(candidate, input, static_cast<double>(shape->dims()[0]));
      if (!done) return done;
    }
  }
  const double first = median(candidates[0].times);
  for (const Candidate& candidate : candidates) {
    const double now = median(candidate.times);
    std::printf("%-20s open %7.0f ms   median %7.3f ms an item   %.2f times the first\n",
                candidate.label.c_str(), candidate.open_ms, now, now / first);
  }
  return Ok{};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    std::fputs("usage: engine_timing FOLDER MODEL DIMS THREADS ROUNDS ENGINE:PRECISION...\n",
               stderr);
    return 2;
  }
  const Status done = compare(std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
  if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
